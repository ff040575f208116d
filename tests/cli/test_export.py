"""`edgeall export` as a user meets it."""

import json
from pathlib import Path

import numpy as np
import pytest
from keras_run import make_keras_run, with_threshold

from edgeall import artifact, pixels, runs, runtimes
from edgeall.cli.main import main

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run in `runs/`."""
    folder = tmp_path_factory.mktemp("lab")
    make_keras_run(folder / "runs" / "cells")
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
    arguments = ["export", str(folder / "runs" / "cells"), "--recipe", str(recipe)]
    # Cached or not, it stays a failure.
    for _ in range(2):
        assert main(arguments) == 1
        output = capsys.readouterr()
        assert "FAILED" in output.out
        assert "cells_strict.onnx: does not keep" in output.err
    written = artifact.read(folder / "runs" / "cells" / "exports" / "cells_strict.onnx")
    assert written.metadata.parity is not None
    assert not written.metadata.parity.passed


def test_verdicts_that_change_within_the_tolerance_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_keras_run(tmp_path / "runs" / "cells")
    recipe = tmp_path / "lenient.toml"
    recipe.write_text(STRICT.replace("mean_abs_diff = 0.0", "mean_abs_diff = 1.0"))
    float_scores, int8_scores = (scores(run, *arguments) for arguments in ([], ["--recipe", str(recipe)]))
    moved = int(np.argmax(np.abs(float_scores - int8_scores)))
    with_threshold(run, float((float_scores[moved] + int8_scores[moved]) / 2))
    capsys.readouterr()
    assert main(["export", str(run.path), "--recipe", str(recipe), "--overwrite"]) == 0
    told = capsys.readouterr().err
    assert "cells_lenient.onnx: keeps its recipe's tolerance, and yet gives" in told
    assert "agreement = 0.98" in told


def scores(run: runs.Run, *arguments: str) -> np.ndarray:
    """Of finding, on the validation images, by the artifact that the command makes in ONNX."""
    assert main(["export", str(run.path), *(arguments or ["--format", "onnx"])]) == 0
    name = "cells_lenient.onnx" if arguments else "cells_onnx-fp32.onnx"
    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images("val")])
    with runtimes.open_session(artifact.read(run.exports / name)) as session:
        return session.predict(images)[:, 1]


def test_a_failed_tolerance_is_in_the_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = folder / "strict.toml"
    recipe.write_text(STRICT)
    assert main(["export", str(folder / "runs" / "cells"), "--recipe", str(recipe), "--json"]) == 1
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


def test_a_model_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_keras_run(tmp_path / "broken")
    run.model_path.write_bytes(b"not a model")
    assert runs.load(run.path)
    assert main(["export", str(run.path), "--format", "onnx"]) == 2
    assert "broken" in capsys.readouterr().err
