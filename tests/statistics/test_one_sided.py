"""One-sided bounds of paired differences: exact where a textbook tells them, and right about as often as they say."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from edgeall.statistics import OneSided, compare_auc, paired_auc, paired_mean
from edgeall.statistics.one_sided import ENOUGH_SUBJECTS


def names(count: int, images: int) -> list[str]:
    return [f"subject {number}" for number in np.repeat(np.arange(count), images)]


def test_over_images_a_mean_has_students_bounds() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1, 30)
    found = paired_mean(differences, np.arange(30) % 2 == 0)
    test = stats.ttest_1samp(differences, 0)
    assert found.over == "images"
    interval = test.confidence_interval(0.90)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_over_subjects_with_as_many_images_each_a_mean_has_students_bounds_of_their_means() -> None:
    rng = np.random.default_rng(1)
    of_subject = rng.normal(0, 1, 16)
    differences = np.repeat(of_subject, 5) + rng.normal(0, 0.1, 80)
    found = paired_mean(differences, np.repeat(np.arange(16) < 8, 5), names(16, 5))
    interval = stats.ttest_1samp(differences.reshape(16, 5).mean(axis=1), 0).confidence_interval(0.90)
    assert found.over == "subjects"
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_a_class_with_fewer_subjects_has_bounds_over_images() -> None:
    rng = np.random.default_rng(2)
    truth = np.repeat(np.arange(20) < ENOUGH_SUBJECTS - 1, 3)
    a, b = rng.normal(truth, 1), rng.normal(truth, 1)
    for found in (paired_mean(b - a, truth, names(20, 3)), paired_auc(truth, a, b, names(20, 3))):
        assert found is not None
        assert found.over == "images"
    assert paired_mean(b - a, truth, names(20, 3)) == paired_mean(b - a, truth)
    assert paired_mean(b - a, truth, [None] * 60) == paired_mean(b - a, truth)


def test_over_images_an_auc_has_delongs_variance_and_satterthwaites_t() -> None:
    rng = np.random.default_rng(3)
    truth = np.arange(6000) % 3 == 0
    a = rng.normal(truth * 1.0, 1)
    b = a + rng.normal(truth * 0.3, 0.5)
    found = paired_auc(truth, a, b)
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(truth, b) - roc_auc_score(truth, a))
    # Of so many images Bonett and Price's bounds and Student's are those of DeLong's test.
    two_sided = compare_auc(truth, a, b)
    assert two_sided is not None
    assert two_sided.delta.high is not None
    half = (two_sided.delta.high - found.value) / 1.959964 * 1.644854
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.02 * half)


def test_over_subjects_an_auc_has_the_ends_of_the_two_sided_interval_at_another_level() -> None:
    truth, a, b = scores(np.random.default_rng(7), 200, 5)
    found, two_sided = paired_auc(truth, a, b, names(200, 5)), compare_auc(truth, a, b, names(200, 5))
    assert found is not None
    assert two_sided is not None
    assert None not in (found.low, found.high, two_sided.delta.low, two_sided.delta.high)
    ratio = (found.high - found.low) / (two_sided.delta.high - two_sided.delta.low)  # type: ignore[operator]
    assert ratio == pytest.approx(1.644854 / 1.959964, rel=0.02)


def test_without_a_difference_the_bounds_are_the_value() -> None:
    truth = np.repeat(np.arange(16) < 8, 4)
    scores = np.random.default_rng(4).normal(truth, 1)
    for subjects in (None, names(16, 4)):
        over = "images" if subjects is None else "subjects"
        assert paired_mean(np.zeros(64), truth, subjects) == OneSided(0.0, 0.0, 0.0, over)
        # A rising function of a score ranks as it does.
        assert paired_auc(truth, scores, np.exp(scores), subjects) == OneSided(0.0, 0.0, 0.0, over)


def test_what_cannot_be_told_has_no_bounds() -> None:
    assert paired_auc([True, True], [0.1, 0.2], [0.2, 0.1]) is None
    one = paired_auc([True, False, False], [0.5, 0.1, 0.7], [0.8, 0.1, 0.7])
    assert one == OneSided(0.5, None, None, "images")
    assert paired_mean([0.25], [True]) == OneSided(0.25, None, None, "images")


def scores(rng: np.random.Generator, subjects: int, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and the scores of two models: half of the subjects are ill, and images of a subject resemble each other."""
    truth = np.repeat(np.arange(subjects) % 2 == 0, images)

    def of_subjects(deviation: float) -> np.ndarray:
        return np.repeat(rng.normal(0, deviation, subjects), images)

    a = 2.0 * truth + of_subjects(0.7) + rng.normal(0, 0.7, len(truth))
    return truth, a, a - 0.3 * truth + of_subjects(0.4) + rng.normal(0, 0.3, len(truth))


def auc(truth: np.ndarray, a: np.ndarray, b: np.ndarray, subjects: list[str] | None) -> OneSided:
    found = paired_auc(truth, a, b, subjects)
    assert found is not None
    return found


def mean(truth: np.ndarray, a: np.ndarray, b: np.ndarray, subjects: list[str] | None) -> OneSided:
    return paired_mean(
        np.logaddexp(0, np.where(truth, -b, b)) - np.logaddexp(0, np.where(truth, -a, a)), truth, subjects
    )


@pytest.mark.parametrize("figure", [auc, mean])
@pytest.mark.parametrize(("count", "images"), [(16, 6), (24, 4), (120, 1)])
def test_each_bound_holds_the_truth_about_as_often_as_it_says(
    figure: Callable[..., OneSided], count: int, images: int
) -> None:
    true = figure(*scores(np.random.default_rng(5), 100_000, 1), None).value
    rng = np.random.default_rng(6)
    found = [figure(*scores(rng, count, images), names(count, images)) for _ in range(300)]
    assert {each.over for each in found} == {"subjects"}
    # 300 replicates at 95 % stray by 1.3 %. Figures are skewed: the bound on the far side of 1 holds more often.
    assert np.mean([each.low is not None and each.low <= true for each in found]) > 0.9
    assert np.mean([each.high is not None and each.high >= true for each in found]) > 0.9
