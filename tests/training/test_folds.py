"""Cross-validation: every image is tested once, by a model that saw nothing of its subject."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_backbone
from drawn_people import draw_people

from edgeall import predictions, runs
from edgeall.datasets import read_dataset
from edgeall.errors import UsageError
from edgeall.training import cross_validate
from edgeall.training.folds import Pooled, finished
from edgeall.training.initial_weights import origin_of_file

QUICK = small_backbone.settings(head_epochs=2, epochs=0, views=1, seed=3)
pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def pooled(small: str, people: Path, tmp_path_factory: pytest.TempPathFactory) -> Pooled:
    return cross_validate(people, QUICK, 3, tmp_path_factory.mktemp("runs"), name="mine")


def test_every_image_is_tested_once_by_a_model_that_never_saw_its_subject(pooled: Pooled) -> None:
    tested = [member.name for run in pooled.runs for member in run.split.test]
    assert len(tested) == len(set(tested)) == 24
    for run in pooled.runs:
        assert run.split.grouped_by == "subject"
        sides = [{member.subject for member in run.split.part(part)} for part in runs.PARTS]
        assert sum(map(len, sides)) == len(set().union(*sides)) == 6


def test_pooled_figures_are_those_of_the_folds_own_verdicts(pooled: Pooled) -> None:
    right = sum(
        run.metrics["test"]["confusion"]["tp"] + run.metrics["test"]["confusion"]["tn"] for run in pooled.runs
    )
    assert pooled.metrics["n"] == 24
    assert pooled.metrics["clusters"] == 6
    assert pooled.metrics["accuracy"]["value"] == right / 24
    said = predictions.read(pooled.path / predictions.FILE, pooled.runs[0].decision.labels)["pooled"]
    assert set(said.thresholds) == {run.decision.threshold for run in pooled.runs}


def test_the_folder_says_it_all(pooled: Pooled) -> None:
    assert pooled.path.name == "mine.folds"
    document = json.loads((pooled.path / "pooled.json").read_text())
    assert document == json.loads(json.dumps(pooled.to_dict()))
    assert document["k"] == len(document["fold_aucs"]) == 3
    page = (pooled.path / "evaluation" / "evaluation.md").read_text()
    assert "No subject is in two parts" in page
    assert "each fold's" in page
    # Folds are looked into by name, and are no runs among others.
    with pytest.raises(Exception, match="no runs there"):
        runs.find(pooled.path.parent)


def test_a_fold_from_other_weights_of_the_same_name_is_not_taken(
    people: Path, pooled: Pooled, tmp_path: Path
) -> None:
    dataset = read_dataset(people)
    start = tmp_path / "start.weights.h5"
    start.write_bytes(b"weights")
    settings = dataclasses.replace(QUICK, weights=str(start))
    shutil.copytree(pooled.path / "fold-1", tmp_path / "fold-1")
    origin, licence = origin_of_file(start)
    run = dataclasses.replace(runs.load(tmp_path / "fold-1"), settings=settings.to_dict())
    runs.save(dataclasses.replace(run, weights=origin, licence=licence))
    assert finished(tmp_path / "fold-1", dataset, run.split, settings) is not None
    start.write_bytes(b"others")
    assert finished(tmp_path / "fold-1", dataset, run.split, settings) is None


def test_finished_folds_are_not_trained_again_and_others_are(
    people: Path, pooled: Pooled, tmp_path: Path
) -> None:
    shutil.copytree(pooled.path, tmp_path / "mine.folds")
    (tmp_path / "mine.folds" / "pooled.json").unlink()
    shutil.rmtree(tmp_path / "mine.folds" / "fold-2")
    stamps = {
        fold: (tmp_path / "mine.folds" / fold / "run.json").stat().st_mtime_ns
        for fold in ("fold-1", "fold-3")
    }
    again = cross_validate(people, QUICK, 3, tmp_path, name="mine")
    for fold, stamp in stamps.items():
        assert (again.path / fold / "run.json").stat().st_mtime_ns == stamp
    assert again.metrics == pooled.metrics
    # With any other setting none of them would have been taken.
    split, changed = again.runs[0].split, dataclasses.replace(QUICK, seed=4)
    dataset = read_dataset(people)
    assert finished(again.runs[0].path, dataset, split, QUICK)
    assert not finished(again.runs[0].path, dataset, split, changed)
    assert not finished(again.runs[0].path, dataset, again.runs[1].split, QUICK)


def test_a_fold_of_other_positive_labels_is_not_taken(people: Path, pooled: Pooled) -> None:
    """Folds that call other things a finding cannot be pooled."""
    run = pooled.runs[0]
    assert finished(run.path, read_dataset(people, ["all"]), run.split, QUICK)
    assert not finished(run.path, read_dataset(people, ["hem"]), run.split, QUICK)


def test_what_is_finished_is_not_replaced_unasked(people: Path, pooled: Pooled) -> None:
    with pytest.raises(UsageError, match="exists already"):
        cross_validate(people, QUICK, 3, pooled.path.parent, name="mine")


def test_one_fold_is_none(people: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 or more"):
        cross_validate(people, QUICK, 1, tmp_path)
    assert not np.any([path.name == "pooled.json" for path in tmp_path.rglob("*")])
