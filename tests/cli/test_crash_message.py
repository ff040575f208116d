"""An engine that ends the process by a signal leaves one line that says so, and the way out."""

import subprocess
import sys
from pathlib import Path

import pytest
from dying_engine import write_dying_engine
from PIL import Image
from small_models import SmallModel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals end no process on Windows")


@pytest.fixture(scope="module")
def artifacts(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dying")
    return {format: tiny.sealed(f"{format}-fp32", folder).path for format in ("tflite", "onnx", "openvino")}


@pytest.fixture
def image(tiny: SmallModel, tmp_path: Path) -> Path:
    path = tmp_path / "cell.png"
    Image.fromarray(tiny.images[1]).save(path)
    return path


def edgeall(environment: dict[str, str] | None, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeall", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


WAY_OUT = ": use an artifact of another format, or another version of the engine"


@pytest.mark.parametrize(
    ("format", "name", "words"),
    [
        (
            "tflite",
            "SIGILL",
            f"TensorFlow Lite needs an instruction that this processor lacks (SIGILL){WAY_OUT}",
        ),
        ("onnx", "SIGILL", f"ONNX Runtime needs an instruction that this processor lacks (SIGILL){WAY_OUT}"),
        ("openvino", "SIGILL", f"OpenVINO needs an instruction that this processor lacks (SIGILL){WAY_OUT}"),
        ("onnx", "SIGSEGV", f"ONNX Runtime crashed (Segmentation fault){WAY_OUT}"),
        ("onnx", "SIGABRT", f"ONNX Runtime crashed (Aborted){WAY_OUT}"),
        ("onnx", "SIGBUS", f"ONNX Runtime crashed (Bus error){WAY_OUT}"),
        ("onnx", "SIGKILL", "killed while ONNX Runtime was running: out of memory, or by"),
    ],
)
def test_classify_names_the_engine_that_ended_it(
    artifacts: dict[str, Path], image: Path, tmp_path: Path, format: str, name: str, words: str
) -> None:
    environment = write_dying_engine(tmp_path / "engines", format, name)
    done = edgeall(environment, "classify", image, "--json", "--model", artifacts[format])
    assert done.returncode < 0
    assert done.stdout == ""
    *_, line = done.stderr.splitlines()
    assert line.startswith(f"edgeall: {artifacts[format]}: {words}")


@pytest.mark.parametrize("format", ["tflite", "onnx", "openvino"])
def test_inspect_too(artifacts: dict[str, Path], tmp_path: Path, format: str) -> None:
    environment = write_dying_engine(tmp_path / "engines", format)
    done = edgeall(environment, "inspect", artifacts[format])
    assert done.returncode < 0
    (line,) = done.stderr.splitlines()
    assert "needs an instruction that this processor lacks (SIGILL)" in line


def test_nothing_is_said_of_an_engine_that_lives(artifacts: dict[str, Path], image: Path) -> None:
    done = edgeall(None, "classify", image, "--model", artifacts["tflite"])
    assert done.returncode == 0
    assert not [line for line in done.stderr.splitlines() if line.startswith("edgeall: ")]


def test_nor_after_an_error_of_ours(artifacts: dict[str, Path], image: Path) -> None:
    done = edgeall(None, "classify", image, "--threads", "0", "--model", artifacts["tflite"])
    assert done.returncode == 2
    assert len([line for line in done.stderr.splitlines() if line.startswith("edgeall: ")]) == 1
