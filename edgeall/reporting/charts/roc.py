"""ROC curves with confidence bands."""

from collections import Counter

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import GRID, Drawing, chart_name, drawing, percent_axis
from edgeall.reporting.charts.grouping import (
    ALIKE_IN_WORDS,
    Alike,
    Look,
    alike,
    families,
    look,
    with_predictions,
    without_scores,
)
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.statistics import RocCurve, roc_curve

TITLE = "ROC curves"


def roc(bench: Bench) -> tuple[Chart, ...]:
    """One chart a family: a curve for each way that its artifacts answer, and the point of their verdicts.

    The band is float32's, filled; of INT8 with the lowest AUC it is drawn by its edges.
    """
    name = chart_name("roc", bench.device, bench.machine, bench.emulated)
    found = families(bench)
    if not found:
        return (missing(name, TITLE, "No ROC curve: there are no results."),)
    return tuple(
        _of_family(f"{name}-{index}", family, results)
        for index, (family, results) in enumerate(found.items())
    )


def _of_family(name: str, family: str, results: list[Result]) -> Chart:
    title = f"{TITLE}: {family}"
    groups = alike(results)
    if not groups:
        return missing(name, title, f"No ROC curve of {family}: no scores are recorded.")
    curves = [(group, curve) for group in groups if (curve := _curve(group)) is not None]
    if not curves:
        return missing(name, title, f"No ROC curve of {family}: the test images are of one class.")
    banded = _banded(curves)
    with drawing(name, 575 + 28 * len(curves)) as canvas:
        axes = canvas.figure.subplots()
        axes.set_aspect("equal")
        percent_axis(axes, "x", -0.01, 1.01)
        percent_axis(axes, "y", -0.01, 1.01)
        axes.set_xlabel("1 − specificity in %")
        axes.set_ylabel("sensitivity in %")
        axes.plot([0, 1], [0, 1], color=GRID.drawn, lw=1.5)
        nth: Counter[str] = Counter()
        handles = []
        for group, curve in curves:
            precision = group.first.precision
            of = look(precision, nth[precision])
            nth[precision] += 1
            handles.append(_draw(canvas, axes, of, group, curve, group in banded))
        canvas.legend(handles, columns=1)
        return canvas.chart(title, _description(family, results, curves, banded), _table(title, curves))


def _curve(group: Alike) -> RocCurve | None:
    ((_, recorded),) = with_predictions([group.first])
    return roc_curve(recorded.truth, recorded.scores or (), recorded.subjects)


def _area(group: Alike) -> float:
    return 0.0 if group.first.auc is None else group.first.auc.value


def _banded(curves: list[tuple[Alike, RocCurve]]) -> list[Alike]:
    """One of float32 or, without it, the first; and INT8 of the lowest AUC."""
    having = [group for group, curve in curves if curve.band is not None]
    others = [group for group in having if group.first.precision != "int8"][:1]
    return others + sorted((g for g in having if g.first.precision == "int8"), key=_area)[:1]


def _draw(canvas: Drawing, axes: Axes, of: Look, group: Alike, curve: RocCurve, banded: bool) -> Line2D:
    first, colour = group.first, of.colour.drawn
    if banded and curve.band is not None:
        (upper_x, upper_y), (lower_x, lower_y) = curve.band.upper, curve.band.lower
        if first.precision == "int8":
            axes.plot(upper_x, upper_y, lower_x, lower_y, color=colour, lw=1.2, ls=(0, (1, 2)))
        else:
            axes.fill([*upper_x, *lower_x[::-1]], [*upper_y, *lower_y[::-1]], color=colour, alpha=0.16, lw=0)
    width = 2.4 if banded else 1.2
    (line,) = axes.plot(curve.false, curve.true, color=colour, ls=of.dashes, lw=width)
    text = f"{group.label}: AUC {formatting.share_interval(first.auc)}"
    area = first.auc
    canvas.mark(
        line,
        text,
        artifact=first.artifact,
        n=first.n,
        auc=None if area is None else area.value,
        auc_low=None if area is None else area.low,
        auc_high=None if area is None else area.high,
    )
    if first.sensitivity is not None and first.specificity is not None:
        (dot,) = axes.plot(1 - first.specificity.value, first.sensitivity.value, of.marker, color=colour,
                           ms=10 if banded else 7, mew=2.2, fillstyle=of.fill)  # fmt: skip
        canvas.mark(
            dot,
            f"{group.label}, verdicts: sensitivity {formatting.percent(first.sensitivity.value)}%, "
            f"specificity {formatting.percent(first.specificity.value)}%",
            artifact=first.artifact,
            x=1 - first.specificity.value,
            y=first.sensitivity.value,
        )
    return Line2D([], [], color=colour, ls=of.dashes, lw=width, marker=of.marker, fillstyle=of.fill, mew=2,
                  ms=8 if banded else 5, label=text)  # fmt: skip


def _description(
    family: str, results: list[Result], curves: list[tuple[Alike, RocCurve]], banded: list[Alike]
) -> str:
    first = curves[0][1]
    if banded:
        names = formatting.listed(
            [f"{group.label}{_AS[group.first.precision == 'int8']}" for group in banded]
        )
        band = (
            f"95% bands, {first.method}, of {names}. They hold at each threshold, and not for a whole curve at once, "
            "whose band would be wider."
        )
    else:
        band = f"There is {first.method}."
    areas = formatting.listed(
        [f"{group.label} {formatting.share_interval(group.first.auc)}" for group, _ in curves]
    )
    return " ".join(
        filter(
            None,
            (
                f"Sensitivity against 1 − specificity of {family} on {results[0].n} test images; a marker is the "
                f"verdicts' threshold. AUC: {areas}.",
                band,
                ALIKE_IN_WORDS,
                without_scores(results),
            ),
        )
    )


_AS = {False: " (filled)", True: " (dotted edges)"}


def _table(title: str, curves: list[tuple[Alike, RocCurve]]) -> SideTable:
    rows = tuple(
        (
            group.label,
            formatting.share_interval(group.first.auc),
            formatting.percent_interval(group.first.sensitivity),
            formatting.percent_interval(group.first.specificity),
        )
        for group, _ in curves
    )
    return SideTable(
        title, ("artifacts", "AUC [95%]", "sensitivity % [95%]", "specificity % [95%]"), (1, 2, 3), rows, ()
    )
