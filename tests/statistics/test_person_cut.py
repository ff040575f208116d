"""The decision for a whole person is learned from enough validation people, or not at all, with the reason."""

import dataclasses

import numpy as np
import pytest

from edgeall.artifact import Decision, PersonCut
from edgeall.statistics import LEAST_CELLS, LEAST_PEOPLE, LearnedCut, learn_person_cut

DECISION = Decision(("hem", "all"), ("all",), threshold=0.5)
Person = tuple[int, list[float]]
"""Label index and scores of the cells."""


def person(label: int, called: int, cells: int = 20) -> Person:
    return label, [0.9] * called + [0.1] * (cells - called)


PEOPLE = [person(0, k) for k in (0, 1, 2, 3, 3, 4, 4, 5)] + [
    person(1, k) for k in (12, 13, 14, 15, 16, 17, 18, 20)
]


def learn(
    people: list[Person], decision: Decision = DECISION, grouped_by: str = "subject", named: bool = True
) -> LearnedCut:
    subjects = [
        f"person {index}" if named else None for index, (_, scores) in enumerate(people) for _ in scores
    ]
    truth = [label for label, scores in people for _ in scores]
    scores = np.array([score for _, scores in people for score in scores])
    return learn_person_cut(subjects, truth, np.stack([1 - scores, scores], axis=1), decision, grouped_by)


def test_the_band_lies_between_the_people_of_the_two_classes() -> None:
    assert learn(PEOPLE) == LearnedCut(PersonCut(0.25, 0.6, negative=8, positive=8, least_cells=20))


def test_every_validation_person_is_decided_rightly() -> None:
    cut = learn(PEOPLE).cut
    assert cut is not None
    for label, scores in PEOPLE:
        called = sum(score >= DECISION.threshold for score in scores)
        assert cut.decide(called, len(scores)) == ("positive" if label else "negative")


@pytest.mark.parametrize("label", [0, 1])
def test_few_people_of_a_class_are_not_enough(label: int) -> None:
    fewer = PEOPLE.copy()
    fewer.remove(next(each for each in PEOPLE if each[0] == label))
    found = learn(fewer)
    assert found.cut is None
    counts = (LEAST_PEOPLE - 1, LEAST_PEOPLE) if label == 0 else (LEAST_PEOPLE, LEAST_PEOPLE - 1)
    assert found.reason.endswith(f"have {counts[0]} and {counts[1]}")
    assert f"{LEAST_PEOPLE} people without and {LEAST_PEOPLE} with a finding" in found.reason


def test_people_with_few_cells_are_left_out() -> None:
    # Alone they would overlap.
    odd = [person(0, LEAST_CELLS - 1, LEAST_CELLS - 1), person(1, 0, LEAST_CELLS - 1)]
    assert learn([*PEOPLE, *odd]) == learn(PEOPLE)
    assert "have 8 and 7" in learn([*PEOPLE[:-1], person(1, 9, LEAST_CELLS - 1)]).reason


def test_the_fewest_cells_of_a_person_are_recorded() -> None:
    cut = learn([*PEOPLE, person(1, 10, 13)]).cut
    assert cut is not None
    assert (cut.least_cells, cut.positive) == (13, 9)
    assert cut.decide(12, 12) == "refer"


@pytest.mark.parametrize("called", [12, 15])
def test_people_who_overlap_or_touch_have_no_cut(called: int) -> None:
    found = learn([*PEOPLE, person(0, called)])
    assert found.cut is None
    assert found.reason == (
        f"validation people overlap: one without a finding has {called / 20:.0%} positive cells, one with a finding "
        "60%"
    )


def test_referred_cells_are_not_counted() -> None:
    decision = dataclasses.replace(DECISION, refer=(0.4, 0.6))
    referred = [(label, scores + [0.5] * 30) for label, scores in PEOPLE]
    assert learn(referred, decision) == learn(PEOPLE)
    assert "have 8 and 7" in learn([*PEOPLE[:-1], (1, [0.5] * 30)], decision).reason


def test_the_share_is_of_the_verdicts_at_the_threshold() -> None:
    """As of an INT8 model, whose scores and threshold are others, and whose verdicts are the same."""
    shrunk = [(label, [score / 2 for score in scores]) for label, scores in PEOPLE]
    assert learn(shrunk, dataclasses.replace(DECISION, threshold=0.25)) == learn(PEOPLE)
    assert learn(shrunk).cut is None


@pytest.mark.parametrize(
    ("grouped_by", "named", "reason"),
    [
        ("unknown", True, "which images trained the model is not known"),
        ("image", True, "validation people may also have trained the model: its split is not by subject"),
        ("image", False, "people are not known"),
    ],
)
def test_people_who_may_have_trained_the_model_or_are_not_known_tell_nothing(
    grouped_by: str, named: bool, reason: str
) -> None:
    assert learn(PEOPLE, grouped_by=grouped_by, named=named) == LearnedCut(None, reason)


def test_people_with_cells_of_both_classes_have_no_truth_of_their_own() -> None:
    subjects = ["a"] * 20 + ["b"] * 20
    truth = [0, 1] * 10 + [1] * 20
    found = learn_person_cut(subjects, truth, np.tile([0.2, 0.8], (40, 1)), DECISION, "subject")
    assert found.reason == (
        "1 of 2 validation people have cells of both classes: labels are of cells, not of people"
    )


def test_several_positive_labels_are_one_finding() -> None:
    decision = Decision(("hem", "early", "pre"), ("early", "pre"))
    subjects = [f"{index}" for index in range(16) for _ in range(10)]
    truth = np.repeat([0] * 8 + [1, 2] * 4, 10)
    # Of people with a finding, cells of both kinds.
    truth[80:] = np.tile([1, 2], 40)
    table = np.where(truth[:, None] == 0, [0.8, 0.1, 0.1], [0.2, 0.4, 0.4])
    assert learn_person_cut(subjects, truth, table, decision, "subject").cut == PersonCut(0.0, 1.0, 8, 8, 10)


@pytest.mark.parametrize(("cut", "reason"), [(None, ""), (PersonCut(0.1, 0.9, 8, 8, 10), "few people")])
def test_there_is_a_cut_or_a_reason(cut: PersonCut | None, reason: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        LearnedCut(cut, reason)
