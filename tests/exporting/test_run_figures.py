"""What an artifact says of test images is what its run recorded, and nothing where that cannot be told."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import draw, make_run

from edgeall import artifact, evaluating
from edgeall.artifact import ClassTest, Share
from edgeall.errors import RunError
from edgeall.exporting.run_figures import figures_of_test, recorded_cut
from edgeall.predictions import Predictions
from edgeall.runs import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Its twelve test images are of four people."""
    draw(tmp_path / "data", {"all": 20, "healthy": 20})
    return with_test(make_run(tmp_path / "run", tmp_path / "data", subjects=True))


def with_test(run: Run) -> Run:
    """The run with test metrics as training records them: one image of each class is mistaken."""
    members = run.split.test
    truth = np.array(run.class_indices("test"))
    called = truth.copy()
    for label in (0, 1):
        called[np.flatnonzero(truth == label)[0]] = 1 - label
    score = np.where(called, 0.9, 0.1)
    said = Predictions(
        tuple(member.name for member in members),
        tuple(member.subject for member in members),
        truth,
        np.stack([1 - score, score], axis=1),
        np.full(len(members), run.decision.threshold),
    )
    metrics = {"of": "the Keras model"} | evaluating.evaluate(said, run.decision).metrics
    return dataclasses.replace(run, metrics={"test": json.loads(json.dumps(metrics))})


def changed(run: Run, place: str, value: Any) -> Run:
    metrics = copy.deepcopy(run.metrics)
    inner = metrics["test"]
    *outer, last = place.split(".")
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return dataclasses.replace(run, metrics=metrics)


def without_interval(figure: dict[str, Any]) -> Share:
    return Share(figure["value"], figure["low"], figure["high"])


def test_figures_are_those_of_the_run_with_the_people_of_each_class(run: Run) -> None:
    metrics, found = run.metrics["test"], figures_of_test(run)
    people = [
        {member.subject for member in run.split.test if member.label == label} for label in ("all", "healthy")
    ]
    images = [sum(member.label == label for member in run.split.test) for label in ("all", "healthy")]
    assert found == artifact.TestFigures(
        of="the Keras model",
        grouped_by="subject",
        threshold=0.5,
        positive=ClassTest(without_interval(metrics["sensitivity"]), images[0], len(people[0])),
        negative=ClassTest(without_interval(metrics["specificity"]), images[1], len(people[1])),
        subjects=4,
    )
    assert sum(images) == 12
    assert metrics["sensitivity"]["value"] == pytest.approx(1 - 1 / images[0])


def test_where_people_are_not_known_it_is_said(tmp_path: Path) -> None:
    draw(tmp_path / "data", {"all": 20, "healthy": 20})
    found = figures_of_test(with_test(make_run(tmp_path / "run", tmp_path / "data")))
    assert found is not None
    assert (found.subjects, found.positive.subjects, found.negative.subjects) == (None, None, None)
    assert "optimistic" in found.in_words


def test_of_an_older_run_the_interval_over_people_counts(run: Run) -> None:
    """Its `sensitivity` has an interval over images."""
    found = figures_of_test(changed(run, "sensitivity", {"value": 0.8, "low": 0.79, "high": 0.81}))
    assert found == figures_of_test(run)


def test_with_a_referral_band_figures_are_of_the_verdicts_that_are_given(run: Run) -> None:
    banded = with_test(
        dataclasses.replace(run, decision=dataclasses.replace(run.decision, refer=(0.05, 0.2)))
    )
    found, band = figures_of_test(banded), banded.metrics["test"]["referral"]
    assert found is not None
    assert found.positive.right == without_interval(band["answered_sensitivity"])
    # All that is called negative is in the band.
    assert found.negative.right is not None
    assert found.negative.right.value == 0.0
    assert found.referred == without_interval(band["referred"])
    assert found.referred.value == pytest.approx(0.5, abs=0.2)


def test_a_run_that_was_not_tested_has_none(run: Run) -> None:
    assert figures_of_test(dataclasses.replace(run, metrics={})) is None


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("n", 11, "of 11 images, and the split has 12"),
        ("confusion.tp", 9, "of 12 images"),
        ("threshold", 0.4, "another decision"),
        ("referral", {"referred": {"value": 0.1}, "answered_sensitivity": None, "answered_specificity": None},
         "another decision"),
        ("sensitivity_over_subjects", {"value": "0.9"}, "sensitivity_over_subjects.value"),
        ("specificity_over_subjects.value", 1.5, "no share"),
        ("clusters", 40, "of 40 people, and the split has 4"),
    ],
)  # fmt: skip
def test_metrics_of_another_run_or_damaged_ones_are_refused(
    run: Run, place: str, value: Any, words: str
) -> None:
    with pytest.raises(RunError, match=words) as error:
        figures_of_test(changed(run, place, value))
    assert str(run.path) in str(error.value)


def test_the_cut_for_people_is_what_the_run_recorded(run: Run) -> None:
    assert recorded_cut(run) is None
    recorded = {"cut": None, "reason": "people are not known"}
    found = recorded_cut(dataclasses.replace(run, metrics={"val": {"person_cut": recorded}}))
    assert found is not None
    assert found.to_dict() == recorded
    for damaged in ({"cut": None}, {"cut": {"low": 0.5}}, {"cut": None, "reason": ""}, 3):
        with pytest.raises(RunError, match="person_cut"):
            recorded_cut(dataclasses.replace(run, metrics={"val": {"person_cut": damaged}}))
