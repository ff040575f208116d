"""The ROC curve and its band, against scikit-learn and SciPy."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgeall.statistics import roc_curve
from edgeall.statistics.roc_band import MOST_POINTS


def scored(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3 > 0
    return truth, np.round(np.where(truth, 0.6, 0.4) + rng.normal(0, 0.15, n), 2).clip(0, 1)


def test_points_are_those_of_scikit_learn() -> None:
    truth, scores = scored(60)
    curve = roc_curve(truth, scores)
    assert curve is not None
    false, true, thresholds = sklearn.metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.false, false)
    np.testing.assert_allclose(curve.true, true)
    np.testing.assert_array_equal(curve.thresholds, thresholds)


def test_a_long_curve_keeps_its_ends_and_its_shape() -> None:
    truth = np.arange(5000) % 2 == 0
    scores = np.where(truth, 0.2, 0.0) + np.random.default_rng(1).random(5000)
    curve = roc_curve(truth, scores)
    assert curve is not None
    assert len(curve.true) <= MOST_POINTS
    assert (curve.false[0], curve.true[0], curve.false[-1], curve.true[-1]) == (0, 0, 1, 1)
    area = float(np.trapezoid(curve.true, curve.false))
    assert area == pytest.approx(sklearn.metrics.roc_auc_score(truth, scores), abs=2e-3)


def test_over_images_each_end_is_clopper_and_pearsons_at_97_5_percent() -> None:
    truth, scores = scored(40)
    curve = roc_curve(truth, scores)
    assert curve is not None
    assert curve.band is not None
    positives = int(truth.sum())
    assert (curve.band.true_low[0], curve.band.true_high[0]) == (
        0,
        0,
    )  # nothing reaches an infinite threshold
    for place, share in list(enumerate(curve.true))[1:]:
        exact = binomtest(round(share * positives), positives).proportion_ci(0.975, "exact")
        assert curve.band.true_low[place] == pytest.approx(exact.low, abs=1e-9)
        assert curve.band.true_high[place] == pytest.approx(exact.high, abs=1e-9)


def test_one_image_a_subject_needs_at_least_the_band_of_images() -> None:
    truth, scores = scored(60)
    images, subjects = roc_curve(truth, scores), roc_curve(truth, scores, [f"s{i}" for i in range(60)])
    assert images is not None
    assert subjects is not None
    assert images.band is not None
    assert subjects.band is not None
    width = (images.band.true_high - images.band.true_low).mean()
    assert width <= (subjects.band.true_high - subjects.band.true_low).mean() <= 1.1 * width


def test_few_subjects_make_a_wider_band() -> None:
    truth, scores = scored(60)
    many, few = (roc_curve(truth, scores, [f"s{i // size}" for i in range(60)]) for size in (3, 15))
    assert many is not None
    assert few is not None
    assert many.band is not None
    assert few.band is not None
    assert (few.band.true_high - few.band.true_low).mean() > (many.band.true_high - many.band.true_low).mean()


def test_a_perfect_ranking_is_no_certainty() -> None:
    curve = roc_curve([False] * 12 + [True] * 10, np.linspace(0, 1, 22))
    assert curve is not None
    assert curve.band is not None
    assert curve.band.true_low[curve.true == 1].min() == pytest.approx(0.0125 ** (1 / 10))


def test_a_class_of_one_subject_has_no_band() -> None:
    curve = roc_curve([True, True, False, False], [0.9, 0.8, 0.3, 0.1], ["a", "a", "b", "c"])
    assert curve is not None
    assert curve.band is None
    assert curve.method == "no band: a class has one subject"


def test_one_class_has_no_curve() -> None:
    assert roc_curve([True, True], [0.1, 0.2]) is None


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.floats(0, 1), st.sampled_from("abcdefgh")), min_size=4, max_size=60
    ),
    known=st.booleans(),
)
def test_edges_rise_from_corner_to_corner_around_the_curve(
    rows: list[tuple[bool, float, str]], known: bool
) -> None:
    truth, scores, groups = (list(column) for column in zip(*rows, strict=True))
    curve = roc_curve(truth, scores, groups if known else None)
    if curve is None or curve.band is None:
        return
    for low, value, high in (
        (curve.band.true_low, curve.true, curve.band.true_high),
        (curve.band.false_low, curve.false, curve.band.false_high),
    ):
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()
    for xs, ys in (curve.band.upper, curve.band.lower):
        assert (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)
        assert (np.diff(xs) >= 0).all()
        assert (np.diff(ys) >= 0).all()


def test_the_rectangle_at_a_fixed_threshold_holds_in_95_of_100_samples() -> None:
    """300 samples of 12 subjects a class with a common shift each; the truth is that of the distribution."""
    rng = np.random.default_rng(7)
    truth = np.repeat([False, True], 72)
    groups = [f"s{index // 6}" for index in range(144)]
    held = 0
    for _ in range(300):
        shift = np.repeat(rng.normal(0, 1, 24), 6)
        scores = shift + rng.normal(0, 1, 144) + np.where(truth, 1.0, -1.0)
        # Both shares are 1 - Φ(∓1/√2) at a threshold of 0.
        curve = roc_curve(truth, np.where(scores >= 0, 1.0, 0.0), groups)
        assert curve is not None
        assert curve.band is not None
        band = curve.band
        held += bool(
            band.true_low[1] <= 0.7602 <= band.true_high[1]
            and band.false_low[1] <= 0.2398 <= band.false_high[1]
        )
    assert held / 300 >= 0.93
