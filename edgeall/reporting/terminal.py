"""Results on a terminal of any width: one wide table, two narrower ones, or a block an artifact. No figure is cut."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from edgeall.recommending import Recommendation, recommend
from edgeall.reporting import corruptions_table, costs_table, counts_table, cross_check_table, devices_table
from edgeall.reporting.device_verdict import HEADINGS, DeviceVerdict, Kind, judge
from edgeall.reporting.devices_table import side_by_side
from edgeall.reporting.results_table import (
    COLUMNS,
    FAILED,
    MARKS,
    Column,
    Group,
    Row,
    SideTable,
    Table,
    table,
)
from edgeall.results import Bench

_STYLES = {"warning": "bold yellow", "limit": "dim"}
_REST = "{} more above"


@dataclass(frozen=True)
class Terminal:
    """Renders results with rich; `Display.show` takes it.

    Attributes:
        answered: whether the answer for each device follows; `Answers` is it alone.
    """

    benches: tuple[Bench, ...]
    answered: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        together = side_by_side(self.benches)
        yield from _side(together, console, options)
        if together.rows:
            yield Text()
        verdicts = [judge(bench) for bench in self.benches]
        for bench, verdict in zip(self.benches, verdicts, strict=True):
            laid_out = table(bench)
            yield Text(laid_out.title, style="bold")
            yield from _table(laid_out, console, options)
            yield Text()
            yield from (Text(note, style="dim") for note in laid_out.notes)
            for side in (
                cross_check_table.witnesses(bench),
                costs_table.costs(bench),
                counts_table.counts(bench),
                corruptions_table.corruptions(bench),
            ):
                if side.rows:
                    yield Text()
                yield from _side(side, console, options)
            yield from _sections(verdict)
        if self.answered:
            yield from _answers([verdict.recommendation for verdict in verdicts], _REST)


@dataclass(frozen=True)
class Answers:
    """Renders the answer for each device, in three lines."""

    benches: tuple[Bench, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _answers([recommend(bench) for bench in self.benches], _REST)


@dataclass(frozen=True)
class Fleet:
    """Renders several devices side by side, and the answer for each; `edgeall report` tells the rest."""

    benches: tuple[Bench, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _side(side_by_side(self.benches), console, options)
        yield from _answers([recommend(bench) for bench in self.benches], "edgeall report tells {} more")


def plain_text(benches: tuple[Bench, ...], width: int) -> str:
    """What a terminal of `width` columns shows, without colours; no line ends in blanks."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(Terminal(benches))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


_UNLIMITED = 10_000


_LAYOUTS: tuple[tuple[tuple[Group, ...], ...], ...] = (
    (("worth", "versus", "cost"),),
    (("worth", "versus"), ("cost",)),
    (("worth",), ("versus",), ("cost",)),
)
"""Which columns share a table, from the widest terminal to the narrowest that tables fit."""


def _table(laid_out: Table, console: Console, options: ConsoleOptions) -> Iterator[RichTable | Text]:
    for layout in _LAYOUTS:
        grids = [_grid(laid_out, groups) for groups in layout]
        # A table's maximum is the width at which no cell is cut; measured without a limit, or it is the limit.
        unlimited = options.update(max_width=_UNLIMITED)
        if all(Measurement.get(console, unlimited, grid).maximum <= options.max_width for grid in grids):
            for grid in grids:
                yield from (Text(), grid)
            return
    yield from _blocks(laid_out)


def _grid(laid_out: Table, groups: tuple[Group, ...]) -> RichTable:
    columns = [column for column in COLUMNS if column.group in ("name", *groups)]
    grid = RichTable(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    for column in columns:
        grid.add_column(
            _two_lines(column.heading), justify="right" if column.numeric else "left", no_wrap=True
        )
    family = ""
    for row in laid_out.rows if "cost" in groups else _once(laid_out.rows):
        if row.family != family:
            family = row.family
            grid.add_row(Text(family, style="bold cyan"))
        grid.add_row(*(_cell(column, row) for column in columns))
    return grid


def _two_lines(heading: str) -> Text:
    """Broken at its last space: figures are narrower than what they are called."""
    return Text("\n".join(heading.rsplit(" ", 1)))


def _once(rows: Iterable[Row]) -> list[Row]:
    """One row an artifact, for columns that threads do not change."""
    return list({row.artifact: row for row in reversed(list(rows))}.values())[::-1]


def _cell(column: Column, row: Row) -> Text:
    text = row.cells[column.key]
    alarming = column.key == "artifact" and FAILED in text
    return Text(
        text,
        style="bold red" if alarming else "yellow" if any(mark in text for mark in (*MARKS, "≈")) else "",
    )


def _blocks(laid_out: Table) -> Iterator[RichTable | Text]:
    """A line a figure; long ones go on in the next line."""
    for row in laid_out.rows:
        yield Text(f"\n{row.family} {row.cells['artifact']}", style="bold cyan")
        block = RichTable.grid(padding=(0, 2, 0, 0))
        for column in COLUMNS[1:]:
            block.add_row(Text(column.heading), _cell(column, row))
        yield block


def _side(told: SideTable, console: Console, options: ConsoleOptions) -> Iterator[RichTable | Text]:
    """A table where it fits, else a line a figure."""
    if not told.rows:
        return
    yield Text(told.heading, style="bold")
    grid = RichTable(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0)
    )
    for place, heading in enumerate(told.columns):
        justify: Literal["left", "right"] = "right" if place in told.numeric else "left"
        grid.add_column(_two_lines(heading), justify=justify, no_wrap=True)
    for row in told.rows:
        grid.add_row(*(_figure(cell) for cell in row))
    fits = Measurement.get(console, options.update(max_width=_UNLIMITED), grid).maximum <= options.max_width
    if fits:
        yield from (Text(), grid)
    for row in () if fits else told.rows:
        yield Text(f"\n{row[0]}", style="bold cyan")
        block = RichTable.grid(padding=(0, 2, 0, 0))
        for heading, cell in zip(told.columns[1:], row[1:], strict=True):
            block.add_row(Text(heading), _figure(cell))
        yield block
    yield Text()
    yield from (Text(note, style="dim") for note in told.notes)


def _figure(cell: str) -> Text:
    alarming = cell.startswith((cross_check_table.SLOWER, devices_table.NOT_MEASURED))
    return Text(
        cell,
        style="bold red" if alarming else "yellow" if any(mark in cell for mark in (*MARKS, "≈")) else "",
    )


def _sections(verdict: DeviceVerdict) -> Iterator[Text | RichTable]:
    """What does not fit the answer's lines, and then the other findings."""
    because, not_known = verdict.recommendation.beyond(_REST)
    yield from _points("More reasons for the choice", list(because))
    for kind in HEADINGS:
        texts = [*not_known, *verdict.of(kind)] if kind == "limit" else verdict.of(kind)
        yield from _points(verdict.heading(kind), texts, kind)


def _points(heading: str, texts: list[str], kind: Kind = "recommendation") -> Iterator[Text | RichTable]:
    if not texts:
        return
    yield Text(f"\n{heading}", style=_STYLES.get(kind, "bold"))
    points = RichTable.grid(padding=(0, 1, 0, 0))
    for text in texts:
        points.add_row(Text("•"), Text(text))
    yield points


def _answers(found: Sequence[Recommendation], rest: str) -> Iterator[Text]:
    """Last, and of few lines, so that they are on the screen when all has been printed."""
    for each in found:
        yield Text()
        if len(found) > 1:
            yield Text(each.bench.device, style="bold")
        for line in each.lines(rest):
            head = line.partition(":")[0]
            yield Text.assemble((f"{head}:", "bold green"), line[len(head) + 1 :])
