"""The bootstrap over subjects: images of one subject are drawn together, because they resemble each other.

Every metric here takes replicate weights, so that two thousand replicates are a few matrix products instead of as
many calls into scikit-learn, whose values they equal (the tests hold them together).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from edgeall.statistics.estimate import CONFIDENCE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Metric = Callable[[Floats], Floats]
"""From weights (replicates, n) to one value a replicate; NaN where it is undefined."""

REPLICATES = 2000
_CHUNK = 4_000_000


def clusters(groups: Sequence[str | None] | None, n: int) -> Integers | None:
    """Cluster number of each of `n` images; None where no subject is known.

    An image of unknown subject among known ones is a cluster of its own.
    """
    if groups is None or all(group is None for group in groups):
        return None
    if len(groups) != n:
        raise ValueError(f"{len(groups)} subjects for {n} images")
    names = [f"image {index}" if group is None else f"subject {group}" for index, group in enumerate(groups)]
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)


def bootstrap(
    metrics: dict[str, Metric], positive: Bools, cluster: Integers | None, seed: int
) -> dict[str, tuple[float, float] | None]:
    """Expanded percentile intervals of several metrics from the same resamples.

    Clusters (images, where `cluster` is None) are drawn with replacement within strata of equal class composition, so
    that every replicate holds both classes. Sources: Davison and Hinkley, Bootstrap Methods (1997), 3.8; expansion for
    small samples: Hesterberg, The American Statistician 69 (2015). With few clusters the intervals stay somewhat too
    narrow (Cameron, Gelbach and Miller, Rev. Econ. Stat. 90, 2008).

    Returns:
        Ends for each metric; None where it is undefined in over half of the replicates.
    """
    n = len(positive)
    owner = np.arange(n, dtype=np.int64) if cluster is None else cluster
    values: dict[str, list[Floats]] = {name: [] for name in metrics}
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    strata = _strata(positive, owner)
    for start in range(0, REPLICATES, step):
        weights = _draw(strata, min(step, REPLICATES - start), rng)[:, owner]
        for name, metric in metrics.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                values[name].append(metric(weights))
    tail = _tail(strata)
    return {name: _percentile_interval(np.concatenate(parts), tail) for name, parts in values.items()}


def _strata(positive: Bools, owner: Integers) -> Integers:
    """Of each cluster: 0 negatives only, 1 positives only, 2 both."""
    positives = np.bincount(owner, weights=positive)
    sizes = np.bincount(owner)
    return np.where(positives == 0, 0, np.where(positives == sizes, 1, 2)).astype(np.int64)


def _draw(strata: Integers, replicates: int, rng: np.random.Generator) -> Floats:
    """How often each cluster was drawn, (replicates, clusters)."""
    weights = np.zeros((replicates, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        weights[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=replicates
        )
    return weights


def _tail(strata: Integers) -> float:
    """Share of replicates to leave out at either end: under 2.5%, because a resample of few clusters varies too little.

    The plain percentile interval misses the factor sqrt(c / (c - 1)) of c clusters, taken here of the smallest
    stratum, and the difference between Student's t and the normal distribution.
    """
    sizes = np.unique(strata, return_counts=True)[1]
    fewest = max(int(sizes.min()), 2)
    freedom = max(int(sizes.sum()) - len(sizes), 1)
    quantile = student.ppf(0.5 + CONFIDENCE / 2, freedom) * np.sqrt(fewest / (fewest - 1))
    return float(norm.cdf(-quantile))


def _percentile_interval(values: Floats, tail: float) -> tuple[float, float] | None:
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) / 2:
        return None
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def weighted_mean(values: npt.NDArray[Any]) -> Metric:
    """Mean of a figure known for each image."""
    column = np.asarray(values, dtype=np.float64)
    return lambda w: np.asarray((w @ column) / w.sum(axis=1))


def confusion_metrics(positive: Bools, called: Bools) -> dict[str, Metric]:
    """F1, balanced accuracy and Matthews' coefficient of decisions `called` against truth `positive`."""
    cells = np.stack([positive & called, ~positive & called, positive & ~called, ~positive & ~called], axis=1)

    def counts(w: Floats) -> tuple[Floats, ...]:
        return tuple((w @ cells).T)

    def f1(w: Floats) -> Floats:
        tp, fp, fn, _ = counts(w)
        return np.asarray(2 * tp / (2 * tp + fp + fn))

    def balanced(w: Floats) -> Floats:
        tp, fp, fn, tn = counts(w)
        return np.asarray((tp / (tp + fn) + tn / (tn + fp)) / 2)

    def mcc(w: Floats) -> Floats:
        return np.asarray(matthews(*counts(w)))

    return {"f1": f1, "balanced_accuracy": balanced, "mcc": mcc}


def matthews(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    """Matthews' coefficient from cells; 0, as in scikit-learn, where a margin is empty."""
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return np.where(margins > 0, (tp * tn - fp * fn) / np.sqrt(np.where(margins > 0, margins, 1)), 0.0)


def ranking_metrics(positive: Bools, scores: Floats) -> dict[str, Metric]:
    """Area under the ROC curve, and average precision, of `scores` against truth `positive`."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    truth = positive[order].astype(np.float64)

    def by_score(w: Floats) -> tuple[Floats, Floats]:
        ordered = w[:, order]
        return (
            np.add.reduceat(ordered * truth, starts, axis=1),
            np.add.reduceat(ordered * (1 - truth), starts, axis=1),
        )

    def auc(w: Floats) -> Floats:
        hits, others = by_score(w)
        below = np.cumsum(others, axis=1) - others / 2
        return np.asarray((hits * below).sum(axis=1) / (hits.sum(axis=1) * others.sum(axis=1)))

    def average_precision(w: Floats) -> Floats:
        hits, others = (part[:, ::-1] for part in by_score(w))
        called = np.cumsum(hits + others, axis=1)
        precision = np.cumsum(hits, axis=1) / np.where(called > 0, called, 1)
        return np.asarray((hits * precision).sum(axis=1) / hits.sum(axis=1))

    return {"auc": auc, "average_precision": average_precision}
