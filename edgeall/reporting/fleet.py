"""Several devices side by side: a row an artifact, its time, accuracy and verdicts on each."""

from collections.abc import Sequence

from edgeall.reporting import words
from edgeall.reporting.document import Bench, Result
from edgeall.reporting.side import SideTable
from edgeall.reporting.table import MARKS, Row, table

HEADING = "Side by side"
FAILED = "failed"

_Key = tuple[str, str, int]


def side_by_side(benches: Sequence[Bench]) -> SideTable:
    """The table; without rows where there are not two devices.

    An emulated board has instructions where others have milliseconds, and what it failed at says so. From the second
    device on, verdicts are held against the first one's.
    """
    if len(benches) < 2:
        return SideTable(HEADING, (), (), (), ())
    found, names = [_of_device(bench) for bench in benches], _names(benches)
    some = {key: row_and_result for results in reversed(found) for key, row_and_result in results.items()}
    rows = {
        key: [f"{key[0]} {key[1]}", str(key[2])]
        for key in sorted(some, key=lambda key: _order(key, some[key][1]))
    }
    columns = ["artifact", "threads"]
    for place, (bench, results, name) in enumerate(zip(benches, found, names, strict=True)):
        columns += [
            f"{name}: {'million instructions' if bench.emulated else 'ms'}",
            f"{name}: accuracy % [95%]",
        ]
        columns += [f"{name}: as {names[0]} %"] if place else []
        for key, cells in rows.items():
            if key in results:
                row, result = results[key]
                cells += [_effort(row, result, bench), row.cells["accuracy"]]
                cells += [_same(result, found[0].get(key))] if place else []
            else:
                lacking = FAILED if some[key][1].sha256 in bench.failed else words.UNKNOWN
                cells += [lacking, *[words.UNKNOWN] * (2 if place else 1)]
    laid_out = tuple(tuple(cells) for cells in rows.values())
    return SideTable(
        HEADING, tuple(columns), tuple(range(1, len(columns))), laid_out, _notes(benches, names, laid_out)
    )


def _names(benches: Sequence[Bench]) -> list[str]:
    """Devices' own, with the machine where two have the same."""
    every = [bench.device for bench in benches]
    return [
        f"{bench.device} ({bench.machine})" if every.count(bench.device) > 1 else bench.device
        for bench in benches
    ]


def _order(key: _Key, result: Result) -> tuple[str, str, bool, str, int]:
    return key[0], result.format, result.precision != "float32", key[1], key[2]


def _of_device(bench: Bench) -> dict[_Key, tuple[Row, Result]]:
    rows = table(bench).rows
    return {
        (row.family, row.cells["artifact"], result.threads): (row, result)
        for row, result in zip(rows, bench.results, strict=True)
    }


def _effort(row: Row, result: Result, bench: Bench) -> str:
    if not bench.emulated:
        return row.cells["latency"]
    instructions = None if result.counts is None else result.counts.instructions
    return words.UNKNOWN if instructions is None else f"{instructions / 1e6:.2f}"


def _same(result: Result, first: tuple[Row, Result] | None) -> str:
    """Share of equal verdicts on the same images."""
    if first is None or result.predictions is None or first[1].predictions is None:
        return words.UNKNOWN
    ours, theirs = (
        dict(zip(each.images, each.positive, strict=True))
        for each in (result.predictions, first[1].predictions)
    )
    if not ours or ours.keys() != theirs.keys():
        return words.UNKNOWN
    return words.percent(sum(ours[name] == theirs[name] for name in ours) / len(ours))


def _notes(benches: Sequence[Bench], names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    told = zip(benches, names, strict=True)
    notes = [f"{name}: {bench.machine}." for bench, name in told if bench.machine and name == bench.device]
    if not all(bench.emulated for bench in benches):
        notes.append("ms: p50 / p90 of the model alone.")
    if any(bench.emulated for bench in benches):
        notes.append(
            "million instructions: of one inference with one thread, counted by the emulator; beside another device's "
            "milliseconds they say nothing."
        )
    notes.append(f"as {names[0]}: share of images with the same artifact's verdict there.")
    cells = [cell for row in rows for cell in row]
    if FAILED in cells:
        notes.append(f"{FAILED}: not measured; why is said below the device's own table.")
    notes += [f"{mark}: {MARKS[mark]}" for mark in MARKS if any(mark in cell for cell in cells)]
    return tuple(notes)
