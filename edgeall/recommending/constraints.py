"""Limits that an artifact must be shown to keep, and why one is not shown to keep them.

A limit on a share is held against the lower end of its 95% interval, a limit on a latency against its upper end. Where
the figure keeps the limit and its interval does not, the data leave open whether the artifact does: "not shown".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgeall import formatting
from edgeall.recommending.measured import p50
from edgeall.results import Result
from edgeall.statistics import Estimate
from edgeall.statistics.latency import ratio_over_rounds


@dataclass(frozen=True)
class Constraints:
    """Limits; None for none. Times in ms, sizes in bytes, shares in [0, 1].

    Attributes:
        max_latency_ms: of the model, tensor in, tensor out (p50).
        max_memory_bytes: of the process at its peak.
    """

    max_latency_ms: float | None = None
    max_size_bytes: float | None = None
    max_memory_bytes: float | None = None
    min_sensitivity: float | None = None
    min_specificity: float | None = None
    min_accuracy: float | None = None
    min_auc: float | None = None


OPTIONS = {
    "max_latency_ms": "--max-latency",
    "max_size_bytes": "--max-size",
    "max_memory_bytes": "--max-memory",
    "min_sensitivity": "--min-sensitivity",
    "min_specificity": "--min-specificity",
    "min_accuracy": "--min-accuracy",
    "min_auc": "--min-auc",
}
"""The option of each limit."""


@dataclass(frozen=True)
class Reason:
    """Why an artifact may not be taken.

    Attributes:
        kind: a field of `Constraints`, or what else rules it out: "failure", "format", "parity", "auc", "idle",
            "clock".
        text: in words.
        miss: by how much it misses a limit, as a share of the limit; None where that is no number.
        open: the figure keeps the limit and the interval does not: more data could show that it does.
    """

    kind: str
    text: str
    miss: float | None = None
    open: bool = False


@dataclass(frozen=True)
class LatencyRange:
    """Latency of the model in ms.

    Attributes:
        value: measured p50; None of an estimate.
        high: upper end that a limit is held against; None where it is not known.
        words: how `high` comes about.
    """

    value: float | None
    high: float | None
    words: str
    estimated: bool = False


def latency_range(result: Result, emulated: bool) -> LatencyRange | None:
    """None where nothing is known: an emulator's clock is no latency.

    The upper end of a measured p50 is that of a t-interval over the logarithms of rounds' medians; with fewer than two
    rounds it is p90. That of an estimate is the end of its prediction interval.
    """
    value = None if emulated else p50(result)
    if value is not None and result.latency_ms is not None:
        medians = list(result.latency_ms.by_round.values())
        spread = ratio_over_rounds(medians, [1.0] * len(medians))
        if spread is not None and spread.high is not None:
            return LatencyRange(value, max(value, spread.high), "interval over rounds")
        if result.latency_ms.p90 is not None:
            return LatencyRange(value, max(value, result.latency_ms.p90), "p90, for want of rounds")
        return LatencyRange(value, None, "without an interval")
    estimate = result.latency_estimate
    if estimate is not None and estimate.latency_ms is not None:
        return LatencyRange(None, estimate.latency_ms.high, "estimated", estimated=True)
    if result.latency_kind == "estimated":
        return LatencyRange(None, None, "estimated without a range", estimated=True)
    return None


def shares(result: Result) -> dict[str, Estimate | None]:
    """By limit the share that it concerns, over subjects where they are known."""
    return {
        "min_sensitivity": result.sensitivity_over_subjects or result.sensitivity,
        "min_specificity": result.specificity_over_subjects or result.specificity,
        "min_accuracy": result.accuracy_shown,
        "min_auc": result.auc,
    }


NAMES = {
    "min_sensitivity": "sensitivity",
    "min_specificity": "specificity",
    "min_accuracy": "accuracy",
    "min_auc": "AUC",
}


def violations(result: Result, limits: Constraints, emulated: bool) -> Iterator[Reason]:
    """What an artifact is not shown to keep; nothing where it keeps all."""
    if limits.max_latency_ms is not None:
        yield from _latency(latency_range(result, emulated), limits.max_latency_ms)
    yield from _most("max_size_bytes", "size", result.size_bytes, limits.max_size_bytes)
    memory = None if emulated else result.peak_rss_bytes
    yield from _most("max_memory_bytes", "peak memory", memory, limits.max_memory_bytes)
    for kind, estimate in shares(result).items():
        least = getattr(limits, kind)
        if least is not None:
            yield from _least(kind, estimate, least)


def _latency(found: LatencyRange | None, most: float) -> Iterator[Reason]:
    kind, limit = "max_latency_ms", f"{formatting.significant(most)} ms"
    if found is None:
        yield Reason(kind, "latency not measured there, nor estimated")
    elif found.high is None:
        over = found.value is not None and found.value > most
        miss = None if found.value is None else found.value / most - 1
        yield Reason(kind, f"latency {found.words}: {limit} not shown", miss if over else None, open=not over)
    elif found.value is not None and found.value > most:
        yield Reason(kind, f"latency {formatting.ms(found.value)} ms above {limit}", found.value / most - 1)
    elif found.high > most:
        text = f"latency may reach {formatting.ms(found.high)} ms ({found.words}): {limit} not shown"
        yield Reason(kind, text, found.high / most - 1, open=True)


def _most(kind: str, name: str, value: float | None, most: float | None) -> Iterator[Reason]:
    if most is None:
        return
    if value is None:
        yield Reason(kind, f"{name} not measured there")
    elif value > most:
        shown = f"{name} {formatting.megabytes(value)} MB above {formatting.megabytes(most)} MB"
        yield Reason(kind, shown, value / most - 1)


def _least(kind: str, estimate: Estimate | None, least: float) -> Iterator[Reason]:
    name = NAMES[kind]
    write: Callable[[float], str] = (
        (lambda value: f"{value:.3f}")
        if kind == "min_auc"
        else (lambda value: f"{formatting.percent(value)}%")
    )
    if estimate is None:
        yield Reason(kind, f"{name} undefined")
    elif estimate.value < least:
        yield Reason(kind, f"{name} {write(estimate.value)} below {write(least)}", 1 - estimate.value / least)
    elif estimate.low is None:
        yield Reason(kind, f"{name} without an interval: {write(least)} not shown", open=True)
    elif estimate.low < least:
        text = f"{name} may be as low as {write(estimate.low)}: {write(least)} not shown"
        yield Reason(kind, text, 1 - estimate.low / least, open=True)
