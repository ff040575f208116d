"""The ROC curve with a confidence band around its points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeall.statistics import figures
from edgeall.statistics.clustered import (
    Bools,
    Floats,
    Integers,
    clusters,
    counted,
    korn_graubard,
    spread,
)
from edgeall.statistics.estimate import CONFIDENCE

MOST_POINTS = 160
"""Points of a curve; of more distinct scores, those evenly along the curve are taken."""

_UPPER = 1 - (1 - CONFIDENCE) / 4
"""Of two intervals at 97.5%, which hold together at 95% or more (Bonferroni)."""


@dataclass(frozen=True)
class RocCurve:
    """Points of a ROC curve from (0, 0) to (1, 1), each column (t,).

    Attributes:
        thresholds: scores from which an image is called positive, descending; the first is infinite.
        false, true: share of negatives and of positives called positive: 1 - specificity and sensitivity.
        band: None where there is none.
        method: of the band, or why there is none.
    """

    thresholds: Floats
    false: Floats
    true: Floats
    band: "RocBand | None"
    method: str


@dataclass(frozen=True)
class RocBand:
    """Ends of the intervals at each threshold, (t,): the band is what their rectangles cover, in steps between them."""

    false_low: Floats
    false_high: Floats
    true_low: Floats
    true_high: Floats

    @property
    def upper(self) -> tuple[Floats, Floats]:
        """Upper edge from (0, 0) to (1, 1) as x and y, in steps that go up first."""
        return _steps(self.false_low)[:-1], _steps(self.true_high)[1:]

    @property
    def lower(self) -> tuple[Floats, Floats]:
        """Lower edge from (0, 0) to (1, 1) as x and y, in steps that go to the right first."""
        return _steps(self.false_high)[1:], _steps(self.true_low)[:-1]


def roc_curve(
    positive: Sequence[bool], scores: Sequence[float], groups: Sequence[str | None] | None = None
) -> RocCurve | None:
    """The curve with a pointwise band: at each threshold sensitivity and specificity lie in their rectangle at 95%.

    The rectangle is made of an interval of each at 97.5%: Clopper and Pearson's over images, Korn and Graubard's over
    subjects where these are known. Sources: Hilgers, Methods of Information in Medicine 30 (1991), for bounds of
    a curve from such intervals; Pepe, The Statistical Evaluation of Medical Tests (2003), section 2.2.2, for
    the rectangle. A band that holds for the whole curve at once would be wider. In simulations the rectangles hold at
    95% or more with 12 subjects a class or more; with 9 subjects of 30 images each, that differ much, at 90% or more.

    Returns:
        None where the truth has one class only.
    """
    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    if truth.all() or not truth.any():
        return None
    thresholds, false, true = _points(truth, values)
    cluster = clusters(groups, len(truth))
    if cluster is not None:
        fewest = min(len(np.unique(cluster[those])) for those in (truth, ~truth))
        if fewest < 2:
            return RocCurve(thresholds, false, true, None, "no band: a class has one subject")
        method = "Korn and Graubard's intervals over subjects"
    else:
        method = "Clopper and Pearson's intervals over images"
    ends = {
        # At an infinite threshold nothing is called positive: that is certain.
        those: np.asarray([(0.0, 0.0), *(_interval(values >= cut, mask, cluster) for cut in thresholds[1:])])
        for those, mask in (("true", truth), ("false", ~truth))
    }
    band = RocBand(
        _rising(ends["false"][:, 0], low=True),
        _rising(ends["false"][:, 1], low=False),
        _rising(ends["true"][:, 0], low=True),
        _rising(ends["true"][:, 1], low=False),
    )
    return RocCurve(thresholds, false, true, band, f"pointwise, {method}")


def _points(positive: Bools, scores: Floats) -> tuple[Floats, Floats, Floats]:
    distinct, place = np.unique(-scores, return_inverse=True)
    hits = np.cumsum(np.bincount(place, weights=positive))
    alarms = np.cumsum(np.bincount(place, weights=~positive))
    true = np.concatenate([[0.0], hits / hits[-1]])
    false = np.concatenate([[0.0], alarms / alarms[-1]])
    thresholds = np.concatenate([[np.inf], -distinct])
    if len(true) > MOST_POINTS:
        along = (true + false) / 2
        kept = np.unique(np.searchsorted(along, np.linspace(0, 1, MOST_POINTS)).clip(0, len(along) - 1))
        thresholds, false, true = thresholds[kept], false[kept], true[kept]
    return thresholds, false, true


def _interval(called: Bools, those: Bools, cluster: Integers | None) -> tuple[float, float]:
    """Of the share of `those` images that are called positive."""
    share = figures.mean(called[those])
    n = int(those.sum())
    if cluster is None:
        return counted(share.value, n, _UPPER)
    own = np.unique(cluster[those], return_inverse=True)[1].astype(np.int64)
    found = spread(share.influence, own, [np.ones(n, dtype=bool)])
    assert found is not None
    low, high = korn_graubard(share.value, found, n, _UPPER)
    return min(low, share.value), max(high, share.value)


def _rising(ends: Floats, *, low: bool) -> Floats:
    """Ends that rise with the curve: a share rises as the threshold falls, so that a bound holds for its neighbours."""
    if low:
        return np.asarray(np.maximum.accumulate(ends))
    return np.asarray(np.minimum.accumulate(ends[::-1])[::-1])


def _steps(ends: Floats) -> Floats:
    """Each end twice, between the corners of the plot."""
    return np.repeat(np.concatenate([[0.0], ends, [1.0]]), 2)
