"""The table of latencies beside those of the engines' own benchmark tools."""

from edgeall import formatting
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench
from edgeall.statistics import Estimate

HEADING = "Beside the engines' own tools"
COLUMNS = ("artifact", "threads", "tool", "its p50 ms", "edgeall's p50 ms", "ratio [95%]", "finding")
NUMERIC = (1, 3, 4, 5)
"""Columns that hold figures, by place."""

SLOWER = "SLOWER"
_UNCERTAIN = "uncertain"


def witnesses(bench: Bench) -> SideTable:
    """The table of a device; without rows where nothing was cross-checked."""
    rows, missing = [], dict[str, list[str]]()
    tolerances = set()
    for result in bench.results:
        check, label = result.cross_check, bench.label(result)
        if check is None:
            continue
        if check.ratio is None or check.tolerance is None:
            rows.append((label, str(result.threads), "no witness", *[formatting.UNKNOWN] * 4))
            missing.setdefault(str(check.reason), []).append(label)
        else:
            tolerances.add(_percent(check.tolerance))
            times = (formatting.ms(check.p50_ms), formatting.ms(check.ours_p50_ms))
            found = (formatting.ratio(check.ratio), finding(check.ratio, check.tolerance))
            rows.append((label, str(result.threads), check.name, *times, *found))
    notes = [
        f"no witness for {formatting.listed(list(dict.fromkeys(labels)))}: {reason}."
        for reason, labels in missing.items()
    ]
    if tolerances:
        notes.append(
            "ratio: edgeall's median to the tool's, same file, threads and precision, in turn over rounds; the tools "
            "leave out the time that it takes to hand the image to the engine. "
            f"{SLOWER}: by more than {formatting.listed(sorted(tolerances), 'or')}%."
        )
    if any(row[-1].endswith(_UNCERTAIN) for row in rows):
        notes.append(f"{_UNCERTAIN}: the rounds differ too much to tell on which side of the limit it lies.")
    return SideTable(HEADING, COLUMNS, NUMERIC, tuple(rows), tuple(notes))


def finding(ratio: Estimate, tolerance: float) -> str:
    """Where the ratio lies, in words, and whether all of its interval lies there too."""
    share = f"{_percent(tolerance)}%"
    sides = {
        f"{SLOWER} by more than {share}": (1 + tolerance, float("inf")),
        f"faster by more than {share}": (0.0, 1 - tolerance),
        f"within {share}": (1 - tolerance, 1 + tolerance),
    }
    side, (low, high) = next(
        (side, ends)
        for side, ends in sides.items()
        if ends[0] < ratio.value <= ends[1] or side.startswith("within")
    )
    sure = ratio.low is not None and ratio.high is not None and low <= ratio.low and ratio.high <= high
    return side if sure else f"{side}, {_UNCERTAIN}"


def _percent(share: float) -> str:
    return formatting.significant(100 * share, 2).removesuffix(".0")
