"""Intervals against a bootstrap by SciPy, and figures against scikit-learn: other ways to the same numbers.

A bootstrap and a formula differ by terms of the order of 1 / n, and by the replicates that are drawn.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn import metrics
from sklearn.calibration import calibration_curve

from edgeall.artifact import Decision
from edgeall.statistics import classification_metrics, compare_auc
from edgeall.statistics.clustered import spread
from edgeall.statistics.figures import auc, average_precision, balanced_accuracy, f1, mcc, predictive_value
from edgeall.statistics.metrics import calibration_error

RNG = np.random.default_rng(12)
TRUTH = np.repeat([True, False], [260, 340])
SCORES = 1 / (1 + np.exp(-RNG.normal(TRUTH * 2.0 - 1.0, 1)))
CALLED = SCORES >= 0.5
DECISION = Decision(("hem", "all"), ("all",))
JUDGES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "ppv": lambda truth, called, _: metrics.precision_score(truth, called),
    "f1": lambda truth, called, _: metrics.f1_score(truth, called),
    "balanced_accuracy": lambda truth, called, _: metrics.balanced_accuracy_score(truth, called),
    "mcc": lambda truth, called, _: metrics.matthews_corrcoef(truth, called),
    "auc": lambda truth, _, scores: metrics.roc_auc_score(truth, scores),
    "average_precision": lambda truth, _, scores: metrics.average_precision_score(truth, scores),
    "brier": lambda truth, _, scores: metrics.brier_score_loss(truth, scores),
}


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "mcc", "auc", "average_precision", "ppv"])
def test_an_interval_over_images_is_that_of_scipys_bootstrap(name: str) -> None:
    """Classes keep their numbers of images, as in the formulas; the bootstrap draws within each."""
    table = np.stack([1 - SCORES, SCORES], axis=1)
    found = getattr(classification_metrics(TRUTH.astype(int), table, DECISION), name)
    ill, healthy = np.flatnonzero(TRUTH), np.flatnonzero(~TRUTH)

    def statistic(a: np.ndarray, b: np.ndarray) -> float:
        rows = np.concatenate([a, b]).astype(int)
        return float(JUDGES[name](TRUTH[rows], CALLED[rows], SCORES[rows]))

    drawn = bootstrap(
        (ill, healthy), statistic, vectorized=False, n_resamples=600, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    width = drawn.high - drawn.low
    # Wilson's form of F1 and of PPV lets the number of images of a class vary as well, and is wider.
    tolerance = 0.3 if name in ("f1", "ppv") else 0.15
    assert found.value == pytest.approx(JUDGES[name](TRUTH, CALLED, SCORES))
    assert (found.low, found.high) == pytest.approx((drawn.low, drawn.high), abs=tolerance * width)


@pytest.mark.parametrize("name", ["f1", "mcc", "auc", "average_precision", "balanced_accuracy", "ppv"])
def test_a_standard_error_over_subjects_is_that_of_a_bootstrap_of_subjects(name: str) -> None:
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(80), 10)
    truth = subject % 2 == 0
    scores = rng.normal(truth * 1.5, 1) + rng.normal(0, 0.8, 80)[subject]
    called = scores > 0.75
    figures = {
        "f1": lambda: f1(truth, called),
        "mcc": lambda: mcc(truth, called),
        "balanced_accuracy": lambda: balanced_accuracy(truth, called),
        "ppv": lambda: predictive_value(truth, called),
        "auc": lambda: auc(truth, scores),
        "average_precision": lambda: average_precision(truth, scores),
    }
    figure = figures[name]()
    assert figure is not None
    found = spread(figure.influence, subject, [truth, ~truth])
    assert found is not None
    drawn = []
    for _ in range(500):
        whom = np.concatenate([rng.choice(np.arange(start, 80, 2), 40) for start in (0, 1)])
        rows = (whom[:, None] * 10 + np.arange(10)).ravel()
        drawn.append(JUDGES[name](truth[rows], called[rows], scores[rows]))
    assert np.sqrt(found.variance) == pytest.approx(np.std(drawn), rel=0.13)


def test_a_paired_difference_of_auc_is_that_of_scipys_bootstrap() -> None:
    other = SCORES + np.random.default_rng(5).normal(0, 0.15, len(SCORES))
    found = compare_auc(TRUTH.tolist(), SCORES.tolist(), other.tolist())
    assert found is not None
    assert found.delta.low is not None
    assert found.delta.high is not None

    def statistic(a: np.ndarray, b: np.ndarray) -> float:
        rows = np.concatenate([a, b]).astype(int)
        return float(
            metrics.roc_auc_score(TRUTH[rows], other[rows]) - metrics.roc_auc_score(TRUTH[rows], SCORES[rows])
        )

    error = bootstrap(
        (np.flatnonzero(TRUTH), np.flatnonzero(~TRUTH)), statistic, vectorized=False, n_resamples=600,
        method="percentile", rng=np.random.default_rng(0),
    ).standard_error  # fmt: skip
    assert (found.delta.high - found.delta.low) / (2 * 1.959964) == pytest.approx(error, rel=0.1)


def test_the_calibration_error_is_that_of_scikit_learns_curve() -> None:
    shares, means = calibration_curve(TRUTH, SCORES, n_bins=10, strategy="uniform")
    counts = np.histogram(SCORES, bins=10, range=(0, 1))[0]
    expected = np.average(np.abs(shares - means), weights=counts[counts > 0])
    assert calibration_error(TRUTH, SCORES) == pytest.approx(expected)


def test_the_brier_score_is_scikit_learns() -> None:
    table = np.stack([1 - SCORES, SCORES], axis=1)
    found = classification_metrics(TRUTH.astype(int), table, DECISION).brier
    assert found.value == pytest.approx(metrics.brier_score_loss(TRUTH, SCORES))
