"""Two results of one device beside each other, and what may be claimed of the pair."""

from dataclasses import dataclass
from functools import lru_cache

from edgeall.reporting.document import Predictions, Result
from edgeall.statistics import Estimate, Paired, compare_verdicts, ratio_over_rounds

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class AccuracyGap:
    """Accuracy of b less that of a on the same images.

    Attributes:
        ends: of its interval; None where there is none, as between equal verdicts of subjects that are known.
        p_value: over subjects where they are known, else McNemar's exact.
    """

    n: int
    value: float
    ends: tuple[float, float] | None
    p_value: float
    subjects: bool

    def shown(self, adjusted_p: float | None = None) -> bool:
        """Whether the images support a difference: the interval leaves out none, and so does the test."""
        p_value = self.p_value if adjusted_p is None else adjusted_p
        return self.ends is not None and p_value < SIGNIFICANT and (self.ends[0] > 0 or self.ends[1] < 0)


def accuracy_gap(a: Result, b: Result) -> AccuracyGap | None:
    """Compare image by image; None where the two were not scored on the same images, or these are not recorded."""
    if a.predictions is None or b.predictions is None:
        return None
    paired = _paired(a.predictions, b.predictions)
    if paired is None:
        return None
    delta, over = paired.accuracy_delta, paired.p_value_over_subjects
    ends = None if delta.low is None or delta.high is None else (delta.low, delta.high)
    p_value = paired.p_value if over is None else over
    return AccuracyGap(paired.n, delta.value, ends, p_value, over is not None)


@lru_cache(maxsize=1024)
def _paired(one: Predictions, other: Predictions) -> Paired | None:
    """Cached: the same pair is looked at for several statements."""
    place = {name: index for index, name in enumerate(other.images)}
    if not place or len(place) != len(other.images) or sorted(one.images) != sorted(other.images):
        return None
    order = [place[name] for name in one.images]
    if one.truth != tuple(other.truth[index] for index in order):
        return None
    return compare_verdicts(one.truth, one.positive, [other.positive[index] for index in order], one.subjects)


def time_ratio(a: Result, b: Result) -> Estimate | None:
    """Model latency of a over that of b: with an interval where both had their turns in the same rounds.

    None where either has no measured latency: an estimate is no measurement to divide by.
    """
    if a.latency is None or b.latency is None or (a.kind, b.kind) != ("measured", "measured"):
        return None
    shared = sorted(a.latency.rounds.keys() & b.latency.rounds.keys())
    if len(shared) > 1:
        return ratio_over_rounds(
            [a.latency.rounds[key] for key in shared], [b.latency.rounds[key] for key in shared]
        )
    if not a.latency.p50 or not b.latency.p50:
        return None
    return Estimate(a.latency.p50 / b.latency.p50, None, None, "not measured in the same rounds")


def apart(ratio: Estimate | None) -> bool:
    """Whether a ratio of times is shown to differ from 1."""
    return (
        ratio is not None
        and ratio.low is not None
        and ratio.high is not None
        and (ratio.low > 1 or ratio.high < 1)
    )


def same_speed(a: Result, b: Result) -> bool:
    """Whether rounds that both had their turns in leave open which is faster."""
    ratio = time_ratio(a, b)
    return ratio is not None and ratio.low is not None and not apart(ratio)
