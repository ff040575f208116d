"""The engines' own benchmark tools as witnesses: what a result says of them, and the table that people see."""

from edgeall.reporting import formatting
from edgeall.reporting.checked import At
from edgeall.reporting.document import Bench, CrossCheck, NoWitness
from edgeall.reporting.side import SideTable
from edgeall.statistics import Estimate

HEADING = "Beside the engines' own tools"
COLUMNS = ("artifact", "threads", "tool", "its p50 ms", "edgeall's p50 ms", "ratio [95%]", "finding")
NUMERIC = (1, 3, 4, 5)
"""Columns that hold figures, by place."""

SLOWER = "SLOWER"
_UNCERTAIN = "uncertain"


def read(at: At | None) -> CrossCheck | NoWitness | None:
    """From a result's "cross_check"; None where it was not asked for.

    Raises:
        MeasurementError: it is something else; names the key at fault.
    """
    if at is None:
        return None
    if (tool := at.maybe("tool")) is None:
        return NoWitness(at.get("reason").text())
    version, ratio = at.maybe("version"), at.get("ratio")
    value = ratio.get("value").number(1e-9)
    low, high = ratio.maybe("low"), ratio.maybe("high")
    return CrossCheck(
        tool=tool.text() + ("" if version is None else f" {version.text()}"),
        tool_ms=at.get("p50_ms").number(1e-9),
        ours_ms=at.get("ours_p50_ms").number(1e-9),
        ratio=Estimate(
            value,
            None if low is None else low.number(0.0, value),
            None if high is None else high.number(value),
        ),
        tolerance=at.get("tolerance").number(0.0, 1.0),
    )


def witnesses(bench: Bench) -> SideTable:
    """The table of a device; without rows where nothing was cross-checked."""
    rows, missing = [], dict[str, list[str]]()
    tolerances = set()
    for result in bench.results:
        check, label = result.cross_check, bench.label(result)
        if isinstance(check, NoWitness):
            rows.append((label, str(result.threads), "no witness", *[formatting.UNKNOWN] * 4))
            missing.setdefault(check.reason, []).append(label)
        elif check is not None:
            tolerances.add(formatting.significant(100 * check.tolerance, 2).removesuffix(".0"))
            times = (formatting.ms(check.tool_ms), formatting.ms(check.ours_ms))
            rows.append(
                (
                    label,
                    str(result.threads),
                    check.tool,
                    *times,
                    formatting.ratio(check.ratio),
                    finding(check),
                )
            )
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


def finding(check: CrossCheck) -> str:
    """Where the ratio lies, in words, and whether all of its interval lies there too."""
    share = f"{formatting.significant(100 * check.tolerance, 2).removesuffix('.0')}%"
    sides = {
        f"{SLOWER} by more than {share}": (1 + check.tolerance, float("inf")),
        f"faster by more than {share}": (0.0, 1 - check.tolerance),
        f"within {share}": (1 - check.tolerance, 1 + check.tolerance),
    }
    ratio = check.ratio
    side, (low, high) = next(
        (side, ends)
        for side, ends in sides.items()
        if ends[0] < ratio.value <= ends[1] or side.startswith("within")
    )
    sure = ratio.low is not None and ratio.high is not None and low <= ratio.low and ratio.high <= high
    return side if sure else f"{side}, {_UNCERTAIN}"
