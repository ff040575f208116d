"""How training went: loss, accuracy and AUC by epoch."""

import json
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import (
    GRID,
    MUTED,
    SERIES,
    TEXT,
    Drawing,
    chart_name,
    drawing,
    printable,
)
from edgeall.reporting.charts.run_folder import EpochRow, Gap, RunFolder
from edgeall.reporting.results_table import SideTable

TITLE = "Learning curves"
_PANELS = (("loss", "val_loss", "loss"), ("accuracy", "val_accuracy", "accuracy"), (None, "val_auc", "AUC"))
"""Columns of training and validation, and their name."""
_MOST_ROWS = 200


def learning_curves(run: RunFolder) -> Chart:
    """Training and validation by epoch, phases apart."""
    name, title = chart_name("learning", run.name), f"{TITLE}: {run.name}"
    if isinstance(run.history, Gap):
        return missing(name, title, f"No learning curves of {run.name}: {run.history.why}.")
    rows = run.history
    with drawing(name, 640) as canvas:
        panels = canvas.figure.subplots(3, 1, sharex=True)
        for axes, (training, validation, what) in zip(panels, _PANELS, strict=True):
            for column in (training, validation):
                if column is not None:
                    _draw(canvas, axes, rows, column)
            axes.set_ylabel(what)
        _phases(panels, rows)
        panels[-1].set_xlabel("epoch, counted over all phases")
        panels[-1].xaxis.set_major_locator(MaxNLocator(7, integer=True))
        canvas.legend([Line2D([], [], label=label, color=colour.drawn, ls=dashes, lw=2.2)
                       for label, colour, dashes in (_LOOK["training"], _LOOK["validation"])])  # fmt: skip
        return canvas.chart(title, _description(run.name, rows), _table(title, rows))


_LOOK = {
    "training": ("training", SERIES[0], (0, (4, 2))),
    "validation": ("validation", SERIES[1], (0, ())),
}


def _draw(canvas: Drawing, axes: Axes, rows: tuple[EpochRow, ...], column: str) -> None:
    what, colour, dashes = _LOOK["validation" if column.startswith("val_") else "training"]
    known = [(at, value) for at, row in enumerate(rows) if (value := getattr(row, column)) is not None]
    if not known:
        return
    xs, ys = zip(*known, strict=True)
    (line,) = axes.plot(xs, ys, ".", color=colour.drawn, ls=dashes, ms=6)
    canvas.mark(line, f"{what}: {column}", column=column, x=json.dumps(xs), y=json.dumps(ys))


def _phases(panels: list[Axes], rows: tuple[EpochRow, ...]) -> None:
    starts = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(rows)) if a.phase != b.phase)]
    for axes in panels:
        for start in starts:
            axes.axvline(start, color=GRID.drawn, lw=1.6, zorder=0)
    last = -1e9
    for start in starts:
        if start - last > len(rows) * 0.25:
            last = start
            panels[0].annotate(printable(rows[start].phase.rpartition(": ")[2], 18), (start, 1.02),
                               xycoords=("data", "axes fraction"), fontsize=TEXT - 3, color=MUTED.drawn)  # fmt: skip


def _description(name: str, rows: tuple[EpochRow, ...]) -> str:
    phases = formatting.listed(list(dict.fromkeys(row.phase.rpartition(": ")[2] for row in rows)))
    best = min((r for r in rows if r.val_loss is not None), key=lambda r: r.val_loss or 0.0, default=None)
    told = (
        ""
        if best is None
        else f" The lowest validation loss, {best.val_loss:.3f}, is that of epoch {best.epoch} of {best.phase}."
    )
    return (
        f"Loss, accuracy and AUC of {name} over {len(rows)} rows of its history; phases: {phases}. Epoch 0 of a phase "
        f"is the state before it.{told}"
    )


def _table(title: str, rows: tuple[EpochRow, ...]) -> SideTable:
    step = max(1, -(-len(rows) // _MOST_ROWS))
    cells = tuple(
        (row.phase, str(row.epoch), *(_figure(getattr(row, c)) for c in ("loss", "val_loss", "accuracy",
                                                                        "val_accuracy", "val_auc")))
        for row in rows[::step]
    )  # fmt: skip
    columns = (
        "phase",
        "epoch",
        "loss",
        "validation loss",
        "accuracy",
        "validation accuracy",
        "validation AUC",
    )
    note = (f"Every {step}th row.",) if step > 1 else ()
    return SideTable(title, columns, (1, 2, 3, 4, 5, 6), cells, note)


def _figure(value: float | None) -> str:
    return formatting.UNKNOWN if value is None else f"{value:.4f}"
