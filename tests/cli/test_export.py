"""`edgeall export` as a user meets it."""

import json
from pathlib import Path

import pytest
from keras_run import copy_run

from edgeall import artifact, runs
from edgeall.cli.main import main
from edgeall.shifts.mild import FOR_EXPORT

STRICT = """
format = "onnx"
precision = "int8"
[calibration]
images = 4
method = "min-max"
[quantization]
granularity = "tensor"
activations = "uint8"
weights = "int8"
[parity]
images = 8
mean_abs_diff = 0.0
"""
FLOAT16 = """
format = "onnx"
precision = "float16"
[parity]
images = 8
LIMIT
"""


pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture(scope="module")
def folder(trained: runs.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run in `runs/`."""
    folder = tmp_path_factory.mktemp("lab")
    copy_run(trained, folder / "runs" / "cells")
    return folder


def test_all_runs_here_to_one_json_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["export", "--format", "onnx", "--fp16", "--json"]) == 0
    output = capsys.readouterr()
    first = json.loads(output.out)
    assert [entry["precision"] for entry in first["artifacts"]] == ["float32", "float16"]
    assert "cells_onnx-fp32.onnx" in output.err
    for entry in first["artifacts"]:
        assert artifact.read(Path(entry["path"])).sha256 == entry["sha256"]
    assert main(["export", "--format", "onnx", "--fp16", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert all(entry["cached"] for entry in second["artifacts"])


def test_an_artifact_that_does_not_keep_its_tolerance_is_never_a_success(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = folder / "strict.toml"
    recipe.write_text(STRICT)
    arguments = ["export", str(folder / "runs" / "cells"), "--recipe", str(recipe), "--int8-method", "ptq"]
    # Cached or not, it stays a failure.
    for _ in range(2):
        assert main(arguments) == 1
        output = capsys.readouterr()
        assert "FAILED" in output.out
        assert (
            "cells_strict.onnx: parity FAILED on 8 images: the mean change of a probability is" in output.err
        )
    written = artifact.read(folder / "runs" / "cells" / "exports" / "cells_strict.onnx")
    assert written.metadata.parity is not None
    assert not written.metadata.parity.passed


def test_an_unproven_artifact_is_a_success_with_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What float16 changes of the log-loss is neither shown to be below nothing nor above it."""
    recipe = folder / "doubtful.toml"
    recipe.write_text(FLOAT16.replace("LIMIT", "log_loss_rise = 0.0"))
    assert main(["export", str(folder / "runs" / "cells"), "--recipe", str(recipe), "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    (entry,) = document["artifacts"]
    assert (entry["parity"]["passed"], entry["parity"]["outcome"]) == (None, "unproven")
    assert document["pooled"] == []
    (warned,) = [line for line in err.splitlines() if "warning: " in line]
    assert "cells_doubtful.onnx: parity unproven on 8 images: log-loss changes by" in warned
    assert warned.endswith("'edgeall export NAME.folds' pool the images of all folds")


def test_folds_are_exported_and_their_images_pooled(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "cells.folds"
    whole = runs.load(folder / "runs" / "cells")
    pooled = {
        "backbone": whole.backbone,
        "k": 2,
        "runs": ["fold-1", "fold-2"],
        "split": {"grouped_by": "image", "test": 8},
        "decision": {"labels": whole.decision.labels, "positive": whole.decision.positive},
    }
    for number in (1, 2):
        copy_run(whole, place / f"fold-{number}")
    (place / runs.POOLED).write_text(json.dumps(pooled))
    recipe = tmp_path / "strict.toml"
    recipe.write_text(FLOAT16.replace("LIMIT", "max_abs_diff = 0.0"))
    arguments = ["export", str(place), "--recipe", "onnx-fp32", "--recipe", str(recipe), "--json"]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert len(document["artifacts"]) == 4
    # float32 is the same model, and has nothing to be shown by more images.
    (float16,) = document["pooled"]
    assert (float16["recipe"], float16["runs"]) == ("strict", ["fold-1", "fold-2"])
    assert (float16["parity"]["passed"], float16["parity"]["n"]) == (False, 16)
    assert json.loads((place / "parity.json").read_text())["pooled"][0]["recipe"] == "strict"
    assert f"edgeall: {place}, strict, 2 folds pooled: parity FAILED on 16 images" in err
    assert "validation images of all folds together" in " ".join(err.split())


def test_int8_is_compared_on_other_pictures_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = runs.load(folder / "runs" / "cells")
    recipe = folder / "lenient.toml"
    recipe.write_text(STRICT.replace("mean_abs_diff = 0.0", "mean_abs_diff = 1.0"))
    arguments = ["--recipe", str(recipe), "--also", str(run.data.root)]
    assert main(["export", str(run.path), *arguments]) == 0
    told = " ".join(capsys.readouterr().out.split())
    shifts = artifact.read(run.exports / "cells_lenient.onnx").metadata.parity.shifts
    assert [shift.name for shift in shifts] == [*FOR_EXPORT, "other pictures"]
    assert all(name in told for name in ("Clear verdicts equal to the Keras model's", *FOR_EXPORT))


def test_a_failed_tolerance_is_in_the_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = folder / "strict.toml"
    recipe.write_text(STRICT)
    arguments = ["--recipe", str(recipe), "--int8-method", "ptq", "--json"]
    assert main(["export", str(folder / "runs" / "cells"), *arguments]) == 1
    (entry,) = json.loads(capsys.readouterr().out)["artifacts"]
    assert entry["parity"]["passed"] is False


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "tfllite"], "did you mean 'tflite'"),
        (["--recipe", "onnx-int9"], "did you mean 'onnx-int8'"),
        (["--recipe", "onnx-int8", "--int8"], "leave out"),
        (["--jobs", "0"], "--jobs 0"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["nowhere"], "nowhere: not a run"),
        (["--int8", "--calibration", "nowhere"], "nowhere: no such folder"),
        (["--calibration", "."], "add --int8"),
        (["--also", "."], "--also is for INT8"),
        (["--int8", "--also", "nowhere"], "--also nowhere: no such folder"),
        (["--int8-method", "qatt"], "did you mean 'qat'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(folder)
    assert main(["export", *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_layers_by_what_int8_costs_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs" / "cells"
    assert main(["export", str(run), "--format", "onnx", "--sensitivity", "--json"]) == 0
    (written,) = json.loads(capsys.readouterr().out)["sensitivity"]
    assert Path(written["csv"]).read_text().startswith("layer,kind,weights_db")
    assert Path(written["picture"]).is_file()


def test_no_runs_and_a_run_without_its_model(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export"]) == 2
    assert "edgeall train" in capsys.readouterr().err
    half = tmp_path / "half"
    half.mkdir()
    (half / "run.json").write_bytes((folder / "runs" / "cells" / "run.json").read_bytes())
    assert main(["export", str(half)]) == 2
    assert "no model.keras" in capsys.readouterr().err


def test_a_model_that_is_none_is_named(
    tmp_path: Path, trained: runs.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copy_run(trained, tmp_path / "broken")
    run.model_path.write_bytes(b"not a model")
    assert runs.load(run.path)
    assert main(["export", str(run.path), "--format", "onnx"]) == 2
    assert "broken" in capsys.readouterr().err
