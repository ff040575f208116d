"""A bench beside the engines' own tools: every result gets a witness, or the reason why it has none."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import DECISION, PIXELS, draw, make_artifact, make_run
from tiny_bench import bench

from edgeall import artifact, results, runs
from edgeall.artifact import Metadata, Parity, Provenance
from edgeall.benching import find_artifacts
from edgeall.benching.cross_check import TOLERANCE, cross_check
from edgeall.measuring.plan import BenchSettings
from edgeall.progress import SILENT
from edgeall.results import Result
from edgeall.results.costs import CrossCheck
from edgeall.runtimes.accelerator import Accelerator
from edgeall.targets import load_profile

SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)


def make_heavy(run: runs.Run) -> None:
    """An OpenVINO artifact that takes milliseconds on any machine, as its tool's two decimals need."""
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    image = ops.parameter([1, 32, 32, 3], np.float32, name="image")
    x = ops.transpose(image, ops.constant(np.array([0, 3, 1, 2])))
    for given, made in ((3, 64), (64, 64), (64, 64), (64, 64), (64, 64)):
        kernel = rng.normal(0, 0.05, (made, given, 3, 3)).astype(np.float32)
        x = ops.relu(ops.convolution(x, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1]))
    mean = ops.reduce_mean(x, ops.constant(np.array([1, 2, 3])), keep_dims=True)
    out = ops.sigmoid(ops.reshape(mean, ops.constant(np.array([1, 1])), False))
    path = run.exports / f"{run.name}_heavy.xml"
    openvino.save_model(openvino.Model([out], [image]), path, compress_to_fp16=False)
    origin = Provenance(run.name, run.backbone, run.head, run.weights, "drawn", "0" * 64, run.licence)
    parity = Parity(8, 1.0, 1e-3, 1e-4, True)
    artifact.seal(path, Metadata("openvino", "float32", PIXELS, DECISION, origin, parity=parity))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run benched with its witnesses: an ONNX artifact, an OpenVINO one, and one too fast for its tool."""
    folder = tmp_path_factory.mktemp("checked")
    draw(folder / "data", {"healthy": 12, "all": 12})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    make_artifact(run, "onnx", "float32")
    make_artifact(run, "openvino", "float32")
    make_heavy(run)
    paths = find_artifacts([], folder / "runs")
    return folder, bench(paths, load_profile("laptop"), SHORT, witnesses=True)


def read(document: dict[str, Any]) -> tuple[Result, ...]:
    return results.build("bench", document).results


def of(document: dict[str, Any], end: str) -> dict[str, Any]:
    (row,) = [row for row in document["results"] if row["artifact"].endswith(end)]
    return dict(row["cross_check"])


def test_the_tool_and_edgeall_are_set_side_by_side(checked: tuple[Path, dict[str, Any]]) -> None:
    check = of(checked[1], "_heavy.xml")
    assert check["tool"] == "benchmark_app"
    assert check["tolerance"] == TOLERANCE
    assert len(check["rounds"]) == SHORT.rounds
    assert check["ratio"]["low"] <= check["ratio"]["value"] <= check["ratio"]["high"]
    low, high = check["ratio"]["low"], check["ratio"]["high"]
    assert check["within_tolerance"] is (None if low <= 1.03 < high else high <= 1.03)
    assert check["ours_p50_ms"] / check["p50_ms"] == pytest.approx(check["ratio"]["value"])
    for whose in ("ours_", ""):
        assert 0 < check[f"{whose}min_ms"] <= check[f"{whose}p50_ms"]


def test_a_whole_measurement_is_taken_in_every_round(checked: tuple[Path, dict[str, Any]]) -> None:
    for taken in of(checked[1], "_heavy.xml")["rounds"]:
        assert taken["ours_n"] >= SHORT.min_runs
        assert taken["tool_n"] >= SHORT.min_runs


def test_an_artifact_without_a_witness_says_why(checked: tuple[Path, dict[str, Any]]) -> None:
    onnx, fast = of(checked[1], ".onnx"), of(checked[1], "_openvino-float32.xml")
    assert onnx["tool"] is None
    assert "onnxruntime_perf_test" in onnx["reason"]
    assert fast["tool"] is None
    assert "too fast for benchmark_app" in fast["reason"]


def test_the_witnesses_are_written_with_the_results(checked: tuple[Path, dict[str, Any]]) -> None:
    folder, document = checked
    written = json.loads((folder / "runs" / "tiny" / "bench" / "laptop.json").read_text(encoding="utf-8"))
    assert written["results"] == document["results"]
    assert results.merge([("laptop.json", written)])[0].results[0].cross_check is not None


def test_they_may_be_asked_afterwards(checked: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Records that are there already are not measured again, and the result file still gains the witness."""
    folder = tmp_path
    shutil.copytree(checked[0] / "runs", folder / "runs")
    only = [path for path in find_artifacts([], folder / "runs") if path.name.endswith(".onnx")]
    settings = dataclasses.replace(SHORT, rounds=1)
    plain = bench(only, load_profile("laptop"), settings, overwrite=True)
    assert "cross_check" not in plain["results"][0]
    again = bench(only, load_profile("laptop"), settings, witnesses=True)
    assert again["results"][0]["measured_at"] == plain["results"][0]["measured_at"]
    written = json.loads((folder / "runs" / "tiny" / "bench" / "laptop.json").read_text(encoding="utf-8"))
    (row,) = [row for row in written["results"] if row["artifact"].endswith(".onnx")]
    assert row["cross_check"]["tool"] is None


def test_a_later_bench_keeps_the_witnesses_of_rounds_that_stay(
    checked: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(checked[0] / "runs", tmp_path / "runs")
    only = [path for path in find_artifacts([], tmp_path / "runs") if path.name.endswith("_heavy.xml")]
    more = dataclasses.replace(SHORT, threads=(1, 2))
    shown = bench(only, load_profile("laptop"), more)["results"]
    written = json.loads((tmp_path / "runs/tiny/bench/laptop.json").read_text(encoding="utf-8"))["results"]
    for rows in (shown, [row for row in written if row["artifact"].endswith("_heavy.xml")]):
        one, two = rows
        assert one["cross_check"] == of(checked[1], "_heavy.xml")
        assert "cross_check" not in two


def test_a_witness_does_not_rewrite_the_conditions_of_what_was_measured_before(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"healthy": 12, "all": 12})
    earlier, later = (make_run(tmp_path / "runs" / name, tmp_path / "data") for name in ("earlier", "later"))
    for run in (earlier, later):
        make_artifact(run, "onnx", "float32")
    settings = dataclasses.replace(SHORT, rounds=1)
    bench(find_artifacts([], earlier.path.parent)[:1], load_profile("laptop"), settings)
    file = earlier.path / "bench" / "laptop.json"
    written = json.loads(file.read_text(encoding="utf-8"))
    written["environment"]["before"]["power_source"] = "battery"
    file.write_text(json.dumps(written), encoding="utf-8")
    bench(find_artifacts([], earlier.path.parent), load_profile("laptop"), settings, witnesses=True)
    again = json.loads(file.read_text(encoding="utf-8"))
    assert "cross_check" in again["results"][0]
    assert again["environment"] == written["environment"]
    assert (later.path / "bench" / "laptop.json").is_file()


def test_a_tool_on_the_processor_does_not_speak_for_an_accelerator(
    checked: tuple[Path, dict[str, Any]],
) -> None:
    row = next(row for row in read(checked[1]) if row.format == "openvino")
    settings = dataclasses.replace(SHORT, accelerators={"openvino": Accelerator("GPU")})
    (check,) = cross_check([row], [], load_profile("laptop"), settings, SILENT)
    assert check == CrossCheck(tool=None, reason="tools are asked for the processor alone, and it ran on GPU")


@pytest.mark.parametrize(
    ("device", "changes", "reason"),
    [
        ("rpi5", {}, "tools run on this machine alone, and device rpi5 is reached by ssh"),
        ("laptop", {"latency_kind": "emulated"}, "an emulator's times are no latency"),
        ("laptop", {"members": ["a.tflite", "b.tflite"]}, "an ensemble is several models"),
    ],
)
def test_what_no_tool_of_this_machine_can_witness(
    device: str, changes: dict[str, Any], reason: str, checked: tuple[Path, dict[str, Any]]
) -> None:
    result = dataclasses.replace(read(checked[1])[0], **changes)
    (check,) = cross_check([result], [], load_profile(device), SHORT, SILENT)
    assert check.tool is None
    assert reason in str(check.reason)
