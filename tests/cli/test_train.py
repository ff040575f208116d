"""`edgeall train`: one JSON document, one clear line for each mistake."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeall import runs
from edgeall.cli.main import main

QUICK = [
    "--input-size",
    "32",
    "--head-epochs",
    "2",
    "--epochs",
    "1",
    "--views",
    "1",
    "--backbone",
    "mobilenetv2",
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for label, middle in {"healthy": 170, "leukemia": 90}.items():
        folder = tmp_path / "smears" / label
        folder.mkdir(parents=True)
        for index in range(10):
            pixels = rng.normal(middle, 40, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "smears"


def test_json_is_as_promised_and_the_run_is_there(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["train", str(data), *QUICK, "--out", str(tmp_path / "runs"), "--json"])
    out, err = capsys.readouterr()
    assert status == 0, err
    document = json.loads(out)
    run = runs.load(Path(document["run"]))
    assert run.path == tmp_path / "runs" / "mobilenetv2-gap-smears"
    assert (document["backbone"], document["head"]) == ("mobilenetv2", "gap")
    assert document["params"] == run.params
    assert document["split"]["grouped_by"] == "image"
    assert sum(document["split"][part] for part in runs.PARTS) == 20
    assert {"n", "accuracy", "f1", "auc"} <= set(document["test"])
    assert set(document["test"]["accuracy"]) == {"value", "low", "high"}
    assert (Path(document["evaluation"]) / "evaluation.md").exists()
    assert document["calibration"]["method"] == "temperature"
    assert "random weights" in err
    assert "by image: optimistic" in err


def test_folds_are_trained_and_pooled(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--backbone", "mobilenetv2", "--input-size", "32", "--out", str(tmp_path / "runs"), "--json"]
    quick = ["--head-epochs", "1", "--epochs", "0", "--views", "1"]
    assert main(["train", str(data), *common, *quick, "--folds", "2", "--name", "two"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["k"], document["test"]["n"]) == (2, 20)
    assert (Path(document["folds"]) / "pooled.json").exists()
    assert "pooled, out of fold" in err


def test_a_second_training_of_the_name_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    assert main(["train", str(data), *QUICK, "--out", str(tmp_path / "runs"), "--name", "mine"]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "mobilnetv2"], "unknown backbone 'mobilnetv2': did you mean 'mobilenetv2'?"),
        (["--backbone", "vgg16", "--weights", "nowhere.h5"], "weights 'nowhere.h5': no such file"),
        (["--backbone", "vgg16", "--rate", "-1"], "rate -1.0 is not between"),
        (["--backbone", "vgg16", "--recipe", "papr"], "did you mean 'paper'"),
        (["--backbone", "vgg16", "--folds", "1"], "2 or more"),
        (["--backbone", "vgg16", "--positive", "leukaemia"], "did you mean 'leukemia'"),
        (["--backbone", "vgg16", "--split", "nowhere.json"], "nowhere.json"),
    ],
)
def test_mistakes_get_one_line_and_status_2(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["train", str(data), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert [line for line in err.splitlines() if line.startswith("edgeall: ")] == err.splitlines()[-1:]


def test_a_missing_folder_and_a_single_class_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path / "nowhere"), "--backbone", "vgg16"]) == 2
    assert "no such folder" in capsys.readouterr().err
    for path in (data / "healthy").iterdir():
        path.unlink()
    assert main(["train", str(data), "--backbone", "vgg16"]) == 2
    assert "one class only" in capsys.readouterr().err
