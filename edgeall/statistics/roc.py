"""Area under the ROC curve: its interval, and the difference of two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, rankdata
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from edgeall.statistics.estimate import Estimate, Z
from edgeall.statistics.resampling import Bools, Floats, bootstrap, clusters, ranking_metrics


@dataclass(frozen=True)
class AucDifference:
    """AUC of b less AUC of a on the same images. `p_value`: DeLong's two-sided; None where subjects are known."""

    delta: Estimate
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        return {**self.delta.to_dict(), "p_value": self.p_value}


def delong_interval(positive: Bools, scores: Floats) -> Estimate:
    """AUC with DeLong's variance on the logit scale; for a perfect or reversed ranking, Newcombe's score interval.

    DeLong's variance is 0 at AUC 1, which would make [1, 1] of the smallest set. Sources: DeLong, DeLong and
    Clarke-Pearson, Biometrics 44 (1988); logit scale: Qin and Hotilovac, Stat. Methods Med. Res. 17 (2008).
    """
    area = float(roc_auc_score(positive, scores))
    variance = float(_delong_covariance(positive, scores[None, :])[0, 0])
    if not 0.0 < area < 1.0 or variance <= 0.0:
        low, high = newcombe_interval(area, int(positive.sum()), int((~positive).sum()))
        return Estimate(area, low, high, "Newcombe's score interval")
    centre, spread = math.log(area / (1 - area)), Z * math.sqrt(variance) / (area * (1 - area))
    return Estimate(area, _expit(centre - spread), _expit(centre + spread), "DeLong, logit scale")


def newcombe_interval(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """Score interval of an AUC from its value and the two group sizes alone; never of zero width.

    Solves |area - t| = z sqrt(V(t)) with Hanley and McNeil's variance at equal group sizes. Source: Newcombe,
    Statistics in Medicine 25 (2006) 559-573, method 5.
    """
    size = (positives + negatives) / 2 - 1

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t))
        return (area - t) ** 2 - Z**2 * variance / (positives * negatives)

    low = 0.0 if area <= 0 else float(brentq(excess, 0.0, area - 1e-12)) if excess(area - 1e-12) < 0 else area
    high = (
        1.0 if area >= 1 else float(brentq(excess, area + 1e-12, 1.0)) if excess(area + 1e-12) < 0 else area
    )
    return low, high


def compare_auc(
    positive: Sequence[bool],
    scores_a: Sequence[float],
    scores_b: Sequence[float],
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> AucDifference | None:
    """AUC of b less that of a on the same images: DeLong's paired test, or a bootstrap over subjects where known.

    Where neither ranking varies (both perfect, say), the interval combines the two separate ones as if they were
    independent, which is too wide rather than too narrow (Zou and Donner, Statistics in Medicine 27, 2008).

    Returns:
        None where the truth has one class only.
    """
    truth = np.asarray(positive, dtype=bool)
    a, b = np.asarray(scores_a, dtype=np.float64), np.asarray(scores_b, dtype=np.float64)
    if truth.all() or not truth.any():
        return None
    area_a, area_b = float(roc_auc_score(truth, a)), float(roc_auc_score(truth, b))
    delta = area_b - area_a
    cluster = clusters(groups, len(truth))
    if cluster is not None:
        of_a, of_b = ranking_metrics(truth, a)["auc"], ranking_metrics(truth, b)["auc"]
        ends = bootstrap({"delta": lambda w: of_b(w) - of_a(w)}, truth, cluster, seed)["delta"]
        if ends is not None and ends[1] > ends[0]:
            return AucDifference(Estimate(delta, *_around(delta, ends), "bootstrap over subjects"), None)
        sizes = (len(set(cluster[truth])), len(set(cluster[~truth])))
        return AucDifference(_separate(area_a, area_b, *sizes), None)
    covariance = _delong_covariance(truth, np.stack([a, b]))
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance <= 1e-15:
        p_value = 1.0 if delta == 0 else None
        return AucDifference(_separate(area_a, area_b, int(truth.sum()), int((~truth).sum())), p_value)
    spread = math.sqrt(variance)
    low, high = max(-1.0, delta - Z * spread), min(1.0, delta + Z * spread)
    return AucDifference(
        Estimate(delta, low, high, "DeLong, paired"), float(2 * norm.sf(abs(delta) / spread))
    )


def auc_test_over_subjects(
    positive: Sequence[bool],
    scores_a: Sequence[float],
    scores_b: Sequence[float],
    groups: Sequence[str | None],
) -> float | None:
    """Two-sided p-value of equal AUC on the same images where images of one subject go together.

    Obuchowski's variance, which sums DeLong's components over subjects (Biometrics 53, 1997); Student's t with
    Welch and Satterthwaite's degrees of freedom, because the subjects of each class are few. With every image a subject
    of its own and many of them it is DeLong's test.

    Returns:
        None where the truth has one class only, a class has one subject, or AUCs differ and nothing varies.
    """
    truth = np.asarray(positive, dtype=bool)
    cluster = clusters(groups, len(truth))
    if cluster is None:
        raise ValueError("no subject is known")
    if min(len(np.unique(cluster[those])) for those in (truth, ~truth)) < 2:
        return None
    a, b = np.asarray(scores_a, dtype=np.float64), np.asarray(scores_b, dtype=np.float64)
    delta = float(roc_auc_score(truth, b)) - float(roc_auc_score(truth, a))
    gains, variances, freedoms = [], [], []
    for components, those in zip(_components(truth, np.stack([a, b])), (truth, ~truth), strict=True):
        gain = components[1] - components[0]
        totals = np.bincount(
            cluster[those], weights=(gain - gain.mean()) / len(gain), minlength=cluster.max() + 1
        )
        count = len(np.unique(cluster[those]))
        gains.append(totals)
        variances.append(count / (count - 1) * float(totals @ totals))
        freedoms.append(count - 1)
    subjects = len(np.unique(cluster))
    variance = sum(variances) + 2 * subjects / (subjects - 1) * float(gains[0] @ gains[1])
    if variance <= 1e-15:
        return 1.0 if delta == 0 else None
    freedom = sum(variances) ** 2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    return float(2 * student.sf(abs(delta) / math.sqrt(variance), freedom))


def _separate(a: float, b: float, positives: int, negatives: int) -> Estimate:
    low_a, high_a = newcombe_interval(a, positives, negatives)
    low_b, high_b = newcombe_interval(b, positives, negatives)
    return Estimate(
        b - a,
        max(-1.0, b - a - math.hypot(b - low_b, high_a - a)),
        min(1.0, b - a + math.hypot(high_b - b, a - low_a)),
        "Newcombe's score intervals, combined",
    )


def _around(value: float, ends: tuple[float, float]) -> tuple[float, float]:
    return min(value, ends[0]), max(value, ends[1])


def _delong_covariance(positive: Bools, scores: Floats) -> Floats:
    """Covariance (m, m) of the AUCs of m rankings, scores (m, n).

    A class of one image has no variance of its own and counts as 0.
    """
    total = np.zeros((len(scores), len(scores)))
    for components in _components(positive, scores):
        count = components.shape[1]
        if count > 1:
            total += np.atleast_2d(np.cov(components)) / count
    return total


def _components(positive: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """DeLong's structural components of m rankings, scores (m, n): of each positive image, and of each negative one.

    A positive's is the share of negatives that it is ranked above, a negative's the share of positives above it.
    Source of the fast form, by midranks: Sun and Xu, IEEE Signal Processing Letters 21 (2014).
    """
    hits, others = scores[:, positive], scores[:, ~positive]
    m, n = hits.shape[1], others.shape[1]
    together = rankdata(np.concatenate([hits, others], axis=1), axis=1)
    above = (together[:, :m] - rankdata(hits, axis=1)) / n
    below = 1 - (together[:, m:] - rankdata(others, axis=1)) / m
    return np.asarray(above), np.asarray(below)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))
