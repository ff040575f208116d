"""Figures of a classifier with the influence of each image on them.

The influence of an image is the derivative of the figure by the image's weight, up to a constant for each class where
the figure holds class shares. `edgeall.statistics.clustered` computes variances from influences.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy

from edgeall.statistics.clustered import Bools, Floats


@dataclass(frozen=True)
class Figure:
    """A figure and the influence of each of n images, (n,), in the figure's unit.

    Attributes:
        strata: sets of images with a fixed number: "all" of them, or the two "classes".
        scale: of the interval; "signed" is "share" of (1 + value) / 2, for figures from -1 to 1.
    """

    value: float
    influence: Floats
    strata: Literal["all", "classes"]
    scale: Literal["share", "signed", "logit"]


def mean(values: Bools | Floats) -> Figure:
    """Mean of values in [0, 1], for accuracy and Brier score."""
    column = np.asarray(values, dtype=np.float64)
    return Figure(float(column.mean()), (column - column.mean()) / len(column), "all", "share")


def predictive_value(positive: Bools, called: Bools) -> Figure | None:
    """Share of positives among the images called positive; None where there are none."""
    count = int(called.sum())
    if not count:
        return None
    value = float((positive & called).sum() / count)
    return Figure(value, called * (positive - value) / count, "classes", "share")


def f1(positive: Bools, called: Bools) -> Figure | None:
    """Harmonic mean of sensitivity and predictive value; None where no image is positive or called positive."""
    both = int(positive.sum() + called.sum())
    if not both:
        return None
    hits = positive & called
    value = float(2 * hits.sum() / both)
    return Figure(
        value, (2.0 * hits - value * (positive + called.astype(np.float64))) / both, "classes", "share"
    )


def balanced_accuracy(positive: Bools, called: Bools) -> Figure:
    """Mean of sensitivity and specificity. Both classes must have images."""
    hit, clear = float(called[positive].mean()), float((~called[~positive]).mean())
    of_class = np.where(positive, (called - hit) / positive.sum(), (~called - clear) / (~positive).sum())
    return Figure((hit + clear) / 2, of_class / 2, "classes", "share")


def mcc(positive: Bools, called: Bools) -> Figure:
    """Matthews' correlation of truth and verdict; 0 where all verdicts are equal, as in scikit-learn."""
    share = float(positive.mean())
    hit, alarm = float(called[positive].mean()), float(called[~positive].mean())
    calls = share * hit + (1 - share) * alarm
    if not 0 < calls < 1:
        return Figure(0.0, np.zeros(len(positive)), "classes", "signed")
    root, deviation = math.sqrt(share * (1 - share)), math.sqrt(calls * (1 - calls))
    value = root * (hit - alarm) / deviation
    by_calls = -value * (1 - 2 * calls) / (2 * calls * (1 - calls))
    by_hit, by_alarm = root / deviation + by_calls * share, -root / deviation + by_calls * (1 - share)
    influence = np.where(
        positive, by_hit * (called - hit) / positive.sum(), by_alarm * (called - alarm) / (~positive).sum()
    )
    return Figure(min(1.0, max(-1.0, value)), influence, "classes", "signed")


def auc(positive: Bools, scores: Floats) -> Figure:
    """Area under the ROC curve; its influences are DeLong's components."""
    of_hits, of_others = (part[0] for part in components(positive, scores[None, :]))
    value = float(of_hits.mean())
    influence = np.empty(len(scores))
    influence[positive] = (of_hits - value) / len(of_hits)
    influence[~positive] = (of_others - value) / len(of_others)
    return Figure(value, influence, "classes", "logit")


def average_precision(positive: Bools, scores: Floats) -> Figure:
    """Mean precision at the score of each positive image."""
    # Steps are the distinct scores in descending order.
    _, step = np.unique(-scores, return_inverse=True)
    hits = np.bincount(step, weights=positive)
    found, called = np.cumsum(hits), np.cumsum(np.bincount(step))
    precision = found / called
    total = float(found[-1])
    value = float(hits @ precision) / total
    # Effect of one more image on the precision at its step and at all lower ones.
    gain, loss = (np.cumsum((hits * part)[::-1])[::-1] for part in (1 / called, found / called**2))
    moved = positive * (precision + gain)[step] - loss[step]
    return Figure(min(1.0, value), (moved - positive * value) / total, "classes", "logit")


def components(positive: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """DeLong's structural components of m rankings, scores (m, n): of each positive image, and of each negative one.

    A positive's component is the share of negatives ranked below it, a negative's the share of positives ranked above.
    Source of the fast form with midranks: Sun and Xu, IEEE Signal Processing Letters 21 (2014).
    """
    truth = np.ascontiguousarray(positive, dtype=bool).tobytes()
    parts = [_of_ranking(truth, row.astype(np.float64).tobytes()) for row in scores]
    return np.stack([above for above, _ in parts]), np.stack([below for _, below in parts])


# Cached: a ranking is compared with many others.
@lru_cache(maxsize=128)
def _of_ranking(truth: bytes, scores: bytes) -> tuple[Floats, Floats]:
    positive, ranked = np.frombuffer(truth, dtype=bool), np.frombuffer(scores, dtype=np.float64)
    hits, others = ranked[positive], ranked[~positive]
    m, n = len(hits), len(others)
    together = scipy.stats.rankdata(np.concatenate([hits, others]))
    above = (together[:m] - scipy.stats.rankdata(hits)) / n
    below = 1 - (together[m:] - scipy.stats.rankdata(others)) / m
    return above, below


OF_CALLS: dict[str, Callable[[Bools, Bools], Figure | None]] = {
    "ppv": predictive_value,
    "f1": f1,
    "balanced_accuracy": balanced_accuracy,
    "mcc": mcc,
}
OF_SCORES: dict[str, Callable[[Bools, Floats], Figure]] = {"auc": auc, "average_precision": average_precision}
