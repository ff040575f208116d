"""Area under the ROC curve (AUC): its interval, and the difference of two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from edgeall.statistics import figures
from edgeall.statistics.clustered import Bools, Floats, Integers, clusters, expit, spread
from edgeall.statistics.estimate import Estimate, bonett_price
from edgeall.wilson import Z


@dataclass(frozen=True)
class AucDifference:
    """AUC of b - AUC of a on the same images. `p_value`: DeLong's, two-sided; None where subjects are known."""

    delta: Estimate
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        return {**self.delta.to_dict(), "p_value": self.p_value}


def delong_interval(positive: Bools, scores: Floats) -> Estimate:
    """AUC with DeLong's variance on the logit scale; for a perfect or reversed ranking, Newcombe's score interval.

    DeLong's variance is 0 at AUC 1, which would give [1, 1] for any number of images. Sources: DeLong, DeLong and
    Clarke-Pearson, Biometrics 44 (1988); logit scale: Qin and Hotilovac, Stat. Methods Med. Res. 17 (2008).
    """
    area = figures.auc(positive, scores).value
    variance = float(_delong_covariance(positive, scores[None, :])[0, 0])
    if not 0.0 < area < 1.0 or variance <= 0.0:
        low, high = newcombe_interval(area, int(positive.sum()), int((~positive).sum()))
        return Estimate(area, low, high, "Newcombe's score interval")
    centre, spread = math.log(area / (1 - area)), Z * math.sqrt(variance) / (area * (1 - area))
    return Estimate(area, expit(centre - spread), expit(centre + spread), "DeLong, logit scale")


def newcombe_interval(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """Score interval of an AUC from its value and the two group sizes alone. Its width is never 0.

    Solves |area - t| = z sqrt(V(t)) with Hanley and McNeil's variance at equal group sizes. Source: Newcombe,
    Statistics in Medicine 25 (2006) 559-573, method 5.
    """
    size = (positives + negatives) / 2 - 1

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t))
        return (area - t) ** 2 - Z**2 * variance / (positives * negatives)

    low = (
        0.0
        if area <= 0
        else float(scipy.optimize.brentq(excess, 0.0, area - 1e-12))
        if excess(area - 1e-12) < 0
        else area
    )
    high = (
        1.0
        if area >= 1
        else float(scipy.optimize.brentq(excess, area + 1e-12, 1.0))
        if excess(area + 1e-12) < 0
        else area
    )
    return low, high


def compare_auc(
    positive: Sequence[bool],
    scores_a: Sequence[float],
    scores_b: Sequence[float],
    groups: Sequence[str | None] | None = None,
) -> AucDifference | None:
    """AUC of b - AUC of a on the same images: DeLong's paired test, or Obuchowski's interval over known subjects.

    Over subjects it uses the variance of `clustered.spread` in Bonett and Price's formula for paired proportions (J.
    Educ. Behav. Stat. 37, 2012), because Student's interval is too narrow near an AUC of 1. Its ends are None where a
    class has one subject, and where the rankings do not differ, because the variance between subjects is then unknown.

    Over images, where neither ranking varies (for example both are perfect), the interval combines the two separate
    ones as if independent, which is conservative (Zou and Donner, Statistics in Medicine 27, 2008).

    Returns:
        None where the truth has one class only.
    """
    truth = np.asarray(positive, dtype=bool)
    a, b = np.asarray(scores_a, dtype=np.float64), np.asarray(scores_b, dtype=np.float64)
    if truth.all() or not truth.any():
        return None
    cluster = clusters(groups, len(truth))
    if cluster is not None:
        return AucDifference(difference_over_subjects(truth, a, b, cluster)[0], None)
    area_a, area_b = figures.auc(truth, a).value, figures.auc(truth, b).value
    delta = area_b - area_a
    covariance = _delong_covariance(truth, np.stack([a, b]))
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 1e-15:
        p_value = 1.0 if delta == 0 else None
        return AucDifference(_separate(area_a, area_b, int(truth.sum()), int((~truth).sum())), p_value)
    deviation = math.sqrt(variance)
    low, high = max(-1.0, delta - Z * deviation), min(1.0, delta + Z * deviation)
    return AucDifference(
        Estimate(delta, low, high, "DeLong, paired"), float(2 * scipy.stats.norm.sf(abs(delta) / deviation))
    )


def auc_test_over_subjects(
    positive: Sequence[bool],
    scores_a: Sequence[float],
    scores_b: Sequence[float],
    groups: Sequence[str | None],
) -> float | None:
    """Two-sided p-value of equal AUC on the same images, with images clustered by subject.

    Student's t with the variance of `clustered.spread`. With many images and one image a subject it equals DeLong's
    test.

    Returns:
        None where the truth has one class only, a class has one subject, or AUCs differ without variance.
    """
    truth = np.asarray(positive, dtype=bool)
    cluster = clusters(groups, len(truth))
    if cluster is None:
        raise ValueError("no subject is known")
    if truth.all() or not truth.any():
        return None
    a, b = np.asarray(scores_a, dtype=np.float64), np.asarray(scores_b, dtype=np.float64)
    return difference_over_subjects(truth, a, b, cluster)[1]


def difference_over_subjects(
    positive: Bools, a: Floats, b: Floats, cluster: Integers
) -> tuple[Estimate, float | None]:
    """The difference of AUC (b - a) and its p-value, for `compare_auc` and `auc_test_over_subjects`."""
    before, after = figures.auc(positive, a), figures.auc(positive, b)
    delta = after.value - before.value
    up = gained(positive, a, b)
    found = spread(after.influence - before.influence, cluster, [positive, ~positive])
    if found is None:
        return Estimate(delta, None, None, "no interval: one subject in a class"), None
    if not found.known:
        p_value = 1.0 if abs(delta) < 1e-12 else None
        return Estimate(delta, None, None, "no interval: the rankings do not differ"), p_value
    low, high = bonett_price(up, up - delta, found.effective(2 * up - delta - delta**2))
    interval = Estimate(delta, min(low, delta), max(high, delta), f"Bonett-Price, {found.in_words}")
    return interval, float(2 * scipy.stats.t.sf(abs(delta) / math.sqrt(found.variance), found.freedom))


def gained(positive: Bools, a: Floats, b: Floats) -> float:
    """Gain of AUC by the images that b ranks better than a. The loss by the others is this minus the difference.

    An image's gain is the share of pairs by which its component increases.
    """
    both = figures.components(positive, np.stack([a, b]))
    return float(np.mean([np.maximum(of[1] - of[0], 0).mean() for of in both]))


def _separate(a: float, b: float, positives: int, negatives: int) -> Estimate:
    low_a, high_a = newcombe_interval(a, positives, negatives)
    low_b, high_b = newcombe_interval(b, positives, negatives)
    return Estimate(
        b - a,
        max(-1.0, b - a - math.hypot(b - low_b, high_a - a)),
        min(1.0, b - a + math.hypot(high_b - b, a - low_a)),
        "Newcombe's score intervals, combined",
    )


def _delong_covariance(positive: Bools, scores: Floats) -> Floats:
    """Covariance (m, m) of the AUCs of m rankings, scores (m, n).

    The variance of a class with one image counts as 0.
    """
    total = np.zeros((len(scores), len(scores)))
    for components in figures.components(positive, scores):
        count = components.shape[1]
        if count > 1:
            total += np.atleast_2d(np.cov(components)) / count
    return total
