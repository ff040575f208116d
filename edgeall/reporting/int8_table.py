"""The table of INT8 beside float32: equal verdicts, paired differences, speed, and what really ran."""

from edgeall import formatting
from edgeall.recommending.measured import beside_float32
from edgeall.reporting.findings import gap_to_float
from edgeall.reporting.results_table import SideTable, executed, parity_mark, parity_notes
from edgeall.results import Bench, Result
from edgeall.results.differences import Difference
from edgeall.results.pairing import auc_difference, time_ratio
from edgeall.statistics import LEAST_GAIN, Estimate

HEADING = "Float against INT8"
COLUMNS = (
    *(
        "artifact",
        "threads",
        "ran as",
        "verdicts as float % [95%]",
        "Δ accuracy, points [95%]",
        "p of Δ accuracy",
    ),
    *("Δ AUC [95%]", "p of Δ AUC", "speed-up [95%]", "size of float's %", "finding"),
)
NUMERIC = (1, 3, 4, 5, 6, 7, 8, 9)
"""Columns that hold figures, by place."""

LOSES = "loses"
"""First word of a finding that INT8 is shown to be worse."""


def float_against_int8(bench: Bench) -> SideTable:
    """The table of a device; without rows where no INT8 was measured beside the float32 of its model and engine."""
    pairs = list(beside_float32(bench))
    rows = tuple(_row(bench, float32, int8) for float32, int8 in pairs)
    notes = []
    if pairs:
        notes = [
            "Differences are INT8 less float32 of the same run and format, on the same images, with the p-value of a "
            "paired test. Speed-up: time of float32 over that of INT8 in the same rounds; INT8 is worth its change "
            f"from {LEAST_GAIN:g}x on.",
            *parity_notes(int8 for _, int8 in pairs),
        ]
    return SideTable(HEADING, COLUMNS, NUMERIC, rows, tuple(notes))


def _row(bench: Bench, float32: Result, int8: Result) -> tuple[str, ...]:
    accuracy, area = gap_to_float(float32, int8), auc_difference(float32, int8)
    speed_up = None if bench.emulated else time_ratio(float32, int8)
    return (
        f"{bench.name(int8)}{parity_mark(int8)}",
        str(int8.threads),
        executed(int8),
        formatting.percent_interval(_agreement(int8)),
        _delta(accuracy),
        _p(accuracy),
        _delta(area),
        _p(area),
        formatting.UNKNOWN if speed_up is None else formatting.ratio(speed_up),
        formatting.percent(int8.size_bytes / float32.size_bytes)
        if float32.size_bytes
        else formatting.UNKNOWN,
        _finding([gap for gap in (accuracy, area) if gap is not None], speed_up),
    )


def _agreement(int8: Result) -> Estimate | None:
    versus = int8.vs_float
    if versus is None:
        return None
    ends = versus.agreement_interval
    if ends is None or ends.low is None or ends.high is None:
        return Estimate(versus.agreement, None, None)
    return Estimate(versus.agreement, ends.low, ends.high)


def _delta(gap: Difference | None) -> str:
    return (
        formatting.UNKNOWN
        if gap is None
        else formatting.difference(gap.metric, gap.delta).replace(" points", "")
    )


def _p(gap: Difference | None) -> str:
    return (
        formatting.UNKNOWN
        if gap is None
        else formatting.p(gap.p_value).removeprefix("p = ").removeprefix("p ")
    )


def _finding(gaps: list[Difference], speed_up: Estimate | None) -> str:
    """In words, so that no colour has to say it."""
    losses = [_NAMES[gap.metric] for gap in gaps if gap.loss]
    gains = [_NAMES[gap.metric] for gap in gaps if gap.shown and not gap.loss]
    found = []
    if losses:
        found.append(f"{LOSES} {formatting.listed(losses)}")
    if gains:
        found.append(f"gains {formatting.listed(gains)}")
    if not found:
        found.append("no difference shown" if gaps else "not tested")
    if speed_up is not None and speed_up.value < LEAST_GAIN:
        found.append("hardly faster" if speed_up.value >= 1 else "not faster")
    return ", ".join(found)


_NAMES = {"accuracy": "accuracy", "auc": "AUC"}
