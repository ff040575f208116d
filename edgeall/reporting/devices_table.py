"""Several devices side by side: a row an artifact, its time, accuracy and verdicts on each."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from edgeall import formatting
from edgeall.reporting.caveats import lines
from edgeall.reporting.results_table import MARKS, SideTable, parity_mark, parity_notes, table
from edgeall.results import Bench, Failure, Result
from edgeall.results.device_bench import families, title
from edgeall.results.pairing import common_rows

HEADING = "Side by side"
NOT_MEASURED = "failed"


class _Key(NamedTuple):
    """A row: one artifact, by its content, with one thread count; None for one that was measured nowhere."""

    artifact: str
    threads: int | None


class _Figure(NamedTuple):
    """A row's cells in the device's own table."""

    result: Result
    latency: str
    accuracy: str


def side_by_side(benches: Sequence[Bench]) -> SideTable:
    """The table; without rows where there are not two devices.

    Devices come in their order, emulated ones last. An emulated board has instructions where others have milliseconds;
    a cell marks what failed there. From the second device on, verdicts are held against the first one's.
    """
    if len(benches) < 2:
        return SideTable(HEADING, (), (), (), ())
    benches = sorted(benches, key=lambda bench: bench.emulated)
    names, found = device_names(benches), [_figures(bench) for bench in benches]
    labels = _labels([figure.result for figures in found for figure in figures.values()])
    labels |= _lost(benches, labels)
    known = {key for figures in found for key in figures}
    known |= {_Key(artifact, None) for artifact in labels.keys() - {key.artifact for key in known}}
    place_of = {artifact: place for place, artifact in enumerate(labels)}
    rows = sorted(known, key=lambda key: (place_of[key.artifact], key.threads or 0))
    columns = ["artifact", "threads"]
    cells = {key: [labels[key.artifact], str(key.threads or formatting.UNKNOWN)] for key in rows}
    for place, (bench, name, figures) in enumerate(zip(benches, names, found, strict=True)):
        columns += [
            f"{name}: {'million instructions' if bench.emulated else 'ms'}",
            f"{name}: accuracy % [95%]",
        ]
        columns += [f"{name}: verdicts as {names[0]}"] if place else []
        for key in rows:
            figure = figures.get(key)
            cells[key] += [
                _effort(key, figure, bench),
                formatting.UNKNOWN if figure is None else figure.accuracy,
            ]
            cells[key] += [_same(figure, found[0].get(key))] if place else []
    laid_out = tuple(tuple(row) for row in cells.values())
    numeric = tuple(range(1, len(columns)))
    return SideTable(HEADING, tuple(columns), numeric, laid_out, _notes(benches, names, laid_out))


def _figures(bench: Bench) -> dict[_Key, _Figure]:
    rows = zip(table(bench).rows, bench.results, strict=True)
    return {
        _Key(_identity(result), result.threads): _Figure(result, row.cells["latency"], row.cells["accuracy"])
        for row, result in rows
    }


def _identity(result: Result) -> str:
    names = (result.run or "", result.format, result.precision, Path(result.artifact).name)
    return result.sha256 or "\n".join(names)


def _labels(results: Sequence[Result]) -> dict[str, str]:
    """What each artifact is called, in the order of rows; told apart by as little as suffices."""
    of = {_identity(result): result for result in results}
    family = families(results)
    ordered = sorted(
        of, key=lambda key: (family(of[key]), of[key].format, of[key].precision != "float32", key)
    )

    def short(key: str) -> str:
        of_key = of[key]
        return f"{family(of_key)} {title(of_key.format, of_key.precision)}{parity_mark(of_key)}"

    def named(key: str) -> str:
        return f"{short(key)} ({Path(of[key].artifact).name})"

    def by_content(key: str) -> str:
        return f"{named(key)[:-1]}, {key[:8]})"

    return _told_apart(ordered, (short, named, by_content))


def _told_apart(keys: Sequence[str], ways: Sequence[Callable[[str], str]]) -> dict[str, str]:
    """By key the first of `ways` to call it that no other key is called in that way; else the last."""
    counts = [Counter(way(key) for key in keys) for way in ways]
    return {
        key: next((way(key) for way, n in zip(ways, counts, strict=True) if n[way(key)] == 1), ways[-1](key))
        for key in keys
    }


def _lost(benches: Iterable[Bench], known: dict[str, str]) -> dict[str, str]:
    """Artifacts that failed wherever they were tried, by file name."""
    failures = [failure for bench in benches for failure in bench.failures]
    return {
        failure.sha256 or failure.artifact: Path(failure.artifact).name
        for failure in failures
        if (failure.sha256 or failure.artifact) not in known
    }


def device_names(benches: Sequence[Bench]) -> list[str]:
    """Devices' own; with the machine, or a number, where two have the same."""
    devices = Counter(bench.device for bench in benches)
    names = [
        f"{bench.device} ({bench.machine})" if devices[bench.device] > 1 and bench.machine else bench.device
        for bench in benches
    ]
    again = Counter(names)
    return [f"{name} #{place}" if again[name] > 1 else name for place, name in enumerate(names, 1)]


def _effort(key: _Key, figure: _Figure | None, bench: Bench) -> str:
    if figure is None:
        return NOT_MEASURED if any(_prevents(key, each) for each in bench.failures) else formatting.UNKNOWN
    if not bench.emulated:
        return figure.latency
    if figure.result.counted is not None:
        return f"{figure.result.counted / 1e6:.2f}"
    uncounted = [each for each in bench.failures if each.kind == "instructions"]
    return NOT_MEASURED if any(each.sha256 == key.artifact for each in uncounted) else formatting.UNKNOWN


def _prevents(key: _Key, failure: Failure) -> bool:
    """Whether `failure` is why a row has no figures: without accuracy, or latency with its threads, there are none."""
    if (failure.sha256 or failure.artifact) != key.artifact:
        return False
    return failure.kind in (None, "accuracy") or (
        failure.kind == "latency" and key.threads in (None, failure.threads)
    )


def _same(figure: _Figure | None, first: _Figure | None) -> str:
    """How many verdicts on the same images are those of the same artifact on the first device."""
    if figure is None or first is None or figure.result.sha256 is None:
        return formatting.UNKNOWN
    ours, theirs = figure.result.predictions, first.result.predictions
    if ours is None or theirs is None:
        return formatting.UNKNOWN
    common = common_rows(ours.images, theirs.images)
    equal = sum(ours.positive[row] == theirs.positive[other] for row, other in common)
    return f"{equal} of {len(common)}" if common else formatting.UNKNOWN


def _notes(benches: Sequence[Bench], names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    told = list(zip(benches, names, strict=True))
    notes = [
        f"{name}: {bench.machine}." for bench, name in told if bench.machine and bench.machine not in name
    ]
    if not all(bench.emulated for bench in benches):
        notes.append("ms: p50 / p90 of the model alone.")
    if any(bench.emulated for bench in benches):
        notes.append(
            "million instructions: of one inference with one thread, counted by the emulator; beside another device's "
            "milliseconds they say nothing."
        )
    notes.append(
        f"verdicts as {names[0]}: on how many of the images that both were tested on the same artifact has the same "
        "verdict."
    )
    cells = [cell for row in rows for cell in row]
    if NOT_MEASURED in cells:
        notes += [
            f"{NOT_MEASURED} on {name}: {line}." for bench, name in told for line in lines(bench.failures)
        ]
    notes += parity_notes(result for bench in benches for result in bench.results)
    notes += [f"{mark}: {MARKS[mark]}" for mark in MARKS if any(mark in cell for cell in cells)]
    return tuple(notes)
