"""One-sided bounds of paired differences between two models a and b on the same images.

A non-inferiority test, "b is not worse than a by more than a margin", needs one end of an interval at its own level.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import scipy

from edgeall.statistics import figures
from edgeall.statistics.clustered import Bools, ClusteredError, Floats, Integers, clusters, spread
from edgeall.statistics.estimate import CONFIDENCE, bonett_price
from edgeall.statistics.roc import gained

ENOUGH_SUBJECTS = 8
"""Least subjects of a class for bounds over subjects. With fewer, the variance between them is poorly known."""

_Z = 1.6448536269514722
"""Quantile of the standard normal distribution at `CONFIDENCE`."""

Over = Literal["subjects", "images"]


@dataclass(frozen=True)
class OneSided:
    """A difference, and one-sided bounds of its true value.

    Attributes:
        value: the difference as observed.
        low, high: lower and upper bound, each one-sided at 95 %; together an interval at 90 %. None where a class
            (of an AUC) or the set (of a mean) has one image.
        over: what counts as independent. Over images, bounds are too narrow if images are of few subjects.
    """

    value: float
    low: float | None
    high: float | None
    over: Over

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: value, low, high, over."""
        return asdict(self)


def paired_auc(
    positive: Sequence[bool] | Bools,
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    subjects: Sequence[str | None] | None = None,
) -> OneSided | None:
    """AUC of b - AUC of a on the same images.

    The variance is that of DeLong's components, between subjects or images. The bounds are Bonett and Price's at the
    effective number of images, as in `compare_auc`, because Student's are too narrow near an AUC of 1.

    Args:
        positive: the truth, (n,).
        a, b: scores, (n,) each.
        subjects: of each image; None where not known.

    Returns:
        None where the truth has one class only.
    """
    truth = np.asarray(positive, dtype=bool)
    if truth.all() or not truth.any():
        return None
    before, after = (np.asarray(scores, dtype=np.float64) for scores in (a, b))
    first, second = figures.auc(truth, before), figures.auc(truth, after)
    value = second.value - first.value
    cluster, over = _independent(truth, subjects)
    found = _spread(second.influence - first.influence, cluster, [truth, ~truth])
    if found is None:
        return OneSided(value, None, None, over)
    if not found.known:
        return OneSided(value, value, value, over)
    up = gained(truth, before, after)
    effective = (2 * up - value - value**2) / found.variance * (_Z / _quantile(found)) ** 2
    low, high = bonett_price(up, up - value, effective, _Z)
    return OneSided(value, min(low, value), max(high, value), over)


def paired_mean(
    differences: Sequence[float] | Floats,
    positive: Sequence[bool] | Bools,
    subjects: Sequence[str | None] | None = None,
) -> OneSided:
    """The mean of a difference per image, (n,), n >= 1, for example of log-loss, with Student's bounds.

    Args:
        positive: the truth, (n,): bounds are over subjects where both classes have enough of them.
        subjects: of each image; None where not known.
    """
    column = np.asarray(differences, dtype=np.float64)
    value = float(column.mean())
    cluster, over = _independent(np.asarray(positive, dtype=bool), subjects)
    found = _spread((column - value) / len(column), cluster, [np.ones(len(column), dtype=bool)])
    if found is None:
        return OneSided(value, None, None, over)
    half = _quantile(found) * math.sqrt(found.variance) if found.known else 0.0
    return OneSided(value, value - half, value + half, over)


def _independent(truth: Bools, subjects: Sequence[str | None] | None) -> tuple[Integers, Over]:
    """Cluster number of each image, (n,), and what the clusters are."""
    cluster = clusters(subjects, len(truth))
    if cluster is None or min(len(np.unique(cluster[of])) for of in (truth, ~truth)) < ENOUGH_SUBJECTS:
        return np.arange(len(truth)), "images"
    return cluster, "subjects"


def _spread(influence: Floats, cluster: Integers, strata: Sequence[Bools]) -> ClusteredError | None:
    return spread(influence, cluster, strata) if min(of.sum() for of in strata) > 1 else None


def _quantile(found: ClusteredError) -> float:
    return float(scipy.special.stdtrit(found.freedom, CONFIDENCE))
