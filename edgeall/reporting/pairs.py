"""Two results of one device beside each other, and what may be claimed of the pair."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from edgeall.reporting.document import Predictions, Result
from edgeall.statistics import (
    LEAST_GAIN,
    Estimate,
    auc_test_over_subjects,
    compare_auc,
    compare_verdicts,
    ratio_over_rounds,
)

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Gap:
    """A metric of b less that of a on the same images.

    Attributes:
        metric: "accuracy" or "auc".
        n: images that both were scored on.
        ends: of the 95% interval; None where the images cannot give one.
        p_value: of the paired test, over subjects where they are known; None where there is no test.
        subjects: whether interval and test count subjects.
    """

    metric: Literal["accuracy", "auc"]
    n: int
    value: float
    ends: tuple[float, float] | None
    p_value: float | None
    subjects: bool

    def shown(self, adjusted_p: float | None = None) -> bool:
        """Whether the images support a difference: the interval leaves out none, and so does the test."""
        p_value = self.p_value if adjusted_p is None else adjusted_p
        if p_value is None or self.ends is None:
            return False
        return p_value < SIGNIFICANT and (self.ends[0] > 0 or self.ends[1] < 0)

    @property
    def loss(self) -> bool:
        """Whether b is shown to be worse."""
        return self.value < 0 and self.shown()


def accuracy_gap(a: Result, b: Result) -> Gap | None:
    """Compare image by image; None where the two were not scored on the same images, or these are not recorded."""
    if a.predictions is None or b.predictions is None:
        return None
    return _accuracy(a.predictions, b.predictions)


def auc_gap(a: Result, b: Result) -> Gap | None:
    """As `accuracy_gap`, of the area under the ROC curve; None too where scores are not recorded or of one class."""
    if a.predictions is None or b.predictions is None:
        return None
    return _auc(a.predictions, b.predictions)


def gaps(a: Result, b: Result) -> list[Gap]:
    """Accuracy and AUC, as far as they can be compared."""
    return [gap for gap in (accuracy_gap(a, b), auc_gap(a, b)) if gap is not None]


# Cached: the same pair is looked at for several statements.
@lru_cache(maxsize=1024)
def _accuracy(one: Predictions, other: Predictions) -> Gap | None:
    order = _same_images(one, other)
    if order is None:
        return None
    positive = [other.positive[index] for index in order]
    paired = compare_verdicts(one.truth, one.positive, positive, one.subjects)
    over = paired.p_value_over_subjects
    return Gap(
        "accuracy",
        paired.n,
        paired.accuracy_delta.value,
        _ends(paired.accuracy_delta),
        paired.p_value if over is None else over,
        over is not None,
    )


@lru_cache(maxsize=1024)
def _auc(one: Predictions, other: Predictions) -> Gap | None:
    order = _same_images(one, other)
    if order is None or one.scores is None or other.scores is None:
        return None
    scores = [other.scores[index] for index in order]
    found = compare_auc(one.truth, one.scores, scores, one.subjects)
    if found is None:
        return None
    known = one.subjects is not None and any(subject is not None for subject in one.subjects)
    over = auc_test_over_subjects(one.truth, one.scores, scores, one.subjects or ()) if known else None
    p_value = over if known else found.p_value
    return Gap("auc", len(one.truth), found.delta.value, _ends(found.delta), p_value, known)


def _same_images(one: Predictions, other: Predictions) -> list[int] | None:
    """Places in `other` of the images of `one`; None where they are not the same images with the same truth."""
    place = {name: index for index, name in enumerate(other.images)}
    if not place or len(place) != len(other.images) or sorted(one.images) != sorted(other.images):
        return None
    order = [place[name] for name in one.images]
    return order if one.truth == tuple(other.truth[index] for index in order) else None


def _ends(estimate: Estimate) -> tuple[float, float] | None:
    return None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)


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


def worth_its_time(ratio: Estimate | None) -> bool:
    """Whether INT8 is fast enough to be worth what it changes. `ratio`: time of float32 over that of INT8, if known."""
    return ratio is None or ratio.value >= LEAST_GAIN


def same_speed(a: Result, b: Result) -> bool:
    """Whether rounds that both had their turns in leave open which is faster."""
    ratio = time_ratio(a, b)
    return ratio is not None and ratio.low is not None and not apart(ratio)
