"""`edgeall import` as a user runs it, and what export and bench make of its run."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from coloured_cells import write_pictures

from edgeall.cli.main import main

FILES = Path(__file__).parent.parent / "importing" / "keras2"
SHORT = ("--rounds", "2", "--threads", "1", "--min-runs", "12", "--min-seconds", "0.02")


pytestmark = pytest.mark.usefixtures("recorded")


def edgeall(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in this process, which has imported Keras."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workplace")
    write_pictures(folder / "data")
    return folder


@pytest.fixture(scope="module")
def imported(workplace: Path) -> dict:
    """As a user runs it: a process, whose standard output is one document."""
    command = [sys.executable, "-m", "edgeall", "import", str(FILES / "smear.h5")]
    done = subprocess.run(
        [*command, "--labels", "hem,all", "--data", "data", "--json"],
        cwd=workplace,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_tells_the_run_and_what_was_found(imported: dict) -> None:
    assert imported["run"] == "runs/smear"
    assert (imported["backbone"], imported["head"], imported["input_size"]) == ("imported", "imported", 96)
    assert imported["source"]["written_by"].startswith("Keras 2.")
    assert imported["decision"]["labels"] == ["hem", "all"]
    assert imported["split"]["grouped_by"] == "unknown"
    assert (
        imported["params"]["total"] == imported["params"]["trainable"] + imported["params"]["non_trainable"]
    )
    assert isinstance(imported["warnings"], list)


def test_a_keras_2_file_at_96_pixels_is_exported_to_int8_and_benched(workplace: Path, imported: dict) -> None:
    exported = edgeall(workplace, "export", imported["run"], "--int8", "--format", "onnx", "--json")
    assert exported.returncode == 0, exported.stderr
    artifacts = json.loads(exported.stdout)["artifacts"]
    assert [(a["precision"], a["parity"]["passed"]) for a in artifacts] == [("float32", True), ("int8", True)]
    benched = edgeall(workplace, "bench", imported["run"], *SHORT, "--json")
    assert benched.returncode == 0, benched.stderr
    for row in json.loads(benched.stdout)["results"]:
        assert row["accuracy"]["value"] > 0.9
        assert row["n"] == imported["split"]["test"]
        assert row["grouped_by"] == "not known to be held out: may be optimistic"
        assert "training images unknown" in row["weights"]


def test_without_images_float_is_exported_and_int8_refused(workplace: Path) -> None:
    done = edgeall(
        workplace, "import", str(FILES / "scaled.h5"), "--labels", "hem,all", "--preprocessing", "raw", "--json"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "INT8 exports are not possible" in json.loads(done.stdout)["warnings"][0]
    exported = edgeall(workplace, "export", "runs/scaled", "--int8", "--format", "onnx", "--json")
    assert exported.returncode == 1
    assert [a["precision"] for a in json.loads(exported.stdout)["artifacts"]] == ["float32"]
    assert "scaled onnx-int8: the run has no images of its own" in exported.stderr


def test_a_warning_is_said_and_leaves_the_status_alone(workplace: Path) -> None:
    done = edgeall(
        workplace, "import", str(FILES / "smear.h5"), "--labels", "hem,all", "--data", "data",
        "--preprocessing", "0.00392157,0", "--name", "wrong",
    )  # fmt: skip
    assert done.returncode == 0
    assert "warning: another preprocessing fits far better: raw" in done.stderr
    assert "preprocessing 0.00392157,0" in done.stdout


def test_a_mistake_is_one_line_and_status_2(workplace: Path) -> None:
    done = edgeall(workplace, "import", str(FILES / "outside.h5"), "--labels", "hem,all")
    assert done.returncode == 2
    assert done.stderr.startswith("edgeall: ")
    assert done.stderr.count("\n") == 1
    assert "--preprocessing" in done.stderr


def test_how_pictures_were_resized_is_said_in_words(workplace: Path) -> None:
    done = edgeall(
        workplace, "import", str(FILES / "scaled.h5"), "--labels", "hem,all", "--preprocessing", "raw",
        "--fit", "crop", "--resize-filter", "nearest", "--name", "cropped",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "32 x 32 (crop, nearest)" in done.stdout


def test_a_description_needs_its_weights_file(workplace: Path) -> None:
    common = [
        "import",
        str(FILES / "described.json"),
        *["--labels", "hem,all", "--preprocessing", "raw", "--json"],
    ]
    done = edgeall(workplace, *common)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--weights-file FILE" in done.stderr
    done = edgeall(workplace, *common, "--weights-file", str(FILES / "described.weights.h5"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"]["weights_file"] == "described.weights.h5"
    assert json.loads(done.stdout)["source"]["written_by"] == "Keras 2.15.0"
