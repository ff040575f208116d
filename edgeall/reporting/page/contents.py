"""What the page holds, as values that the template lays out; every text is that of the report's other formats."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgeall import formatting
from edgeall.files import AnyPath
from edgeall.recommending import Recommendation
from edgeall.reporting import (
    charts,
    corruptions_table,
    costs_table,
    counts_table,
    cross_check_table,
    devices_table,
    provenance_tables,
)
from edgeall.reporting.charts import Chart, RunFolder
from edgeall.reporting.device_verdict import HEADINGS, judge
from edgeall.reporting.devices_table import device_names, side_by_side
from edgeall.reporting.int8_table import LOSES, float_against_int8
from edgeall.reporting.page.rivals import Rivals, rivals
from edgeall.reporting.results_table import COLUMNS, FAILED, MARKS, UNPROVEN, SideTable, table
from edgeall.results import Bench, Result
from edgeall.statistics import Estimate


@dataclass(frozen=True)
class Tile:
    """One key figure of what is recommended. `interval`: "[78.2–99.2]", or ""."""

    name: str
    figure: str
    interval: str


@dataclass(frozen=True)
class Gallery:
    """Charts of one kind, or of one run."""

    heading: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Device:
    """One device: its first screen, and what stands below.

    Attributes:
        anchor: HTML id, unique on the page.
        facts: what it is, what was measured on it, in a line.
        take, file: the choice and where it lies; "" where nothing is recommended.
        figures: of the choice, where `tiles` lack a measured latency; else "".
        findings: headings and sentences.
    """

    anchor: str
    name: str
    facts: tuple[str, ...]
    decided: bool
    take: str
    figures: str
    file: str
    because: tuple[str, ...]
    not_known: tuple[str, ...]
    tiles: tuple[Tile, ...]
    rivals: Rivals
    trade_off: Chart
    results: SideTable
    int8: SideTable
    tables: tuple[SideTable, ...]
    galleries: tuple[Gallery, ...]
    findings: tuple[tuple[str, tuple[str, ...]], ...]
    provenance: tuple[SideTable, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """The whole report. `together`: devices side by side, without rows where there is one."""

    title: str
    devices: tuple[Device, ...]
    together: SideTable
    runs: tuple[Gallery, ...]


_OF_BENCH: tuple[tuple[str, Callable[[Bench], Chart | tuple[Chart, ...]]], ...] = (
    ("Latency", charts.latency),
    ("ROC curves", charts.roc),
    ("Confusion matrices", charts.confusion),
    ("Reliability", charts.reliability),
    ("Harm of INT8 by subject", charts.subject_harm),
    ("Coverage of the referral band", charts.referral_coverage),
    ("Corrupted pictures", charts.robustness),
)
"""What is drawn of a device, in the order of the page."""

_OF_RUN: tuple[Callable[[RunFolder], Chart], ...] = (
    charts.learning_curves,
    charts.split_census,
    charts.layer_sensitivity,
)


def contents(benches: Sequence[Bench], files: Iterable[AnyPath]) -> Page:
    """Lay out results; devices in their order, emulated ones last.

    Args:
        files: those that the results were read from; the runs beside them are shown too.
    """
    ordered = sorted(benches, key=lambda bench: bench.emulated)
    names = device_names(ordered)
    anchors = _anchors(names)
    devices = tuple(map(_device, ordered, names, anchors))
    folders = {folder.name: folder for folder in map(charts.beside, files)}
    runs = tuple(Gallery(name, tuple(draw(folder) for draw in _OF_RUN)) for name, folder in folders.items())
    title = f"bench report of {formatting.listed(names)}"
    return Page(title, devices, side_by_side(benches), runs)


def _device(bench: Bench, device: str, anchor: str) -> Device:
    verdict = judge(bench)
    found = verdict.recommendation
    chosen = found.chosen
    tiles = _tiles(bench, found)
    # The sentence in its parts, where it has them.
    name, _, figures = found.take.partition(f": {chosen.artifact}" if chosen is not None else "\n")
    return Device(
        anchor=anchor,
        name=device,
        facts=tuple(_facts(bench)),
        decided=chosen is not None,
        take=name,
        figures="" if _timed(tiles) else figures.strip(),
        file="" if chosen is None else chosen.artifact,
        because=found.because,
        not_known=found.not_known,
        tiles=tiles,
        rivals=rivals(bench),
        trade_off=charts.trade_off(bench),
        results=_results(bench),
        int8=float_against_int8(bench),
        tables=tuple(
            side
            for side in (
                cross_check_table.witnesses(bench),
                costs_table.costs(bench),
                counts_table.counts(bench),
                corruptions_table.corruptions(bench),
                corruptions_table.every_corruption(bench),
            )
            if side.rows
        ),
        galleries=tuple(Gallery(heading, _many(draw(bench))) for heading, draw in _OF_BENCH),
        findings=tuple(
            (verdict.heading(kind), tuple(texts)) for kind in HEADINGS if (texts := verdict.of(kind))
        ),
        provenance=tuple(
            side
            for side in (
                provenance_tables.artifact_table(bench),
                provenance_tables.settings_table(bench),
                provenance_tables.environment_table(bench),
            )
            if side.rows
        ),
        notes=provenance_tables.bench_notes(bench),
    )


def _many(drawn: Chart | tuple[Chart, ...]) -> tuple[Chart, ...]:
    return drawn if isinstance(drawn, tuple) else (drawn,)


def _facts(bench: Bench) -> Iterable[str]:
    if bench.machine:
        yield bench.machine
    if bench.emulated:
        yield "emulated"
    artifacts = len({result.name for result in bench.results})
    yield f"{artifacts} artifact{'s'[: artifacts != 1]}"
    if images := sorted({result.n for result in bench.results}):
        yield f"{formatting.listed([str(n) for n in images], 'or')} test images"
    if people := sorted({result.clusters for result in bench.results if result.clusters is not None}):
        yield f"{formatting.listed([str(n) for n in people], 'or')} subjects"
    if data := sorted({result.data for result in bench.results if result.data}):
        yield f"data: {formatting.listed(data)}"
    if times := sorted(result.measured_at for result in bench.results if result.measured_at):
        yield f"measured {times[-1][:10]}"


def _results(bench: Bench) -> SideTable:
    """One flat table, so that it can be sorted: the backbone is part of each row's name."""
    laid_out = table(bench)
    numeric = tuple(place for place, column in enumerate(COLUMNS) if column.numeric)
    rows = tuple(
        (f"{row.family} {row.cells[_NAME.key]}", *(row.cells[column.key] for column in _FIGURES))
        for row in laid_out.rows
    )
    return SideTable(
        "All results", tuple(column.heading for column in COLUMNS), numeric, rows, laid_out.notes
    )


_NAME, *_FIGURES = COLUMNS

_TILES = {
    "accuracy": "accuracy %",
    "auc": "AUC",
    "latency": "p50 / p90 ms",
    "size": "size MB",
    "memory": "peak MB",
}


def _tiles(bench: Bench, found: Recommendation) -> tuple[Tile, ...]:
    """Of what is recommended: the cells of its row in the table of results."""
    if found.chosen is None:
        return ()
    rows = zip(table(bench).rows, bench.results, strict=True)
    cells = next(row.cells for row, result in rows if result is found.chosen)
    shares = (
        Tile("sensitivity %", *split(formatting.percent_interval(_sensitivity(found.chosen)))),
        Tile("specificity %", *split(formatting.percent_interval(_specificity(found.chosen)))),
    )
    of_table = [Tile(name, *split(cells[key])) for key, name in _TILES.items()]
    return (of_table[0], *shares, *of_table[1:])


def _timed(tiles: tuple[Tile, ...]) -> bool:
    return any(tile.name == _TILES["latency"] and tile.figure != formatting.UNKNOWN for tile in tiles)


def _sensitivity(result: Result) -> Estimate | None:
    return result.sensitivity_over_subjects or result.sensitivity


def _specificity(result: Result) -> Estimate | None:
    return result.specificity_over_subjects or result.specificity


_INTERVAL = re.compile(r"(?P<figure>[^\[]*?) ?(?P<interval>\[[^\[\]]*\])(?P<rest>.*)")


def split(cell: str) -> tuple[str, str]:
    """A figure and its interval with what follows it: "95.5 [78.2–99.2]" is "95.5" and "[78.2–99.2]"."""
    found = _INTERVAL.fullmatch(cell)
    return (cell, "") if found is None else (found["figure"], found["interval"] + found["rest"])


_FIRST = (LOSES, cross_check_table.SLOWER, devices_table.NOT_MEASURED)
_ALARMS = re.compile(rf" [{FAILED}{UNPROVEN}]$|≈|\d ({'|'.join(MARKS)})\b|^({'|'.join(_FIRST)})\b")
"""Marks of artifacts and times, and first words of findings."""


def marked(cell: str) -> bool:
    """Whether the words of a cell ask for a second look; its colour repeats them."""
    return _ALARMS.search(cell) is not None


def _anchors(names: Sequence[str]) -> list[str]:
    """HTML ids of names, each once."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "device"
        anchor, number = f"device-{plain}", 2
        while anchor in found:
            anchor, number = f"device-{plain}-{number}", number + 1
        found.append(anchor)
    return found
