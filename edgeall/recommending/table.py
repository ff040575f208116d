"""The candidates of a recommendation as a table for people."""

from edgeall import formatting
from edgeall.recommending.answer import KINDS, Recommendation, time_shown
from edgeall.recommending.choosing import Candidate
from edgeall.recommending.constraints import OPTIONS, Reason, latency_range, shares
from edgeall.results import Bench

HEADINGS = ("artifact", "thr.", "ms", "MB", "peak MB", "sens. % from", "may it be taken")


def rows(found: Recommendation) -> list[tuple[str, ...]]:
    """Cells of the table for people: `HEADINGS`, one row a candidate, those that may be taken first."""
    bench, on_front = found.bench, {id(r) for r in found.front}
    ordered = sorted(found.choice.candidates, key=lambda c: not c.feasible)
    cells = [_row(bench, c, c.result is found.chosen, id(c.result) in on_front) for c in ordered]
    failed = [
        (f.artifact, *["–"] * (len(HEADINGS) - 2), f"did not run there: {f.error}") for f in found.failures
    ]
    return [*cells, *failed]


def _in_short(reason: Reason) -> str:
    """The limit alone: its figure is in the row."""
    if reason.kind in KINDS:
        return KINDS[reason.kind]
    name = OPTIONS[reason.kind].partition("--")[2].partition("-")[2]
    return f"{name} not shown" if reason.open else name


def _row(bench: Bench, candidate: Candidate, chosen: bool, on_front: bool) -> tuple[str, ...]:
    r = candidate.result
    time = latency_range(r, bench.emulated)
    sensitivity = shares(r)["min_sensitivity"]
    word = "taken" if chosen else "yes, on the front" if on_front else "yes"
    return (
        f"{bench.name(r)}{'?' if r.unproven else ''}",
        str(r.threads),
        formatting.UNKNOWN if time is None else time_shown(time).removesuffix(" ms"),
        formatting.megabytes(r.size_bytes),
        formatting.megabytes(None if bench.emulated else r.peak_rss_bytes),
        formatting.UNKNOWN
        if sensitivity is None or sensitivity.low is None
        else formatting.percent(sensitivity.low),
        word if candidate.feasible else f"no: {', '.join(map(_in_short, candidate.reasons))}",
    )
