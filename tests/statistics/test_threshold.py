"""The threshold that validation images choose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall.errors import DatasetError
from edgeall.statistics import choose_band, choose_threshold, matching_threshold


def youden(truth: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    called = scores >= threshold
    return float(called[truth].mean() - called[~truth].mean())


def test_separated_classes_are_parted_midway() -> None:
    assert choose_threshold([False, False, True, True], [0.1, 0.3, 0.7, 0.9]) == pytest.approx(0.5)
    assert choose_threshold([False, False, True, True], [0.1, 0.2, 0.3, 0.9]) == pytest.approx(0.25)


def test_of_equal_thresholds_the_one_nearest_a_half_is_taken() -> None:
    truth, scores = [False, True, False, True], [0.1, 0.3, 0.6, 0.8]
    assert choose_threshold(truth, scores) == pytest.approx(0.7)


@pytest.mark.parametrize("scores", [[0.4, 0.4, 0.4, 0.4], [0.9, 0.8, 0.2, 0.1]])
def test_where_nothing_beats_chance_it_stays_at_a_half(scores: list[float]) -> None:
    assert choose_threshold([False, False, True, True], scores) == 0.5


def test_neighbouring_floats_are_still_parted() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    threshold = choose_threshold([False, True], [low, high])
    assert low < threshold <= high


def test_one_class_cannot_choose() -> None:
    with pytest.raises(DatasetError, match="both classes"):
        choose_threshold([True, True], [0.1, 0.9])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=40).filter(
        lambda rows: len({truth for truth, _ in rows}) == 2
    )
)
def test_no_threshold_is_better(rows: list[tuple[bool, float]]) -> None:
    truth, scores = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    threshold = choose_threshold(truth, scores)
    assert 0 <= threshold <= 1
    best = max(youden(truth, scores, t) for t in [*scores, 2.0])
    if best > 1e-9:
        assert youden(truth, scores, threshold) == pytest.approx(best)
    else:
        assert threshold == 0.5


def test_the_band_holds_what_would_miss_too_many_or_alarm_too_many() -> None:
    positive = [False] * 5 + [True] * 5
    scores = [0.1, 0.2, 0.3, 0.6, 0.7, 0.25, 0.4, 0.8, 0.9, 0.95]
    low, high = choose_band(positive, scores, 0.5, 1.0, 1.0)
    assert 0.2 < low <= 0.25
    assert 0.7 < high <= 0.8
    low, high = choose_band(positive, scores, 0.5, 0.8, 0.8)
    assert 0.3 < low <= 0.4
    assert 0.6 < high <= 0.7


def test_no_band_where_the_threshold_alone_suffices() -> None:
    assert choose_band([False, False, True, True], [0.1, 0.2, 0.8, 0.9], 0.5, 1.0, 1.0) is None
    assert choose_band([False, True], [0.9, 0.1], 0.5, 0.0, 0.0) is None


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_band_keeps_its_word_on_the_images_that_chose_it(
    images: list[tuple[bool, float]], threshold: float, sensitivity: float, specificity: float
) -> None:
    positive = np.array([truth for truth, _ in images])
    scores = np.array([score for _, score in images])
    band = choose_band(positive, scores, threshold, sensitivity, specificity)
    low, high = band or (threshold, threshold)
    assert 0 <= low <= threshold <= high <= 1
    if positive.any():
        assert (scores[positive] >= low).mean() >= sensitivity - 1e-6
    # At 1 the verdict can be negative of nothing above.
    if not positive.all() and high < 1:
        assert (scores[~positive] < high).mean() >= specificity - 1e-6


def test_a_threshold_that_keeps_verdicts_follows_the_scores() -> None:
    """All scores of the other model are .2 lower: so is the threshold at which no verdict changes."""
    scores = [0.3, 0.45, 0.55, 0.8]
    lower = [score - 0.2 for score in scores]
    assert matching_threshold([False, False, True, True], lower, 0.5) == pytest.approx(0.3)
    assert matching_threshold([False] * 4, lower, 0.7) == 0.7
    assert matching_threshold([True] * 4, lower, 0.05) == 0.05


def test_the_threshold_stays_where_another_keeps_no_more_verdicts() -> None:
    assert matching_threshold([False, True, False, True], [0.1, 0.2, 0.4, 0.9], 0.6) == 0.6


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40),
    st.floats(0, 1),
)
def test_no_threshold_keeps_more_verdicts(rows: list[tuple[bool, float]], near: float) -> None:
    called, scores = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    threshold = matching_threshold(called.tolist(), scores.tolist(), near)
    kept = ((scores >= threshold) == called).mean()
    assert kept >= max(
        ((scores >= t) == called).mean() for t in [*scores, *np.nextafter(scores, 2.0)] if t <= 1
    )
