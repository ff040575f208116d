"""Several devices side by side: a row an artifact, a column a device."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from edgeall.reporting import words
from edgeall.reporting.document import Bench
from edgeall.reporting.table import MARKS, table

_Key = tuple[str, str, int]


@dataclass(frozen=True)
class Fleet:
    """Renders the time and the accuracy of each artifact on each device with rich; `Display.show` takes it."""

    benches: tuple[Bench, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
        grid.add_column("artifact", no_wrap=True)
        grid.add_column("threads", justify="right")
        for bench in self.benches:
            grid.add_column(f"{bench.device}\n{bench.machine}", justify="right")
        rows = fleet_cells(self.benches)
        for (family, artifact, threads), cells in rows.items():
            grid.add_row(f"{family} {artifact}", str(threads), *(Text(cell) for cell in cells))
        yield grid
        yield Text()
        yield Text("p50 / p90 ms of the model alone; below it accuracy % [95%].", style="dim")
        shown = {mark for cells in rows.values() for cell in cells for mark in MARKS if mark in cell}
        yield from (Text(f"{mark}: {MARKS[mark]}", style="dim") for mark in MARKS if mark in shown)


def fleet_cells(benches: Sequence[Bench]) -> dict[_Key, list[str]]:
    """By (family, artifact, threads): a cell a device, in order; "–" where one has no such result."""
    of_device = [_of_device(bench) for bench in benches]
    keys = dict.fromkeys(key for found in of_device for key in found)
    return {key: [found.get(key, words.UNKNOWN) for found in of_device] for key in keys}


def _of_device(bench: Bench) -> dict[_Key, str]:
    rows = table(bench).rows
    return {
        (
            row.family,
            row.cells["artifact"],
            result.threads,
        ): f"{row.cells['latency']}\n{row.cells['accuracy']}"
        for row, result in zip(rows, bench.results, strict=True)
    }
