"""What corrupted pictures do to accuracy and AUC, float32 beside INT8, and how many the domain check refuses."""

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import (
    INK,
    MUTED,
    TEXT,
    Drawing,
    chart_name,
    drawing,
    percent_axis,
    printable,
    share_text,
)
from edgeall.reporting.charts.grouping import families, format_name, look
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.results.corruptions import MOST_REFUSED, CorruptionPoint, Corruptions
from edgeall.statistics import Estimate

TITLE = "On corrupted pictures"
_FIGURES = {"accuracy": "accuracy", "auc": "AUC"}
_COLUMNS = 2


@dataclass(frozen=True)
class _Curves:
    """An artifact's points of one figure."""

    result: Result
    found: Corruptions
    figure: str

    def of(self, corruption: str) -> list[tuple[CorruptionPoint, Estimate]]:
        """Points of a corruption that have the figure, unchanged pictures first, by strength."""
        points = [p for p in self.found.points if p.corruption == corruption]
        every = [self.found.unchanged, *sorted(points, key=lambda p: p.strength)]
        return [(point, value) for point in every if (value := getattr(point, self.figure)) is not None]


def robustness(bench: Bench) -> tuple[Chart, ...]:
    """Two charts a family, of accuracy and of AUC: one panel a corruption, over its strength.

    Drawn are the INT8 artifact of the lowest accuracy at any point and the float32 one of its format.
    """
    name = chart_name("robustness", bench.device, bench.machine, bench.emulated)
    charts = []
    for index, (family, results) in enumerate(families(bench).items()):
        shown = _shown(results)
        for figure in _FIGURES if shown else ():
            curves = [_Curves(result, found, figure) for result, found in shown]
            charts.append(_chart(f"{name}-{index}-{figure}", family, figure, curves))
    return tuple(charts) or (
        missing(
            name,
            TITLE,
            "Corrupted pictures were not measured; measure them with: edgeall bench --corruptions.",
        ),
    )


def _shown(results: list[Result]) -> list[tuple[Result, Corruptions]]:
    measured = [(r, r.corruptions) for r in results if r.corruptions is not None and r.corruptions.points]
    if not measured:
        return []
    int8 = [each for each in measured if each[0].precision == "int8"]
    worst = min(int8 or measured, key=lambda each: min(point.accuracy.value for point in each[1].points))
    beside = [
        each for each in measured if each[0].format == worst[0].format and each[0].precision == "float32"
    ]
    return [*(each for each in beside if each[0] is not worst[0]), worst]


def _chart(name: str, family: str, figure: str, curves: list[_Curves]) -> Chart:
    title = f"{TITLE}, {_FIGURES[figure]}: {family} {format_name(curves[-1].result)}"
    kinds = list(dict.fromkeys(point.corruption for each in curves for point in each.found.points))
    if not any(each.of(kind) for each in curves for kind in kinds):
        return missing(
            name, title, f"No {_FIGURES[figure]} on corrupted pictures of {family}: it is undefined there."
        )
    rows = math.ceil(len(kinds) / _COLUMNS)
    with drawing(name, 130 + 200 * rows) as canvas:
        grid = canvas.figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(kinds) :]:
            axes.set_visible(False)
        for axes, kind in zip(grid.flat, kinds, strict=False):
            _panel(canvas, axes, kind, curves)
        most = max(point.strength for each in curves for point in each.found.points)
        grid[0, 0].set_xlim(-0.45, most + 0.45)
        grid[0, 0].set_xticks(range(most + 1))
        if figure == "auc":
            grid[0, 0].set_ylim(-0.03, 1.06)
        else:
            percent_axis(grid[0, 0], "y", -0.03, 1.06)
        canvas.figure.supxlabel("strength (0: unchanged)", fontsize=TEXT)
        canvas.figure.supylabel("AUC" if figure == "auc" else "accuracy in %", fontsize=TEXT)
        canvas.legend(_legend(curves))
        return canvas.chart(title, _description(family, curves, kinds), _table(title, curves, kinds))


def _panel(canvas: Drawing, axes: Axes, kind: str, curves: list[_Curves]) -> None:
    axes.set_title(printable(kind, 24), fontsize=TEXT - 1)
    for place, each in enumerate(curves):
        of = look(each.result.precision)
        shift = 0.16 * (place - (len(curves) - 1) / 2)
        points = each.of(kind)
        axes.plot([p.strength + shift for p, _ in points], [value.value for _, value in points],
                  color=of.colour.drawn, ls=of.dashes, lw=1.8)  # fmt: skip
        _intervals(axes, each, points, shift)
        for point, value in points:
            _draw(canvas, axes, kind, each, point, value, shift)
    # The domain check judges pixels, not answers: artifacts of one run refuse alike.
    for point, _ in curves[-1].of(kind):
        if point.refused:
            axes.bar(
                point.strength,
                point.refused / point.n,
                width=0.62,
                color=MUTED.drawn,
                alpha=0.25,
                lw=0,
                zorder=0,
            )


def _intervals(
    axes: Axes, curves: _Curves, points: list[tuple[CorruptionPoint, Estimate]], shift: float
) -> None:
    """All of a curve as one line with gaps, which is a third of the bytes of many."""
    xs, ys = [], []
    for point, value in points:
        if value.low is not None and value.high is not None:
            xs += [point.strength + shift] * 2 + [math.nan]
            ys += [value.low, value.high, math.nan]
    axes.plot(xs, ys, color=look(curves.result.precision).colour.drawn, lw=1.4, alpha=0.6)


def _draw(
    canvas: Drawing,
    axes: Axes,
    kind: str,
    curves: _Curves,
    point: CorruptionPoint,
    value: Estimate,
    shift: float,
) -> None:
    of, at = look(curves.result.precision), point.strength + shift
    (dot,) = axes.plot(at, value.value, of.marker, color=of.colour.drawn, ms=7, mew=1.8, fillstyle=of.fill)
    if point.unnoticed:
        axes.plot(at, value.value, "o", ms=15, mew=1.5, mec=INK.drawn, mfc="none")
    loss = ", a loss is shown" if point.loss else ""
    refused = "" if point.refused is None else f", {point.refused} of {point.n} refused"
    canvas.mark(
        dot,
        f"{of.word}, {kind} {point.strength}: {_FIGURES[curves.figure]} "
        f"{_written(curves.figure, value)}{loss}{refused}",
        artifact=curves.result.artifact,
        corruption=kind,
        x=point.strength,
        y=value.value,
        y_low=value.low,
        y_high=value.high,
        refused=point.refused,
        n=point.n,
        unnoticed="yes" if point.unnoticed else "no",
    )


def _written(figure: str, value: Estimate) -> str:
    """ "95.5% [78.2–99.2]"; of AUC "0.95 [0.77–0.99]"."""
    return (
        formatting.share_interval(value)
        if figure == "auc"
        else share_text(value.value, value.low, value.high)
    )


def _legend(curves: list[_Curves]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = []
    for each in curves:
        of = look(each.result.precision)
        handles.append(Line2D([], [], color=of.colour.drawn, ls=of.dashes, marker=of.marker, fillstyle=of.fill, mew=2,
                              ms=8, label=of.word))  # fmt: skip
    handles.append(Patch(color=MUTED.drawn, alpha=0.25, lw=0, label="share refused"))
    if any(point.unnoticed for each in curves for point in each.found.points):
        handles.append(Line2D([], [], marker="o", linestyle="none", ms=15, mew=1.5, mec=INK.drawn, mfc="none",
                              label="loss, not refused"))  # fmt: skip
    return handles


def _description(family: str, curves: list[_Curves], kinds: list[str]) -> str:
    first = curves[-1]
    figure = _FIGURES[first.figure]
    of = "" if first.found.clusters is None else f" of {first.found.clusters} subjects"
    sentences = [
        f"{figure[0].upper()}{figure[1:]} of {family} {format_name(first.result)} on {first.found.unchanged.n} test "
        f"images{of} after {len(kinds)} corruptions, by strength, with 95% intervals."
    ]
    for each in curves:
        word = look(each.result.precision).word
        points = [(point, value) for kind in kinds for point, value in each.of(kind) if point.strength]
        if points:
            worst, value = min(points, key=lambda pair: pair[1].value)
            sentences.append(f"{word} is lowest at {worst.change}: {_written(each.figure, value)}.")
    told = [
        (look(each.result.precision).word, sum(p.unnoticed for p in each.found.points)) for each in curves
    ]
    sentences.append(
        f"Points that show a loss of accuracy or AUC while fewer than {MOST_REFUSED:.0%} of the pictures are refused: "
        + formatting.listed([f"{word} {count} of {len(first.found.points)}" for word, count in told])
        + "."
    )
    if first.found.too_few:
        sentences.append("So few subjects cannot show a loss of accuracy, however large it is.")
    if first.found.unchanged.refused is None:
        sentences.append("The artifact has no domain check, which would refuse pictures.")
    return " ".join(sentences)


def _table(title: str, curves: list[_Curves], kinds: list[str]) -> SideTable:
    rows = tuple(
        (
            look(each.result.precision).word,
            kind,
            str(point.strength),
            _written(each.figure, value),
            formatting.UNKNOWN if point.refused is None else f"{point.refused} of {point.n}",
            "yes" if point.loss else "",
        )
        for each in curves
        for kind in kinds
        for point, value in each.of(kind)
    )
    columns = (
        "artifact",
        "corruption",
        "strength",
        f"{_FIGURES[curves[0].figure]} [95%]",
        "refused",
        "loss shown",
    )
    return SideTable(title, columns, (2, 3, 4), rows, ())
