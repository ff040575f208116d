"""Tuning as a whole: what it finds, what it keeps, what it never opens. `edgeall tune` is tested on a real backbone."""

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_backbone
from optuna.trial import TrialState

from edgeall.datasets import load_split, make_split, read_dataset, save_split
from edgeall.errors import EdgeallError, UsageError
from edgeall.progress import SILENT, Advance
from edgeall.runs import PARTS
from edgeall.training import BACKBONES, HEADS, Augmentation, TrainingSettings
from edgeall.training.model import build
from edgeall.tuning import Tuned, tune
from edgeall.tuning.space import propose
from edgeall.tuning.study import DATABASE, next_index, open_study, start_trial, warnings_to
from edgeall.tuning.trial import WARM_UP

QUICK = small_backbone.settings(head_epochs=2, epochs=0, views=1, seed=5)
"""Only the head is trained, so that batch size and rate of the head are what is searched."""
FIXED = {"head"}
pytestmark = pytest.mark.usefixtures("small")


class Interrupting:
    """Progress that is interrupted after so many epochs, as by Ctrl-C."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        yield self.advance if title.startswith("trial") else lambda steps: None

    def advance(self, steps: int) -> None:
        self.left -= steps
        if not self.left:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        return None


@pytest.fixture(scope="module")
def uninterrupted(small: str, cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return tune(cells, QUICK, tmp_path_factory.mktemp("once"), trials=2, fixed=FIXED)


def rows(tuned: Tuned, *but: str) -> list[dict[str, str]]:
    with (tuned.path / "trials.csv").open(newline="", encoding="utf-8") as file:
        return [{key: value for key, value in row.items() if key not in but} for row in csv.DictReader(file)]


def test_the_best_is_kept_with_its_settings(uninterrupted: Tuned) -> None:
    best = uninterrupted.best
    values = [float(row["value"]) for row in rows(uninterrupted)]
    assert best.value == max(values) == values[best.trial]
    document = json.loads((uninterrupted.path / "best.json").read_text(encoding="utf-8"))
    given = document["settings"]
    again = TrainingSettings(
        **(
            given
            | {"fractions": tuple(given["fractions"]), "augmentation": Augmentation(**given["augmentation"])}
        )
    )
    assert again == best.settings
    assert replace(best.settings, batch_size=QUICK.batch_size, head_rate=QUICK.head_rate) == QUICK
    assert rows(uninterrupted)[best.trial]["head_rate"] == str(best.settings.head_rate)
    assert (uninterrupted.trials, uninterrupted.finished, uninterrupted.failed) == (2, 2, 0)
    for picture in ("history.png", "slices.png", "importances.png"):
        assert (uninterrupted.path / picture).stat().st_size > 1000


def test_a_study_goes_on_where_it_was_interrupted(cells: Path, tmp_path: Path, uninterrupted: Tuned) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(cells, QUICK, tmp_path, Interrupting(3), trials=2, fixed=FIXED)
    tuned = tune(cells, QUICK, tmp_path, trials=2, fixed=FIXED)
    passing = ("trial", "seconds")
    finished = [row for row in rows(tuned, *passing) if row["state"] == "finished"]
    assert finished == rows(uninterrupted, *passing)
    assert (tuned.trials, tuned.failed) == (2, 1)
    assert [row["state"] for row in rows(tuned)] == ["finished", "failed", "finished"]


def test_test_images_are_never_opened(cells: Path, tmp_path: Path) -> None:
    data = shutil.copytree(cells, tmp_path / "cells")
    split, _ = make_split(read_dataset(data), seed=1)
    save_split(tmp_path / "split.json", split)
    for member in split.test:
        (data / member.name).unlink()
    for trials in (1, 2):
        tuned = tune(data, QUICK, tmp_path / "out", trials=trials, fixed=FIXED, split=tmp_path / "split.json")
    assert tuned.trials == 2
    assert load_split(tuned.split, read_dataset(cells)) == split


def test_what_does_worse_than_most_before_it_is_pruned(cells: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, head_epochs=WARM_UP + 3)
    path = tune(cells, settings, tmp_path, trials=1, fixed=FIXED).path
    study = open_study(path, {})
    for _ in range(5):
        with warnings_to(SILENT):
            index = next_index(study, 6, 1)
            assert index is not None
            trial, _ = start_trial(study, 0, index, 1, lambda sampler: propose(sampler, settings, FIXED))
        for epoch in range(settings.head_epochs + 1):
            trial.report(2.0, epoch)
        for name in ("value", "auc", "loss"):
            trial.set_user_attr(name, 2.0)
        study.tell(trial, 2.0)
    tuned = tune(cells, settings, tmp_path, trials=7, fixed=FIXED)
    pruned = study.get_trials()[-1]
    assert pruned.state == TrialState.PRUNED
    assert max(pruned.intermediate_values) == WARM_UP
    assert (tuned.finished, tuned.pruned) == (6, 1)
    assert rows(tuned)[-1]["state"] == "pruned"


def test_trainings_that_diverge_are_trials_that_say_so(cells: Path, tmp_path: Path) -> None:
    base = build(BACKBONES[QUICK.backbone], HEADS["gap"], 1, size=32).base
    # Finite, but no variance is negative: its root is no number.
    base.set_weights([np.full_like(weight, -1) for weight in base.get_weights()])
    base.save_weights(tmp_path / "broken.weights.h5")
    settings = replace(QUICK, weights=str(tmp_path / "broken.weights.h5"))
    with pytest.raises(EdgeallError, match=r"every training diverged \(1 of 1\)"):
        tune(cells, settings, tmp_path, trials=1, fixed=FIXED, name="broken")
    with (tmp_path / "broken" / "trials.csv").open(newline="", encoding="utf-8") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["diverged"]
    assert not (tmp_path / "broken" / "best.json").exists()


def test_folds_judge_all_but_the_test_part(cells: Path, tmp_path: Path) -> None:
    tuned = tune(cells, replace(QUICK, head_epochs=1), tmp_path, trials=1, fixed=FIXED, folds=2)
    split = load_split(tuned.split, read_dataset(cells))
    assert tuned.validation == sum(len(split.part(part)) for part in PARTS[:2])
    study = open_study(tuned.path, {})
    first, mean = study.get_trials()[0].intermediate_values.values()
    assert mean == tuned.best.value
    assert study.get_trials()[0].state == TrialState.COMPLETE
    assert isinstance(first, float)


def test_mistakes_are_said_before_anything_is_trained(cells: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ({"trials": 0}, "give 1 or more"),
        ({"folds": 1}, "2 or more"),
        ({"fixed": {"head", "batch_size", "head_rate"}}, "nothing to search"),
        ({"name": "../elsewhere"}, "cannot be the name of a study"),
        ({"split": tmp_path / "nowhere.json"}, "no such split file"),
    ):
        with pytest.raises(UsageError, match=message):
            tune(cells, QUICK, tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_only_studies_are_replaced(cells: Path, tmp_path: Path, uninterrupted: Tuned) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UsageError, match="is not a study"):
        tune(cells, QUICK, tmp_path, name="mine", overwrite=True)
    assert (tmp_path / "mine" / "letter.txt").exists()
    shutil.copytree(uninterrupted.path, tmp_path / "study")
    with pytest.raises(UsageError, match="differs in seed"):
        tune(cells, replace(QUICK, seed=6), tmp_path, name="study", trials=3, fixed=FIXED)
    replaced = tune(
        cells, replace(QUICK, seed=6), tmp_path, name="study", trials=1, fixed=FIXED, overwrite=True
    )
    assert replaced.trials == 1
    assert (replaced.path / DATABASE).exists()
