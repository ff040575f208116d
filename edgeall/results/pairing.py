"""Two results side by side: their common images, and their common rounds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from edgeall.results.accuracy import RecordedPredictions
from edgeall.results.differences import Difference, auc_test, excludes, verdict_test
from edgeall.results.document import Result
from edgeall.statistics import LEAST_GAIN, Estimate, accuracy_gain, compare_f1, ratio_over_rounds

Rounds = Mapping[tuple[int, int], float]
"""Medians by session and round."""


def numbered(keys: Sequence[str]) -> list[tuple[str, int]]:
    """Keys of images made unique: the copies of one image are numbered."""
    seen: Counter[str] = Counter()
    found = []
    for key in keys:
        found.append((key, seen[key]))
        seen[key] += 1
    return found


def common_rows(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Rows of a and of b that are one image, in a's order; copies make as many pairs as both sides have."""
    place = {key: row for row, key in enumerate(numbered(b))}
    return [(row, place[key]) for row, key in enumerate(numbered(a)) if key in place]


def same_images(a: Result, b: Result) -> bool | None:
    """Whether two were scored on the same images with the same truth; None where a result does not record them."""
    if a.predictions is None or b.predictions is None:
        return None
    return _same_images(a.predictions, b.predictions) is not None


def differences(a: Result, b: Result) -> list[Difference]:
    """In accuracy and AUC, as far as they can be tested."""
    return [each for each in (accuracy_difference(a, b), auc_difference(a, b)) if each is not None]


def accuracy_difference(a: Result, b: Result) -> Difference | None:
    """None where the two were not scored on the same images, or these are not recorded."""
    return None if a.predictions is None or b.predictions is None else _accuracy(a.predictions, b.predictions)


def auc_difference(a: Result, b: Result) -> Difference | None:
    """As `accuracy_difference`; None too where scores are not recorded or of one class."""
    return None if a.predictions is None or b.predictions is None else _auc(a.predictions, b.predictions)


def f1_difference(a: Result, b: Result) -> Estimate | None:
    """As `accuracy_difference`, with an interval and without a test."""
    if a.predictions is None or b.predictions is None:
        return None
    order = _same_images(a.predictions, b.predictions)
    if order is None:
        return None
    positive = [b.predictions.positive[row] for row in order]
    return compare_f1(a.predictions.truth, a.predictions.positive, positive, a.predictions.subjects)


def accuracy_sign(a: Result, b: Result) -> int | None:
    """1 where b is shown to be more accurate than a, -1 less, 0 neither; None as of `accuracy_difference`.

    The interval is computed first. The test is needed only where it excludes 0.
    """
    if a.predictions is None or b.predictions is None:
        return None
    gain = _gain(a.predictions, b.predictions)
    if gain is None or not excludes(gain, 0):
        return None if gain is None else 0
    found = _accuracy(a.predictions, b.predictions)
    return None if found is None else found.sign


def auc_sign(a: Result, b: Result) -> int | None:
    """As `accuracy_sign`, of AUC."""
    found = auc_difference(a, b)
    return None if found is None else found.sign


# Cached: several statements rest on the same pair.
@lru_cache(maxsize=1024)
def _accuracy(a: RecordedPredictions, b: RecordedPredictions) -> Difference | None:
    order = _same_images(a, b)
    if order is None:
        return None
    return verdict_test("accuracy", a.truth, a.positive, [b.positive[row] for row in order], a.subjects)


def _gain(a: RecordedPredictions, b: RecordedPredictions) -> Estimate | None:
    order = _same_images(a, b)
    if order is None:
        return None
    return accuracy_gain(a.truth, a.positive, [b.positive[row] for row in order], a.subjects)


@lru_cache(maxsize=1024)
def _auc(a: RecordedPredictions, b: RecordedPredictions) -> Difference | None:
    order = _same_images(a, b)
    if order is None or a.scores is None or b.scores is None:
        return None
    return auc_test(a.truth, a.scores, [b.scores[row] for row in order], a.subjects)


def _same_images(a: RecordedPredictions, b: RecordedPredictions) -> list[int] | None:
    """Rows of `b` in the order of `a`; None where they are not the same images with the same truth."""
    if a.images == b.images:
        return list(range(len(a.images))) if a.images and a.truth == b.truth else None
    rows = common_rows(a.images, b.images)
    if not rows or not len(rows) == len(a.images) == len(b.images):
        return None
    alike = all(a.truth[row] == b.truth[other] for row, other in rows)
    return [other for _, other in rows] if alike else None


def ratio_over_common_rounds(a: Rounds, b: Rounds) -> Estimate | None:
    """a over b, of rounds that both were measured in; None without one, no interval with one alone."""
    shared = sorted(a.keys() & b.keys())
    return ratio_over_rounds([a[key] for key in shared], [b[key] for key in shared])


def time_ratio(a: Result, b: Result) -> Estimate | None:
    """Model latency of a over that of b: with an interval where both were measured in the same rounds.

    None where either has no measured latency: an estimate is no measurement to divide by.
    """
    if a.latency_ms is None or b.latency_ms is None or not a.latency_kind == b.latency_kind == "measured":
        return None
    ratio = ratio_over_common_rounds(a.latency_ms.by_round, b.latency_ms.by_round)
    if ratio is not None and ratio.low is not None:
        return ratio
    if not a.latency_ms.p50 or not b.latency_ms.p50:
        return None
    return Estimate(a.latency_ms.p50 / b.latency_ms.p50, None, None, "not measured in the same rounds")


def same_speed(a: Result, b: Result) -> bool:
    """Whether the rounds that both were measured in leave open which is faster."""
    return excludes(time_ratio(a, b), 1) is False


def worth_its_time(ratio: Estimate | None) -> bool:
    """Whether INT8 is fast enough to be worth what it changes. `ratio`: time of float32 over that of INT8, if known."""
    return ratio is None or ratio.value >= LEAST_GAIN
