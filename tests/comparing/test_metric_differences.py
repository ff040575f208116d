"""Differences and their tests, against values worked out by hand and the definitions."""

import numpy as np
import pytest

from edgeall.comparing.common_images import Answers
from edgeall.comparing.metric_differences import paired, separate
from edgeall.results.differences import DELONG, MCNEMAR, OBUCHOWSKI, SIGN_FLIP, Difference
from edgeall.statistics import auc_test_over_subjects, compare_auc, proportion

TRUTH = np.repeat([False, True], [20, 20])


def answers(wrong: list[int], subjects: tuple[str, ...] | None = None, seed: int = 0) -> Answers:
    called = TRUTH.copy()
    called[wrong] ^= True
    scores = np.where(called, 0.75, 0.25) + np.random.default_rng(seed).uniform(-0.2, 0.2, 40)
    return Answers(tuple(map(str, range(40))), None, subjects, TRUTH, called, scores)


def by_metric(found: tuple[Difference, ...]) -> dict[str, Difference]:
    return {d.metric: d for d in found}


def test_ten_images_that_one_alone_has_right_nine_to_one() -> None:
    """2 * (1 + 10) / 2^10 = 0.0215; of the 20 healthy five to none, 2 / 2^5; of the positives four to one, 12 / 2^5."""
    a = answers([0, 1, 2, 3, 4, 20, 21, 22, 23])
    b = answers([30])
    found = by_metric(paired(a, b))
    assert list(found) == ["accuracy", "sensitivity", "specificity", "auc"]
    accuracy = found["accuracy"]
    assert (accuracy.n, accuracy.a, accuracy.b) == (40, 31 / 40, 39 / 40)
    assert accuracy.delta.value == pytest.approx(8 / 40)
    assert accuracy.p_value == pytest.approx(22 / 1024)
    assert accuracy.test == MCNEMAR
    assert accuracy.shown is True
    specificity, sensitivity = found["specificity"], found["sensitivity"]
    assert (specificity.n, specificity.a, specificity.b) == (20, 0.75, 1.0)
    assert specificity.p_value == pytest.approx(2 / 32)
    assert (sensitivity.n, sensitivity.a, sensitivity.b) == (20, 0.8, 0.95)
    assert sensitivity.p_value == pytest.approx(12 / 32)
    # Bonett and Price by hand: shares 10/42 and 2/42 of those won and lost.
    up, down = 10 / 42, 2 / 42
    spread = 1.959964 * np.sqrt((up + down - (up - down) ** 2) / 42)
    assert accuracy.delta.low == pytest.approx(up - down - spread, abs=1e-6)


def test_aucs_are_compared_as_delong_did() -> None:
    a, b = answers([0, 21], seed=1), answers([5, 6, 30, 31], seed=2)
    found = by_metric(paired(a, b))["auc"]
    exact = compare_auc(TRUTH, a.scores, b.scores)
    assert exact is not None
    assert (found.delta, found.p_value, found.test) == (exact.delta, exact.p_value, DELONG)
    assert found.b - found.a == pytest.approx(exact.delta.value)
    assert found.a == pytest.approx(a.figures["auc"].value)


def test_equal_verdicts_of_known_subjects_are_not_told_apart_though_they_have_no_interval() -> None:
    subjects = tuple(f"s{index // 5}" for index in range(40))
    found = by_metric(paired(answers([0, 21], subjects, seed=1), answers([0, 21], subjects, seed=1)))
    for difference in found.values():
        assert (difference.delta.value, difference.delta.low, difference.p_value) == (0.0, None, 1.0)
        assert difference.shown is False


def test_where_subjects_are_known_they_are_what_is_counted() -> None:
    # Five images a subject: ten images are the doing of two people.
    subjects = tuple(f"s{index // 5}" for index in range(40))
    a, b = answers([0, 1, 2, 3, 4, 20, 21, 22, 23, 24], subjects), answers([])
    images, people = (
        by_metric(paired(answers([0, 1, 2, 3, 4, 20, 21, 22, 23, 24]), b)),
        by_metric(paired(a, b)),
    )
    assert images["accuracy"].p_value == pytest.approx(2 / 1024)
    # Two subjects, both better: of four ways of signs two are as extreme.
    assert people["accuracy"].p_value == pytest.approx(0.5)
    assert people["accuracy"].test == SIGN_FLIP
    assert images["accuracy"].shown is True
    assert people["accuracy"].shown is False
    auc = people["auc"]
    assert auc.test == OBUCHOWSKI
    assert auc.p_value == auc_test_over_subjects(TRUTH, a.scores, b.scores, subjects)


def test_subjects_that_one_side_knows_hold_for_both() -> None:
    subjects = tuple(f"s{index // 5}" for index in range(40))
    assert paired(answers([1]), answers([2], subjects)) == paired(answers([1], subjects), answers([2]))


def test_verdicts_without_scores_have_no_auc() -> None:
    blind = Answers(tuple(map(str, range(40))), None, None, TRUTH, TRUTH, None)
    assert "auc" not in by_metric(paired(blind, answers([])))


def test_one_class_alone_has_what_it_can_have() -> None:
    rows = np.arange(20, 40)
    found = by_metric(paired(answers([20]).take(rows), answers([]).take(rows)))
    assert list(found) == ["accuracy", "sensitivity"]


def test_more_classes_are_also_compared_by_the_most_probable_one() -> None:
    a, b = (
        Answers(one.names, None, None, TRUTH, one.called, one.scores, chosen_right=np.arange(40) >= wrong)
        for one, wrong in ((answers([]), 6), (answers([]), 0))
    )
    found = by_metric(paired(a, b))
    assert found["accuracy"].p_value == 1.0
    assert (found["class_accuracy"].a, found["class_accuracy"].b) == (34 / 40, 1.0)
    assert found["class_accuracy"].p_value == pytest.approx(2 / 64)


def test_different_images_are_not_tested_as_pairs() -> None:
    a, b = proportion(48, 80), proportion(56, 70)
    assert a is not None
    assert b is not None
    (found,) = separate({"accuracy": a, "auc": a}, {"accuracy": b})
    assert (found.metric, found.n, found.p_value, found.test, found.shown) == (
        "accuracy",
        None,
        None,
        None,
        None,
    )
    assert (found.delta.low, found.delta.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
