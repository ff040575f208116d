"""Confusion matrices."""

import math
import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import TEXT, Drawing, chart_name, drawing, printable
from edgeall.reporting.charts.grouping import families, format_name, look
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result

TITLE = "Confusion matrices"
_TWO = ("no finding", "finding")


@dataclass(frozen=True)
class _Matrix:
    """Counts that several artifacts share: rows are the truth, columns the verdict, or the most probable class."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    results: tuple[Result, ...]

    @property
    def name(self) -> str:
        """ "INT8 ONNX; float32 TFLite, ONNX"."""
        words = dict.fromkeys(look(r.precision).word for r in self.results)
        formats = {w: [format_name(r) for r in self.results if look(r.precision).word == w] for w in words}
        return "; ".join(f"{word} {', '.join(names)}" for word, names in formats.items())


def confusion(bench: Bench) -> tuple[Chart, ...]:
    """One chart a family: a matrix for each set of counts; artifacts with equal counts share one.

    Of more than two classes, the matrices of the most probable class too.
    """
    name = chart_name("confusion", bench.device, bench.machine, bench.emulated)
    found = families(bench)
    if not found:
        return (missing(name, TITLE, "No confusion matrix: there are no results."),)
    charts = []
    for index, (family, results) in enumerate(found.items()):
        charts.append(_chart(f"{name}-{index}", f"{TITLE}: {family}", family, _verdicts(results), results))
        if classes := _classes(results):
            charts.append(
                _chart(
                    f"{name}-{index}-classes", f"{TITLE} of the classes: {family}", family, classes, results
                )
            )
    return tuple(charts)


def _verdicts(results: list[Result]) -> list[_Matrix]:
    found: dict[tuple[tuple[int, ...], ...], list[Result]] = {}
    for result in results:
        cells = result.confusion
        if cells is not None and cells.keys() >= {"tn", "fp", "fn", "tp"}:
            counts = (cells["tn"], cells["fp"]), (cells["fn"], cells["tp"])
            found.setdefault(counts, []).append(result)
    return [_Matrix(_TWO, counts, tuple(of)) for counts, of in found.items()]


def _classes(results: list[Result]) -> list[_Matrix]:
    found: dict[tuple[tuple[str, ...], tuple[tuple[int, ...], ...]], list[Result]] = {}
    for result in results:
        of = result.classes
        if of is not None and of.labels and len(of.confusion) == len(of.labels):
            found.setdefault((of.labels, of.confusion), []).append(result)
    return [_Matrix(labels, counts, tuple(of)) for (labels, counts), of in found.items()]


def _chart(name: str, title: str, family: str, matrices: list[_Matrix], results: list[Result]) -> Chart:
    if not matrices:
        return missing(name, title, f"No confusion matrix of {family}: the counts are not recorded.")
    k = len(matrices[0].labels)
    columns = 2 if k <= 3 else 1
    rows = math.ceil(len(matrices) / columns)
    side = 560 / columns
    with drawing(name, 40 + rows * (side + (30 if k == 2 else 90))) as canvas:
        grid = canvas.figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(matrices) :]:
            axes.set_visible(False)
        for axes, matrix in zip(grid.flat, matrices, strict=False):
            _draw(canvas, axes, matrix)
        return canvas.chart(title, _description(family, matrices, results), _table(title, matrices))


def _draw(canvas: Drawing, axes: Axes, matrix: _Matrix) -> None:
    k = len(matrix.labels)
    axes.set_aspect("equal")
    axes.set(xlim=(0, k), ylim=(k, 0))
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    labels = [printable(label, 12) for label in matrix.labels]
    places = [index + 0.5 for index in range(k)]
    axes.set_xticks(places, labels, rotation=0 if k == 2 else 35, ha="center" if k == 2 else "right")
    axes.set_yticks(places, labels, rotation=90 if k == 2 else 0, va="center")
    axes.set_xlabel("answer", fontsize=TEXT - 2)
    axes.set_ylabel("truth", fontsize=TEXT - 2)
    lines = textwrap.wrap(printable(matrix.name), 28 if k <= 3 else 60)
    axes.set_title("\n".join(lines), fontsize=TEXT - 1)
    colour = look(matrix.results[0].precision).colour.drawn
    for row, counts in enumerate(matrix.counts):
        total = sum(counts)
        for column, count in enumerate(counts):
            share = count / total if total else 0.0
            cell = axes.add_patch(Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, facecolor=colour, lw=0,
                                            alpha=0.08 + 0.37 * share))  # fmt: skip
            canvas.mark(
                cell,
                f"{matrix.name}: truth {matrix.labels[row]}, answer {matrix.labels[column]}: "
                f"{count} of {total} images",
                artifact=matrix.results[0].artifact,
                row=row,
                column=column,
                count=count,
            )
            axes.text(column + 0.5, row + 0.5 - (0.1 if k == 2 else 0), f"{count:,}", ha="center", va="center",
                      fontsize=TEXT + 5 if k == 2 else TEXT, weight="bold" if row == column else "normal")  # fmt: skip
            if k == 2:
                axes.text(column + 0.5, row + 0.72, f"{formatting.percent(share)}%", ha="center", va="center",
                          fontsize=TEXT - 2)  # fmt: skip


def _description(family: str, matrices: list[_Matrix], results: list[Result]) -> str:
    said = [f"{m.name}: {_wrong(m)} of {sum(map(sum, m.counts))} images wrong" for m in matrices[:6]]
    missing_ones = len(results) - sum(len(m.results) for m in matrices)
    return (
        f"Images of {family} by truth and answer; percent are of the row. {'; '.join(said)}. "
        "Artifacts with equal counts share a matrix."
        + (f" Not drawn, without counts: {missing_ones} artifacts." if missing_ones else "")
    )


def _wrong(matrix: _Matrix) -> int:
    return sum(n for r, row in enumerate(matrix.counts) for c, n in enumerate(row) if r != c)


def _table(title: str, matrices: list[_Matrix]) -> SideTable:
    labels = matrices[0].labels
    rows = tuple(
        (matrix.name, matrix.labels[index], *(f"{count:,}" for count in counts))
        for matrix in matrices
        if matrix.labels == labels
        for index, counts in enumerate(matrix.counts)
    )
    columns = ("artifacts", "truth", *(f"answer: {label}" for label in labels))
    return SideTable(title, columns, tuple(range(2, 2 + len(labels))), rows, ())
