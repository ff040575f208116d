"""The field tier as a device gets it: the wheel, its declared dependencies and nothing else.

Builds the wheel and installs it into a bare virtual environment from the package index that pip is set to here; no
TensorFlow, no Keras, no SciPy. Skipped only where no index can be reached.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact
from edgeall.field import Classified, classify

PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = (
    *("backbones", "bench", "bundle", "classify", "compare", "data", "demo", "devices"),
    *("ensemble", "explain", "export", "import", "inspect", "keys", "log", "report", "serve"),
    *("train", "tune", "watch"),
)
HEAVY = (
    *("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "openvino", "nncf"),
    *("sklearn", "scipy", "matplotlib", "h5py", "jinja2", "starlette", "uvicorn"),
    *("dask", "distributed", "pyarrow", "fsspec"),
)
WORKSTATION_ROOMS = (
    *("training", "ensembling", "evaluating", "exporting", "importing", "tuning"),
    *("statistics", "results", "benching", "reporting", "recommending", "comparing", "cards"),
    *("bundling", "cluster"),
)
SERVE = "serving"
"""The room that needs edgeall[serve]."""


class Bare(NamedTuple):
    """A virtual environment, and a folder to run its commands in."""

    bin: Path
    here: Path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.here,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def python(self, program: str) -> str:
        done = self.run("python", "-c", program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, *arguments: str | Path) -> None:
        done = self.run("python", "-m", "pip", "install", "--quiet", *arguments)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """edgeall's wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip"]
    probe = [*pip, "download", "--quiet", "--no-deps", "--dest", folder / "probe", "hatchling"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached, so nothing can be installed into a bare environment")
    built = subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return next(folder.glob("edgeall-*.whl"))


def _environment(folder: Path) -> Bare:
    venv.create(folder / "venv", with_pip=True)
    (folder / "here").mkdir()
    return Bare(folder / "venv" / ("Scripts" if os.name == "nt" else "bin"), folder / "here")


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    environment = _environment(tmp_path_factory.mktemp("bare"))
    environment.install(wheel)
    return environment


@pytest.fixture(scope="module")
def pictures(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn images at three times their size, as PNG and JPEG."""
    folder = tmp_path_factory.mktemp("pictures")
    for index, pixels in enumerate(tiny.images):
        image = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        image.save(folder / f"cell{index:02}.{'jpg' if index % 2 else 'png'}")
    return folder


@pytest.fixture(scope="module", params=["fp32", "int8"])
def artifact(
    request: pytest.FixtureRequest, tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    return tiny.sealed(f"tflite-{request.param}", tmp_path_factory.mktemp("artifact"))


def _answers_like_the_workstation(
    environment: Bare, artifact: Artifact, pictures: Path, tolerance: float = 1e-5
) -> None:
    done = environment.run("edgeall", "classify", "--json", "--model", artifact.path, pictures)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("research use only, not a medical device\n")
    assert "edgeall: " not in done.stderr
    there = [json.loads(line) for line in done.stdout.splitlines()]
    here = [result.to_dict() for result in classify(artifact, [pictures]) if isinstance(result, Classified)]
    assert len(there) == len(here) == len(list(pictures.iterdir()))
    for one, other in zip(there, here, strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=tolerance)
        assert (one["path"], one["quality"]) == (other["path"], other["quality"])
        if abs(other["score"] - other["threshold"]) > tolerance:
            assert (one["decision"], one["label"]) == (other["decision"], other["label"])


def test_nothing_heavy_comes_along(bare: Bare) -> None:
    program = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    assert bare.python(program).strip() == "[]"


def test_every_field_module_imports(bare: Bare) -> None:
    program = f"""
import importlib, json, pkgutil, sys
import edgeall
names = [m.name for m in pkgutil.walk_packages(edgeall.__path__, "edgeall.", onerror=lambda name: None)]
left = ({SERVE!r}, *{WORKSTATION_ROOMS!r})
field = [n for n in names if n.split(".")[1] not in left and not n.endswith("__main__")]
for name in field:
    importlib.import_module(name)
print(json.dumps([field, edgeall.__file__]))
"""
    names, where = json.loads(bare.python(program))
    assert str(bare.bin.parent) in where
    for room in (
        "artifact",
        "runtimes",
        "runtimes.openvino",
        "field",
        "explaining",
        "domain",
        "measuring",
        "datasets",
        "logbook",
        "watching",
        "cli.classify",
        "cli.watch",
    ):
        assert f"edgeall.{room}" in names


def test_help_lists_every_command_and_marks_the_workstation_s(bare: Bare) -> None:
    done = bare.run("edgeall", "--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command}\s", done.stdout, re.MULTILINE)
    assert "[workstation]" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(bare: Bare, command: str) -> None:
    done = bare.run("edgeall", command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: edgeall {command}" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "data", "--backbone", "mobilenetv2"],
        ["import", "model.keras", "--labels", "healthy,all"],
        ["export"],
        ["bench"],
        ["report", "result.json"],
        ["compare", "a.json", "b.json"],
        ["demo"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_workstation_command_says_which_extra_it_needs(bare: Bare, arguments: list[str]) -> None:
    if not (bare.here / "runs").exists():
        from small_run import draw, make_run

        draw(bare.here / "data", {"healthy": 12, "all": 12})
        make_run(bare.here / "runs" / "one", bare.here / "data")
        (bare.here / "model.keras").write_bytes(b"PK")
        (bare.here / "result.json").write_text("{}")
    done = bare.run("edgeall", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("edgeall: ")]
    assert len(errors) == 1
    assert errors[0].endswith('not installed here; install it with: pip install "edgeall[workstation]"')
    assert "Traceback" not in done.stderr


def test_serve_says_which_extra_it_needs(bare: Bare, artifact: Artifact) -> None:
    done = bare.run("edgeall", "serve", "--model", artifact.path, "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        'edgeall: uvicorn is not installed here; install it with: pip install "edgeall[serve]"'
    )


def test_it_classifies_as_the_workstation_does(bare: Bare, artifact: Artifact, pictures: Path) -> None:
    _answers_like_the_workstation(bare, artifact, pictures)


def test_it_inspects(bare: Bare, artifact: Artifact) -> None:
    done = bare.run("edgeall", "inspect", "--json", artifact.path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["sha256"] == artifact.sha256
    assert document["engine"]["name"] == "ai-edge-litert"
    assert document["executed_precision"]["dominant"] == artifact.metadata.precision


@pytest.mark.parametrize(("format", "title"), [("onnx", "ONNX Runtime"), ("openvino", "OpenVINO")])
def test_an_engine_that_is_not_installed_is_named(
    bare: Bare, tiny: SmallModel, pictures: Path, tmp_path: Path, format: str, title: str
) -> None:
    sealed = tiny.sealed(f"{format}-fp32", tmp_path)
    done = bare.run("edgeall", "classify", "--model", sealed.path, pictures)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f'edgeall: {title} is not installed here; install it with: pip install "edgeall[{format}]"'
    )
    # What it is can still be told.
    assert bare.run("edgeall", "inspect", "--json", sealed.path).returncode == 0


def test_recipes_and_profiles_come_with_the_wheel(bare: Bare) -> None:
    program = "from edgeall.config_files import available; print(*available('export'), *available('devices'))"
    names = bare.python(program).split()
    shipped = [path.stem for folder in ("export", "devices") for path in (PROJECT / folder).glob("*.toml")]
    assert sorted(names) == sorted(shipped)


@pytest.fixture(scope="module")
def old(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """tflite-runtime in the place of ai-edge-litert: device images with Python 3.11 and NumPy 1."""
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if python is None:
        pytest.skip("tflite-runtime needs Python 3.11, which is not here")
    folder = tmp_path_factory.mktemp("old")
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    (folder / "here").mkdir()
    environment = Bare(folder / "venv" / "bin", folder / "here")
    packages = ("numpy<2", "tflite-runtime==2.14.0", "pillow", "rich", "msgspec")
    installed = environment.run("python", "-m", "pip", "install", "--quiet", *packages)
    if installed.returncode:
        pytest.skip("tflite-runtime 2.14.0 cannot be installed on this platform from the index in use")
    environment.install("--no-deps", wheel)
    return environment


def test_the_older_interpreter_gives_the_same_answers(old: Bare, artifact: Artifact, pictures: Path) -> None:
    # It runs INT8 in kernels of its own, not in XNNPACK's, which round differently: up to 0.03 of the score was seen.
    tolerance = 0.04 if artifact.metadata.precision == "int8" else 1e-5
    _answers_like_the_workstation(old, artifact, pictures, tolerance)


def test_the_older_interpreter_is_named_and_tells_its_operators(old: Bare, artifact: Artifact) -> None:
    document = json.loads(old.run("edgeall", "inspect", "--json", artifact.path).stdout)
    assert document["engine"] == {"name": "tflite-runtime", "version": "2.14.0"}
    assert document["executed_precision"]["dominant"] == artifact.metadata.precision
