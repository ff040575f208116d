"""The engines' own tools: really run on real models, and believed only where their report is what was asked for."""

import copy
import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.artifact import PRECISIONS
from edgeall.benching import external_tools, tool_runner
from edgeall.benching.external_tools import BENCHMARK_APP, ToolRequest
from edgeall.benching.external_tools import LITERT_BENCHMARK as LITERT
from edgeall.errors import MeasurementError

ENOUGH_SECONDS = 120.0


def asked(model: Path, **changes: Any) -> ToolRequest:
    return ToolRequest(
        **({"model": model, "threads": 1, "precision": "float32", "warmup": 2, "runs": 9} | changes)
    )


@pytest.fixture(scope="module")
def heavy_openvino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolutions that take milliseconds on any machine."""
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    image = ops.parameter([1, 32, 32, 3], np.float32, name="image")
    x = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2])))
    for given_, made in ((3, 64), (64, 64), (64, 64), (64, 64), (64, 64)):
        kernel = rng.normal(0, 0.05, (made, given_, 3, 3)).astype(np.float32)
        x = ops.relu(ops.convolution(x, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1]))
    mean = ops.reduce_mean(x, ops.constant(np.array([1, 2, 3])), keep_dims=True)
    out = ops.sigmoid(ops.reshape(mean, ops.constant(np.array([1, 1])), False))
    path = tmp_path_factory.mktemp("a folder with blanks") / "heavy.xml"
    openvino.save_model(openvino.Model([out], [image]), path, compress_to_fp16=False)
    return path


@pytest.fixture(scope="module")
def heavy_tflite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for _ in range(5):
        model.add(keras.layers.Conv2D(64, 3, padding="same", activation="relu"))
    folder = tmp_path_factory.mktemp("tflite")
    signature = [keras.InputSpec(shape=(1, 32, 32, 3), dtype="float32", name="image")]
    model.export(folder / "saved", format="tf_saved_model", input_signature=signature, verbose=False)
    path = folder / "heavy.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert())
    return path


def program(folder: Path, code: str) -> Path:
    """An executable that runs `code`, as a user may name one."""
    path = folder / "tool"
    path.write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_benchmark_app_measures_a_real_model(heavy_openvino: Path) -> None:
    found = tool_runner.find("openvino", "openvino")
    answer = tool_runner.measure(found, asked(heavy_openvino), ENOUGH_SECONDS)
    assert found.version is not None
    assert found.version[0].isdigit()
    assert 0 < answer.min_ms <= answer.p50_ms
    assert answer.runs == 2 + 9


def test_benchmark_app_gets_the_properties_that_edgeall_compiles_with(
    heavy_openvino: Path, tmp_path: Path
) -> None:
    """What the tool says of the compiled model itself, not what it was told."""
    found = tool_runner.find("openvino", "openvino")
    assert BENCHMARK_APP.configuration is not None
    wanted = asked(heavy_openvino, threads=2)
    (tmp_path / external_tools.CONFIGURATION).write_text(json.dumps(BENCHMARK_APP.configuration(wanted)))
    status, said = tool_runner._run(
        [*found.command, *BENCHMARK_APP.options(wanted)], tmp_path, 2, ENOUGH_SECONDS
    )
    assert status == 0, said
    for line in (
        "INFERENCE_PRECISION_HINT: <Type: 'float32'>",
        "INFERENCE_NUM_THREADS: 2",
        "NUM_STREAMS: 1",
        "PERFORMANCE_HINT: LATENCY",
    ):
        assert line in said
    # Pictures are not taken for bytes, which would put a conversion into the model.
    assert "f32 / [N,H,W,C] / [1,32,32,3]" in said


def test_openvino_models_of_every_precision_get_edgealls_own_hint() -> None:
    from edgeall.runtimes import SessionOptions, openvino

    for precision in PRECISIONS:
        assert BENCHMARK_APP.configuration is not None
        told = BENCHMARK_APP.configuration(asked(Path("m.xml"), threads=3, precision=precision))["CPU"]
        compiled_with = openvino.settings(SessionOptions(3, precision))["properties"]
        assert told == {key: str(value) for key, value in compiled_with.items()}
        assert told["INFERENCE_PRECISION_HINT"] == "f32"
        assert told["INFERENCE_NUM_THREADS"] == "3"


def test_litert_benchmark_measures_a_real_model(heavy_tflite: Path) -> None:
    answer = tool_runner.measure(
        tool_runner.find("tflite", "ai-edge-litert"), asked(heavy_tflite), ENOUGH_SECONDS
    )
    assert 0 < answer.min_ms <= answer.p50_ms
    assert answer.runs == 9


def test_a_model_too_fast_for_the_tools_two_decimals_has_no_witness(tmp_path: Path) -> None:
    import openvino
    from openvino import opset13 as ops

    image = ops.parameter([1, 4, 4, 3], np.float32, name="image")
    openvino.save_model(openvino.Model([ops.sigmoid(image)], [image]), tmp_path / "tiny.xml")
    with pytest.raises(MeasurementError, match=r"too fast for benchmark_app, .* 0\.5 ms are needed"):
        tool_runner.measure(
            tool_runner.find("openvino", "openvino"), asked(tmp_path / "tiny.xml"), ENOUGH_SECONDS
        )


def test_a_model_that_the_tool_cannot_load_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"^benchmark_app ended with status 1: \S.*$") as failure:
        tool_runner.measure(
            tool_runner.find("openvino", "openvino"), asked(tmp_path / "no.xml"), ENOUGH_SECONDS
        )
    assert "\n" not in str(failure.value)


def test_onnx_runtime_brings_no_tool() -> None:
    with pytest.raises(MeasurementError, match="onnxruntime_perf_test, is not part of its Python package"):
        tool_runner.find("onnx", "onnxruntime")


def test_a_tool_does_not_speak_for_another_interpreter() -> None:
    with pytest.raises(
        MeasurementError, match="ran in tflite-runtime, and litert-benchmark measures ai-edge"
    ):
        tool_runner.find("tflite", "tflite-runtime")


def test_a_tool_that_is_not_installed_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    other = replace(LITERT, module="ai_edge_litert.tools.of_another_age")
    monkeypatch.setattr(external_tools, "LITERT_BENCHMARK", other)
    with pytest.raises(
        MeasurementError, match=r"not part of ai-edge-litert \d.*EDGEALL_LITERT_BENCHMARK may"
    ):
        tool_runner.find("tflite", "ai-edge-litert")


def test_a_user_may_name_the_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heavy_tflite: Path
) -> None:
    installed = shutil.which("litert-benchmark", path=Path(sys.executable).parent)
    if installed is None:
        pytest.skip("ai-edge-litert's console script is not beside this Python")
    monkeypatch.setenv("EDGEALL_LITERT_BENCHMARK", installed)
    found = tool_runner.find("tflite", "ai-edge-litert")
    assert found.command == (installed,)
    assert found.version is None
    assert tool_runner.measure(found, asked(heavy_tflite), ENOUGH_SECONDS).runs == 9


def test_a_named_tool_that_is_no_program_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("not to be run")
    for name in ("missing", "plain", "."):
        monkeypatch.setenv("EDGEALL_BENCHMARK_APP", str(tmp_path / name))
        with pytest.raises(MeasurementError, match=r"EDGEALL_BENCHMARK_APP names .*, which is no program"):
            tool_runner.find("openvino", "openvino")


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_a_tool_that_hangs_is_stopped_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its child, too, holds a pipe open until it ends."""
    import select

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    hanging = f"import os, signal\nheld = open({str(pipe)!r}, 'w')\nos.fork()\nsignal.pause()\n"
    monkeypatch.setenv("EDGEALL_BENCHMARK_APP", str(program(tmp_path, hanging)))
    try:
        with pytest.raises(MeasurementError, match=r"benchmark_app was stopped after 2 s without an answer"):
            tool_runner.measure(tool_runner.find("openvino", "openvino"), asked(tmp_path / "m.xml"), 2.0)
        ended = select.poll()
        ended.register(reader, select.POLLHUP)
        assert ended.poll(30_000), "its child goes on"
    finally:
        os.close(reader)


@pytest.mark.parametrize("left", ["", "[1, 2", '{"latency": NaN}', "[" * 100_000, None])
def test_a_report_that_is_no_json_is_refused(
    left: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = "" if left is None else f"open('report.json', 'w').write({left!r})"
    monkeypatch.setenv("EDGEALL_LITERT_BENCHMARK", str(program(tmp_path, write)))
    found = tool_runner.find("tflite", "ai-edge-litert")
    with pytest.raises(MeasurementError, match="litert-benchmark left no report that can be read"):
        tool_runner.measure(found, asked(tmp_path / "m.tflite"), ENOUGH_SECONDS)


GOOD_APP: dict[str, Any] = {
    "configuration_setup": {
        "target device": "CPU",
        "API": "sync",
        "inference_only": True,
        "batch size": "1",
        "number of parallel infer requests": "1",
    },
    "execution_results": {
        "total number of iterations": "11",
        "latency (ms)": "6.19",
        "min latency": "6.00",
    },
}
GOOD_LITERT: dict[str, Any] = {
    "accelerators": ["CPU"],
    "num_threads": 1,
    "latency": {"num_runs": 9, "median_ms": 9.93, "min_ms": 9.8},
}
ALL_GOOD = ((BENCHMARK_APP, GOOD_APP), (LITERT, GOOD_LITERT))


def test_good_reports_are_believed() -> None:
    question = asked(Path("m"))
    assert BENCHMARK_APP.read(GOOD_APP, question) == external_tools.ToolReport(6.19, 6.0, 11)
    assert LITERT.read(GOOD_LITERT, question) == external_tools.ToolReport(9.93, 9.8, 9)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def leaves(value: Any, way: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Ways to every value of a report, the report itself among them."""
    inner = value.items() if isinstance(value, dict) else ()
    return [way, *(leaf for key, below in inner for leaf in leaves(below, (*way, key)))]


@given(data=st.data(), which=st.sampled_from(ALL_GOOD))
def test_a_report_altered_anywhere_is_refused_or_tells_another_time(data: st.DataObject, which: Any) -> None:
    tool, good = which
    report = copy.deepcopy(good)
    way = data.draw(st.sampled_from(leaves(good)))
    value = data.draw(ANYTHING)
    if not way:
        report = value
    else:
        holder = report
        for key in way[:-1]:
            holder = holder[key]
        holder[way[-1]] = value
    try:
        answer = tool.read(report, asked(Path("m")))
    except MeasurementError:
        return
    assert report == good or way[-1] in ("latency (ms)", "min latency", "median_ms", "min_ms")
    assert answer.p50_ms >= external_tools.LEAST_MS
    assert 0 <= answer.min_ms <= answer.p50_ms


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("configuration_setup", "API"), "async"),
        (("configuration_setup", "inference_only"), "True"),
        (("configuration_setup", "number of parallel infer requests"), "4"),
        (("execution_results", "total number of iterations"), "10"),
        (("execution_results", "latency (ms)"), 6.19),
        (("execution_results", "latency (ms)"), "619.00 us"),
        (("execution_results", "min latency"), "7.00"),
    ],
)
def test_what_benchmark_app_must_not_say(way: tuple[str, str], value: object) -> None:
    report = copy.deepcopy(GOOD_APP)
    report[way[0]][way[1]] = value
    with pytest.raises(MeasurementError, match="benchmark_app reports"):
        BENCHMARK_APP.read(report, asked(Path("m")))
