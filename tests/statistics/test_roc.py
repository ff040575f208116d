"""Intervals and differences of areas under the ROC curve."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall.statistics import auc_test_over_subjects, compare_auc
from edgeall.statistics.roc import delong_interval, newcombe_interval

# Hanley and McNeil, Radiology 143 (1982), table I: CT ratings from definitely normal to definitely abnormal.
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
RATINGS = np.repeat(np.r_[0:5, 0:5], NORMAL + ABNORMAL) / 4.0
TRUTH = np.repeat([False, True], [sum(NORMAL), sum(ABNORMAL)])


def test_delong_on_hanley_and_mcneils_ct_ratings() -> None:
    """Area .8932 with standard error .0307, as Stata's roctab gives for these data."""
    estimate = delong_interval(TRUTH, RATINGS)
    area = estimate.value
    assert area == pytest.approx(0.8932, abs=5e-5)
    assert estimate.low is not None
    assert estimate.high is not None
    width = math.log(estimate.high / (1 - estimate.high)) - math.log(estimate.low / (1 - estimate.low))
    assert width / (2 * 1.959964) * area * (1 - area) == pytest.approx(0.0307, abs=5e-5)


def test_a_perfect_ranking_of_22_images_is_no_certainty() -> None:
    scores = np.r_[np.linspace(0, 0.4, 12), np.linspace(0.6, 1, 10)]
    estimate = delong_interval(np.arange(22) >= 12, scores)
    assert estimate.value == estimate.high == 1.0
    assert estimate.low == pytest.approx(0.816, abs=1e-3)


@settings(deadline=None)
@given(area=st.floats(0, 1), m=st.integers(1, 500), n=st.integers(1, 500))
def test_newcombes_interval_is_open_and_solves_its_equation(area: float, m: int, n: int) -> None:
    low, high = newcombe_interval(area, m, n)
    assert 0 <= low <= area <= high <= 1
    assert low < high
    size = (m + n) / 2 - 1
    for end in (low, high):
        if 1e-6 < end < 1 - 1e-6 and abs(end - area) > 1e-6:
            variance = end * (1 - end) * (1 + size * (1 - end) / (2 - end) + size * end / (1 + end)) / (m * n)
            assert abs(end - area) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-3)


def test_the_paired_test_is_delongs_by_definition() -> None:
    rng = np.random.default_rng(5)
    truth = np.arange(60) % 3 == 0
    a = np.round(rng.normal(truth * 1.0, 1), 1)
    b = np.round(a + rng.normal(truth * 0.5, 0.8), 1)

    def parts(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wins = np.array(
            [[(x > y) + 0.5 * (x == y) for y in scores[~truth]] for x in scores[truth]], dtype=float
        )
        return wins.mean(axis=1), wins.mean(axis=0)

    (va, ha), (vb, hb) = parts(a), parts(b)
    variance = (vb - va).var(ddof=1) / truth.sum() + (hb - ha).var(ddof=1) / (~truth).sum()
    found = compare_auc(truth, a, b)
    assert found is not None
    assert found.delta.value == pytest.approx(vb.mean() - va.mean())
    assert found.delta.high - found.delta.value == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)
    assert found.p_value == pytest.approx(
        math.erfc(abs(found.delta.value) / math.sqrt(2 * variance)), rel=1e-6
    )


def test_two_perfect_rankings_cannot_be_told_apart_nor_called_equal() -> None:
    truth = np.arange(22) >= 12
    found = compare_auc(truth, truth * 0.8, truth * 0.9)
    assert found is not None
    assert found.p_value == 1.0
    assert found.delta.low < -0.1 < 0.0 < 0.1 < found.delta.high


def test_over_subjects_the_interval_is_wider_than_over_their_copied_images() -> None:
    rng = np.random.default_rng(0)
    subjects = [f"s{index // 20}" for index in range(240)]
    truth = np.repeat(np.arange(12) % 2 == 0, 20)
    a = np.repeat(rng.normal(truth[::20] * 1.0, 1), 20)
    b = np.repeat(rng.normal(truth[::20] * 1.0, 1), 20)
    alone, grouped = compare_auc(truth, a, b), compare_auc(truth, a, b, subjects)
    assert alone is not None
    assert grouped is not None
    assert grouped.p_value is None
    assert grouped.delta.high - grouped.delta.low > 2 * (alone.delta.high - alone.delta.low)


@pytest.mark.parametrize("change", [lambda a: a, lambda a: 2 * a + 1, np.exp])
def test_equal_rankings_over_subjects_differ_by_0_without_an_interval(
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    rng = np.random.default_rng(0)
    truth, names = np.repeat([True, True, False, False], 20), [f"s{index // 20}" for index in range(80)]
    scores = rng.normal(size=80)
    found = compare_auc(truth, scores, change(scores), names)
    assert found is not None
    assert (found.delta.value, found.delta.low, found.delta.high) == (0.0, None, None)
    assert auc_test_over_subjects(truth, scores, change(scores), names) == 1.0


def test_a_class_of_one_subject_has_a_difference_and_no_interval() -> None:
    truth, names = np.repeat([True, True, False], 20), [f"s{index // 20}" for index in range(60)]
    rng = np.random.default_rng(0)
    found = compare_auc(truth, rng.normal(size=60), rng.normal(size=60), names)
    assert found is not None
    assert (found.delta.low, found.delta.high) == (None, None)
    assert "one subject in a class" in found.delta.method


def test_one_class_has_no_curve() -> None:
    assert compare_auc([True, True], [0.1, 0.2], [0.3, 0.4]) is None


def test_where_each_image_is_a_subject_the_test_over_subjects_is_delongs() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(400) % 2 == 0
    a = rng.normal(truth * 1.0, 1)
    b = a + rng.normal(truth * 0.3, 1)
    delong = compare_auc(truth, a, b)
    assert delong is not None
    over = auc_test_over_subjects(truth, a, b, [str(index) for index in range(400)])
    # Student's t for the normal distribution is the only difference.
    assert 0.001 < delong.p_value < 0.5
    assert over == pytest.approx(delong.p_value, rel=0.03)


def test_copies_of_an_image_tell_nothing_new_of_its_subject() -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(24) % 2 == 0
    a = rng.normal(truth * 1.0, 1)
    b = a + rng.normal(truth * 0.5, 0.7)
    names = [f"s{index // 2}" for index in range(24)]
    once = auc_test_over_subjects(truth, a, b, names)
    copied = [np.repeat(column, 9) for column in (truth, a, b)]
    assert auc_test_over_subjects(*copied, [name for name in names for _ in range(9)]) == pytest.approx(once)
    alone = compare_auc(*copied)
    assert alone is not None
    assert once is not None
    assert alone.p_value < once / 5


def test_a_class_of_one_subject_cannot_be_tested() -> None:
    truth = np.arange(12) >= 6
    scores = np.linspace(0, 1, 12)
    assert auc_test_over_subjects(truth, scores, scores[::-1], ["one"] * 6 + list("abcdef")) is None
    assert auc_test_over_subjects(truth, scores, scores, list("uvwxyz") + list("abcdef")) == 1.0
