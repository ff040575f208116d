"""Instructions counted on an emulated board, and the latency they speak for: never in the table of latencies."""

import math
from statistics import median

from edgeall import formatting
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench
from edgeall.results.costs import LatencyEstimate

HEADING = "Instructions, and an estimate"
COLUMNS = ("artifact", "million instructions", "latency on a real board")
_LEAST = 1e-9
"""Of an estimate over what was published: none is 0."""

_NO_REASON = "no reason is told"


def counts(bench: Bench) -> SideTable:
    """The table of a device; without rows where no instructions were asked for."""
    shown = [result for result in bench.results if result.instructions_told is not None]
    rows = tuple(
        (
            bench.label(r),
            formatting.UNKNOWN if r.counted is None else f"{r.counted / 1e6:.2f}",
            _range(r.latency_estimate),
        )
        for r in shown
    )
    notes = ["Instructions of one inference with one thread, counted by the emulator."] if shown else []
    uncounted = [r.instructions_told.reason for r in shown if r.counted is None and r.instructions_told]
    notes += [
        f"{formatting.UNKNOWN} in instructions: {reason or _NO_REASON}."
        for reason in dict.fromkeys(uncounted)
    ]
    estimates = [r.latency_estimate for r in shown if r.latency_estimate is not None]
    for each in dict.fromkeys(estimate for estimate in estimates if estimate.latency_ms is not None):
        notes += [note for note in _basis(each) if note not in notes]
    # Without instructions there is no estimate either, and the reason stands above.
    missing = [
        (r.latency_estimate and r.latency_estimate.reason) or _NO_REASON
        for r in shown
        if r.counted is not None and (r.latency_estimate is None or r.latency_estimate.latency_ms is None)
    ]
    notes += [f"{formatting.UNKNOWN} in latency: {reason}." for reason in dict.fromkeys(missing)]
    return SideTable(HEADING, COLUMNS, (1,), rows, tuple(notes))


def _range(estimate: LatencyEstimate | None) -> str:
    if estimate is None or estimate.latency_ms is None:
        return formatting.UNKNOWN
    beyond = ", beyond what it is calibrated on" if estimate.extrapolated else ""
    ends = estimate.latency_ms.low, estimate.latency_ms.high
    return f"≈ {'–'.join(formatting.significant(end, 2) for end in ends)} ms estimated{beyond}"


def _basis(estimate: LatencyEstimate) -> list[str]:
    errors = sorted(
        estimate.calibration, key=lambda each: abs(math.log(max(1 + each.leave_one_out_error, _LEAST)))
    )
    worst = errors[-1]
    middle = median(abs(each.leave_one_out_error) for each in errors)
    return [
        f"≈ estimated, not measured, for {formatting.threads(estimate.threads)} at {estimate.clock_hz / 1e9:.1f} GHz: "
        f"{estimate.method}.",
        f"The estimate rests on {len(errors)} latencies published for {estimate.board}. Each of them, estimated from "
        f"the others, comes out wrong by {100 * middle:.0f}% in the median, and by "
        f"{100 * worst.leave_one_out_error:+.0f}% at worst"
        f"{f' ({worst.model})' if worst.model else ''}. "
        "A range tells the order of magnitude. Ranges that overlap say nothing of which is faster.",
    ]
