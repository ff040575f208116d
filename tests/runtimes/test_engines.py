"""Engines are imported when asked for and not before; one that is missing is named with its cure."""

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from small_models import SmallModel

from edgeall.artifact import FORMATS
from edgeall.engines import BY_SUFFIX, ENGINES, Engine, load
from edgeall.runtimes import open_model

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

_BLOCK = """
import importlib.abc, json, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        if name.partition(".")[0] in {broken!r}:
            raise {error}
sys.meta_path.insert(0, Absent())
"""

_OPEN = """
from pathlib import Path
from edgeall.errors import EdgeallError
from edgeall.pixels import PixelMapping
from edgeall.runtimes import open_model
import numpy as np
try:
    with open_model(Path({path!r}), {format!r}, PixelMapping({size}, "RGB", {scale!r}, {offset!r})) as session:
        answers = session.predict(np.full((1, {size}, {size}, 3), 77, np.uint8))
        print(json.dumps([session.engine.name, session.engine.version, float(answers[0, 1])]))
except EdgeallError as error:
    print(json.dumps([type(error).__name__, str(error), None]))
"""


def _open_without(
    absent: list[str], model: SmallModel, format: str, broken: str = "", error: str = "ImportError()"
) -> list[object]:
    pixels = model.pixels
    program = _BLOCK.format(absent=absent, broken=[broken], error=error) + _OPEN.format(
        path=str(model.files[f"{format}-fp32"]),
        format=format,
        size=pixels.size,
        scale=pixels.scale,
        offset=pixels.offset,
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_no_two_rows_share_a_suffix() -> None:
    assert len(BY_SUFFIX) == len(ENGINES)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_every_reference_of_a_row_resolves(engine: Engine) -> None:
    assert callable(load(engine.container)().split)
    assert {"load", "settings", "lacking"} <= set(vars(load(engine.runtime)))
    for module in ("sklearn", "scipy"):
        pytest.importorskip(module, reason="needs the workstation's packages")
    members = {"NEEDS", "PACKAGES", "QUANTIZER", "convert", "describe", "tensors", "write_int8"}
    assert members <= set(vars(load(engine.exporter)))
    assert (engine.tool is None) == bool(engine.no_tool)
    assert engine.tool is None or load(engine.tool).engine == engine.distribution


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_what_installs_an_engine_names_it(engine: Engine) -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] if engine.extra is None else extras[engine.extra]
    assert any(each.startswith(f"{engine.distribution}>=") for each in wanted)


def test_importing_the_room_imports_no_engine() -> None:
    program = "import sys, json, edgeall.runtimes, edgeall.field; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {
        "tensorflow",
        "keras",
        "onnx",
        "onnxruntime",
        "openvino",
        "ai_edge_litert",
        "sklearn",
        "scipy",
        "rich",
    }
    assert not heavy & {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(("format", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_a_missing_engine_is_named_with_the_extra_that_brings_it(
    tiny: SmallModel, format: str, package: str
) -> None:
    kind, message, _ = _open_without([package], tiny, format)
    assert kind == "MissingExtraError"
    assert str(message).endswith(f'pip install "edgeall[{format}]"')


def test_without_any_tflite_interpreter(tiny: SmallModel) -> None:
    absent = ["ai_edge_litert", "tflite_runtime", "tensorflow"]
    kind, message, _ = _open_without(absent, tiny, "tflite")
    assert kind == "EngineError"
    assert "pip install ai-edge-litert" in str(message)


@pytest.mark.parametrize(
    ("format", "package"), [("tflite", "ai_edge_litert"), ("onnx", "onnxruntime"), ("openvino", "openvino")]
)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        ('ImportError("libstdc++.so.6: version `GLIBCXX_3.4.30\' not found")', "GLIBCXX_3.4.30' not found"),
        ("ModuleNotFoundError(\"No module named 'flatbuffers'\", name='flatbuffers')", "'flatbuffers'"),
    ],
)
def test_an_engine_that_is_there_and_cannot_be_imported_is_not_called_missing(
    tiny: SmallModel, format: str, package: str, error: str, words: str
) -> None:
    kind, message, _ = _open_without(["tflite_runtime", "tensorflow"], tiny, format, package, error)
    assert kind == "EngineError"
    assert "is installed but cannot be imported (" in str(message)
    assert words in str(message)


_ASK = """
from edgeall.runtimes import unusable
print(json.dumps([unusable(format) for format in ("tflite", "onnx", "openvino")]))
"""


@pytest.mark.parametrize(
    ("absent", "broken", "words"),
    [
        (["onnxruntime"], "", [None, 'pip install "edgeall[onnx]"', None]),
        (["ai_edge_litert", "tflite_runtime", "tensorflow"], "", ["pip install ai-edge-litert", None, None]),
        (["tflite_runtime", "tensorflow"], "ai_edge_litert", ["is installed but cannot be", None, None]),
        (["ai_edge_litert", "tflite_runtime"], "tensorflow", ["is installed but cannot be", None, None]),
        ([], "openvino", [None, None, "OpenVINO is installed but cannot be imported (ImportError)"]),
    ],
)
def test_why_an_engine_cannot_be_used(absent: list[str], broken: str, words: list[str | None]) -> None:
    program = _BLOCK.format(absent=absent, broken=[broken], error="ImportError()") + _ASK
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for told, expected in zip(json.loads(done.stdout.splitlines()[-1]), words, strict=True):
        assert (told is None) == (expected is None)
        assert expected is None or expected in told


def test_tensorflow_stands_in_for_the_light_interpreters_and_is_named(tiny: SmallModel) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow")
    name, version, answer = _open_without(["ai_edge_litert", "tflite_runtime"], tiny, "tflite")
    assert name == "tensorflow"
    assert str(version)[0].isdigit()
    light, _, expected = _open_without([], tiny, "tflite")
    assert light == "ai-edge-litert"
    assert answer == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("format", "distribution"),
    [("tflite", "ai-edge-litert"), ("onnx", "onnxruntime"), ("openvino", "openvino")],
)
def test_the_engine_in_use_is_named_with_its_version(
    tiny: SmallModel, format: str, distribution: str
) -> None:
    from importlib.metadata import version

    path = tiny.files[f"{format}-fp32"]
    with open_model(path, format, tiny.pixels) as session:  # type: ignore[arg-type]
        assert session.engine.name == distribution
        assert version(distribution).startswith(session.engine.version)


def test_loading_a_model_prints_nothing(tiny: SmallModel) -> None:
    for format in FORMATS:
        path = str(tiny.files[f"{format}-fp32"])
        program = _OPEN.format(path=path, format=format, size=32, scale=(1.0,) * 3, offset=(0.0,) * 3)
        done = subprocess.run(
            [sys.executable, "-c", f"import json\n{program}"], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
