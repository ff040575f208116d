"""`edgeall train`: one JSON document, one clear line for each mistake."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from edgeall import evaluating, runs
from edgeall.artifact import Decision
from edgeall.cli.main import main
from edgeall.cli.train import figures_row, figures_table, referral_lines
from edgeall.predictions import Predictions

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
    assert set(document["val"]["stability"]) == {"n", "noise", "shift", "jpeg"}
    assert set(document["val"]["stability"]["noise"]) == {"score_change", "verdicts_kept"}
    assert "mean change of the score (verdicts kept) on 4 validation images: noise 0." in err
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
        (["--backbone", "vgg16", "--scheduler", "tcp://127.0.0.1:1"], "give --folds K too"),
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


FOUR = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"), 0.5, (0.3, 0.7))


def judged(table: np.ndarray, truth: np.ndarray, subjects: tuple[str | None, ...]) -> dict[str, Any]:
    names = tuple(map(str, range(len(truth))))
    found = evaluating.evaluate(Predictions(names, subjects, truth, table, np.full(len(truth), 0.5)), FOUR)
    return found.metrics | {"loss": found.loss}


def shown(thing: Any) -> str:
    file = io.StringIO()
    Console(file=file, width=200, color_system=None).print(thing)
    return file.getvalue()


def test_the_headline_of_several_classes_shows_an_exchange_of_two() -> None:
    truth = np.repeat([0, 1, 2, 3], 5)
    right = np.full((20, 4), 0.05) + 0.8 * np.eye(4)[truth]
    table = figures_table("", classes=True)
    for title, said in (("right", right), ("exchanged", right[:, [0, 2, 1, 3]])):
        figures_row(table, title, judged(said, truth, (None,) * 20))
    told = {line.split()[0]: line for line in shown(table).splitlines() if line.split()[:1]}
    assert "class accuracy" in shown(table)
    assert told["right"].split()[3] == told["exchanged"].split()[3] == "1.000"
    assert "1.000" in told["right"].split()[-2]
    assert told["exchanged"].split()[-2] == "0.500"


def test_a_referral_band_is_told_with_what_it_does_and_to_how_many_people() -> None:
    truth = np.repeat([0, 1], 20)
    scores = np.r_[np.linspace(0, 0.65, 20), np.linspace(0.35, 1, 20)]
    table = np.stack([1 - scores, scores, np.zeros(40), np.zeros(40)], axis=1)
    of_four = judged(table, truth, tuple(f"s{index // 10}" for index in range(40)))
    of_two = judged(table, truth, tuple(f"s{index // 20}" for index in range(40)))
    wanted = {"min_sensitivity": 0.95, "min_specificity": 0.9}
    head, validation, test = referral_lines(wanted, {"val": of_four, "test": of_two})
    assert "from 0.300 to 0.700" in head
    assert "sensitivity 0.95, specificity 0.9" in head
    assert "validation, 40 images of 4 subjects" in validation
    assert "sensitivity 1.000 (0.158-1.000)" in validation
    assert "test, 40 images of 2 subjects" in test
    assert "; without referred images: sensitivity 1.000, specificity 1.000" in test, (
        "one person a class: no interval"
    )
    assert referral_lines(wanted, {"val": {**of_four, "referral": None}}) == []
    assert referral_lines(wanted, {"val": {"n": 3}}) == [], "a run of an older version"
