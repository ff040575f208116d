"""Which artifact to take: limits, the set that keeps them, the choice, and the Pareto front.

Of the artifacts that may be taken, those are kept that are not shown to be worse than the best in accuracy or AUC. Of
these the fastest is taken; where rounds do not tell several from it, the smallest of these. Whether a difference is
shown is decided in `edgeall.results.differences`. `report` decides by the same function, without limits.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from edgeall import formatting
from edgeall.recommending.constraints import Constraints, Reason, violations
from edgeall.recommending.measured import beside_float32, p50, timed
from edgeall.results import Bench, Failure, Result
from edgeall.results.differences import excludes
from edgeall.results.pairing import (
    accuracy_sign,
    auc_sign,
    same_speed,
    time_ratio,
    worth_its_time,
)
from edgeall.statistics import Estimate

UNLIMITED = Constraints()

_ENDS_ALL = (None, "accuracy", "selftest")
"""Kinds of a failure that leave an artifact without an answer to rely on, whatever the threads."""


@dataclass(frozen=True)
class Candidate:
    """An artifact with one thread count. `reasons`: why it may not be taken; empty where it may."""

    result: Result
    reasons: tuple[Reason, ...]

    @property
    def feasible(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class Choice:
    """What was decided on a device, and the steps to it.

    Attributes:
        candidates: of every result, in the bench's order.
        useful: results that may be taken.
        kept: those not shown to be worse than `best` in accuracy, nor than `sharpest` in AUC.
        level: the fastest of them, then those that the rounds do not tell apart from it.
        best, sharpest: of highest accuracy and of highest AUC among the useful.
        chosen: None where nothing may be taken, or all of it is shown to be worse than `best` or `sharpest`.
    """

    candidates: tuple[Candidate, ...]
    useful: tuple[Result, ...] = ()
    kept: tuple[Result, ...] = ()
    level: tuple[Result, ...] = ()
    best: Result | None = None
    sharpest: Result | None = None
    chosen: Result | None = None


def choose(bench: Bench, limits: Constraints = UNLIMITED, formats: Collection[str] | None = None) -> Choice:
    """Decide on a device.

    Args:
        formats: what the device's profile runs; None where it is not known.
    """
    candidates = _candidates(bench, limits, formats)
    useful = [candidate.result for candidate in candidates if candidate.feasible]
    if not useful:
        return Choice(candidates)
    best = max(useful, key=lambda r: (r.accuracy.value, -speed(r)))
    sharpest = max(useful, key=lambda r: (auc(r), -speed(r)))
    kept = [r for r in useful if not_shown_worse(best, r) and not _loses_auc(sharpest, r)]
    if not kept:
        return Choice(candidates, tuple(useful), best=best, sharpest=sharpest)
    fastest = min(kept, key=speed)
    level = [fastest] + [r for r in kept if r is not fastest and _level(r, fastest)]
    chosen = min(level, key=lambda r: (r.size_bytes, speed(r)))
    return Choice(candidates, tuple(useful), tuple(kept), tuple(level), best, sharpest, chosen)


def front(choice: Choice) -> tuple[Result, ...]:
    """The Pareto front of what may be taken: those that no other is shown to beat in one respect and lose in none.

    Respects are accuracy, AUC, latency, size, and whether it is shown to be worse than the best. Two whose difference
    is not shown are equal in that respect. Such a relation need not be transitive, so that the chosen one could be
    beaten by one that loses to the fastest; it belongs to the front in any case.
    """
    kept = {id(r) for r in choice.kept}
    # The likeliest to beat others come first: the tests that a pair needs are slow.
    likely = sorted(choice.useful, key=lambda r: (r is not choice.chosen, id(r) not in kept, speed(r)))

    def beaten(r: Result) -> bool:
        rivals = (other for other in likely if other is not r)
        return any(_beats(d, r, (id(d) in kept) - (id(r) in kept)) for d in rivals)

    return tuple(r for r in choice.useful if r is choice.chosen or not beaten(r))


def speed(result: Result) -> float:
    """Measured p50 in ms; infinite where there is none."""
    return p50(result) or math.inf


def auc(result: Result) -> float:
    """As observed; 0 where it is undefined."""
    return 0.0 if result.auc is None else result.auc.value


def not_shown_worse(best: Result, result: Result) -> bool:
    """In accuracy."""
    if result.name == best.name:
        return True
    sign = accuracy_sign(best, result)
    if sign is None:
        # Not on the same images: intervals that do not even meet are taken for a difference, to be on the safe side.
        low, high = best.accuracy_shown.low, result.accuracy_shown.high
        return low is not None and high is not None and high >= low
    return sign >= 0


def _loses_auc(best: Result, result: Result) -> bool:
    return auc_sign(best, result) == -1


def _level(result: Result, fastest: Result) -> bool:
    """Whether it is not told apart in speed; of two without a clock nothing tells."""
    return same_speed(result, fastest) or speed(result) == speed(fastest) == math.inf


def _candidates(bench: Bench, limits: Constraints, formats: Collection[str] | None) -> tuple[Candidate, ...]:
    clocked = {id(r) for r in timed(bench)}
    beyond = {id(r): tuple(violations(r, limits, bench.emulated)) for r in bench.results}
    partner = {id(int8): float32 for float32, int8 in beside_float32(bench)}

    def reasons(r: Result) -> Iterable[Reason]:
        yield from _failed(r, bench.failures)
        if formats is not None and r.format not in formats:
            yield Reason("format", f"the device's profile does not run {r.format}")
        if (why := _untrustworthy(r)) is not None:
            yield why
        # With a limit, `violations` has said what is known of its latency.
        if id(r) not in clocked and limits.max_latency_ms is None:
            yield Reason("clock", "no latency was measured there")
        yield from beyond[id(r)]
        float32 = partner.get(id(r))
        # INT8 without a gain in time is of use where its float32 does not keep a limit, of size for one.
        if float32 is not None and not beyond[id(float32)] and not worth_its_time(time_ratio(float32, r)):
            yield Reason("idle", "INT8 that is hardly faster than its float32 there")

    return tuple(Candidate(r, tuple(reasons(r))) for r in bench.results)


def _failed(result: Result, failures: Sequence[Failure]) -> Iterable[Reason]:
    for failure in failures:
        same = (
            failure.artifact == result.artifact if failure.sha256 is None else failure.sha256 == result.sha256
        )
        timing = failure.kind == "latency" and failure.threads in (None, result.threads)
        if same and (failure.kind in _ENDS_ALL or timing):
            yield Reason("failure", f"failed there: {failure.error}")
            return
    difference = None if result.selftest is None else result.selftest.difference
    if difference is not None and difference > 1:
        yield Reason("failure", "its golden pictures get other answers there than when it was made")


def _untrustworthy(result: Result) -> Reason | None:
    if result.failed_parity:
        return Reason("parity", "failed the parity check")
    if result.auc is None:
        return Reason("auc", "AUC undefined")
    area = formatting.share_interval(result.auc)
    if result.auc.low is None:
        why = (result.intervals or {}).get("auc", "").removeprefix("no interval: ")
        known = f" ({why})" if why else ""
        return Reason("auc", f"AUC {area} without an interval{known}: not shown to be better than chance")
    if result.auc.low <= 0.5:
        return Reason("auc", f"AUC {area}: not shown to be better than chance", 0.5 - result.auc.low)
    return None


def _beats(d: Result, r: Result, rank: int) -> bool:
    """Whether d is shown to be better than r in one respect and worse in none. `rank`: 1 where d alone is kept."""
    cheap = [rank, (d.size_bytes < r.size_bytes) - (d.size_bytes > r.size_bytes), _faster(d, r)]
    if min(cheap) < 0:
        return False
    if d.name == r.name:
        return max(cheap) > 0
    return _better(cheap, d, r)


def _better(cheap: list[int], d: Result, r: Result) -> bool:
    accuracy = _sign(accuracy_sign(r, d), (r.accuracy_shown, d.accuracy_shown))
    if accuracy < 0:
        return False
    area = _sign(auc_sign(r, d), (r.auc, d.auc))
    return area >= 0 and max(*cheap, accuracy, area) > 0


def _faster(d: Result, r: Result) -> int:
    ratio = time_ratio(d, r)
    if ratio is None or excludes(ratio, 1) is not True:
        return 0
    return 1 if ratio.value < 1 else -1


def _sign(tested: int | None, shown: tuple[Estimate | None, Estimate | None]) -> int:
    """1 where b is shown to be better than a, -1 worse, 0 neither.

    Without common images intervals that do not even meet are taken for a difference, to be on the safe side.
    """
    if tested is not None:
        return tested
    a, b = shown
    if a is None or b is None or a.low is None or a.high is None or b.low is None or b.high is None:
        return 0
    return (b.low > a.high) - (b.high < a.low)
