"""Accuracy against latency: what a slower artifact is worth."""

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from edgeall import formatting
from edgeall.recommending import choose, front
from edgeall.recommending.constraints import latency_range
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import (
    INK,
    MUTED,
    SURFACE,
    TEXT,
    Colour,
    Drawing,
    chart_name,
    drawing,
    log_ticks,
    percent_axis,
    series,
    share_text,
)
from edgeall.reporting.charts.grouping import format_name, look
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.statistics import ratio_over_rounds

TITLE = "Accuracy against latency"
_LARGEST = 34.0
"""Diameter of the marker of the largest file; areas are as the sizes of files."""
_SMALLEST = 7.0
_LABELS = 5


@dataclass(frozen=True)
class _Point:
    """A result with its place. Times in ms.

    Attributes:
        x: measured or estimated p50; None of an estimate that is a range alone.
        low, high: of the p50, over rounds, or of the estimate; None where not known.
    """

    result: Result
    x: float | None
    low: float | None
    high: float | None
    estimated: bool

    @property
    def span(self) -> list[float]:
        return [value for value in (self.x, self.low, self.high) if value is not None]


def trade_off(bench: Bench) -> Chart:
    """Accuracy against the model's p50 latency on a logarithmic axis, both with 95% intervals; size as area.

    Threads of one artifact are joined by a line. Estimates are drawn as ranges. An emulator's clock is no latency.
    """
    name = chart_name("trade-off", bench.device, bench.machine, bench.emulated)
    points = [point for point in (_point(bench, result) for result in bench.results) if point is not None]
    if not points:
        why = (
            "An emulator ran the artifacts: its clock is no latency, and no latency was estimated."
            if bench.emulated
            else "No latency was measured on this device."
        )
        return missing(name, TITLE, why)
    ahead = {id(result) for result in front(choose(bench))}
    with drawing(name, 500 + 25 * math.ceil(len(_families(points, bench)) / 2)) as canvas:
        axes = canvas.figure.subplots()
        _axes(axes, points)
        _draw_front(axes, points, ahead)
        _draw(canvas, axes, bench, points, ahead)
        canvas.legend(_legend(points, bench, ahead))
        _label(canvas, axes, points, ahead)
        return canvas.chart(TITLE, _description(bench, points, ahead), _table(bench, points, ahead))


def _point(bench: Bench, result: Result) -> _Point | None:
    found = latency_range(result, bench.emulated)
    if found is None:
        return None
    if not found.estimated:
        assert result.latency_ms is not None
        assert found.value is not None
        medians = list(result.latency_ms.by_round.values())
        spread = ratio_over_rounds(medians, [1.0] * len(medians))
        low = None if spread is None or spread.low is None else min(found.value, spread.low)
        high = None if low is None else found.high
        return _Point(result, found.value, low, high, False)
    if result.latency_estimate is not None and result.latency_estimate.latency_ms is not None:
        ends = result.latency_estimate.latency_ms
        return _Point(result, None, ends.low, ends.high, True) if ends.low > 0 else None
    value = None if result.latency_ms is None else result.latency_ms.p50
    return _Point(result, value, None, None, True) if value else None


def _families(points: list[_Point], bench: Bench) -> list[str]:
    return list(dict.fromkeys(bench.family(point.result) for point in points))


def _axes(axes: Axes, points: list[_Point]) -> None:
    every = [value for point in points for value in point.span]
    pad = max(1.25, (max(every) / min(every)) ** 0.07)
    log_ticks(axes, min(every) / pad, max(every) * pad)
    shares = [p.result.accuracy_shown for p in points]
    low = min(s.value if s.low is None else s.low for s in shares)
    high = max(s.value if s.high is None else s.high for s in shares)
    margin = max(0.02, 0.06 * (high - low))
    percent_axis(axes, "y", low - margin, high + margin)
    kinds = {point.estimated for point in points}
    clock = "estimated" if kinds == {True} else "p50" if kinds == {False} else "p50, or estimated"
    axes.set_xlabel(f"latency of the model in ms ({clock}), log scale")
    axes.set_ylabel("accuracy in %")


def _draw(canvas: Drawing, axes: Axes, bench: Bench, points: list[_Point], ahead: set[int]) -> None:
    colours = {family: series(index) for index, family in enumerate(_families(points, bench))}
    largest = max(point.result.size_bytes for point in points) or 1
    of_artifact: dict[tuple[str, ...], list[_Point]] = {}
    # Points of the front first: the interval of an artifact's accuracy is drawn once, at the first.
    for point in sorted(points, key=lambda p: id(p.result) not in ahead):
        of_artifact.setdefault(point.result.name, []).append(point)
    for of_one in of_artifact.values():
        _draw_accuracy(axes, of_one[0], colours[bench.family(of_one[0].result)][0], ahead)
        _join_threads(axes, of_one)
    for point in sorted(points, key=lambda p: -p.result.size_bytes):
        colour, marker = colours[bench.family(point.result)]
        on_front = id(point.result) in ahead
        draw = _draw_estimated if point.estimated else _draw_measured
        artist = draw(axes, point, colour, marker, _diameter(point.result, largest), on_front)
        _say(canvas, artist, bench, point, on_front)


def _draw_accuracy(axes: Axes, point: _Point, colour: Colour, ahead: set[int]) -> None:
    shown = point.result.accuracy_shown
    if shown.low is not None and shown.high is not None:
        axes.plot([_place(point)] * 2, [shown.low, shown.high], color=colour.drawn, lw=1.4, zorder=2,
                  alpha=_strength(id(point.result) in ahead))  # fmt: skip


def _join_threads(axes: Axes, points: list[_Point]) -> None:
    places = sorted(point.x for point in points if point.x is not None and not point.estimated)
    if len(places) > 1:
        height = points[0].result.accuracy_shown.value
        axes.plot(places, [height] * len(places), color=MUTED.drawn, lw=1.0, alpha=0.6, zorder=1)


def _draw_measured(
    axes: Axes, point: _Point, colour: Colour, marker: str, size: float, on_front: bool
) -> Line2D:
    height = point.result.accuracy_shown.value
    if point.low is not None and point.high is not None:
        axes.plot([point.low, point.high], [height] * 2, color=colour.drawn, lw=1.4, zorder=2,
                  alpha=_strength(on_front))  # fmt: skip
    (dot,) = axes.plot(_place(point), height, marker, color=colour.drawn, ms=size, mew=2.0, zorder=3,
                       fillstyle=look(point.result.precision).fill, markerfacecoloralt=SURFACE.drawn)  # fmt: skip
    if on_front:
        axes.plot(_place(point), height, "o", ms=size + 9, mew=1.6, mec=INK.drawn, mfc="none", zorder=3)
    return dot


def _draw_estimated(
    axes: Axes, point: _Point, colour: Colour, marker: str, size: float, on_front: bool
) -> Line2D:
    """A range without a marker of its size, or a cross where only one value is known; both say what they are."""
    del marker, size, on_front
    height = point.result.accuracy_shown.value
    name = f"{format_name(point.result)} {look(point.result.precision).word}"
    axes.annotate(f"≈ estimated, {name}", (_place(point), height), (0, 8), textcoords="offset points",
                  ha="center", fontsize=TEXT - 4, color=MUTED.drawn)  # fmt: skip
    if point.x is not None:
        (artist,) = axes.plot(point.x, height, "x", color=colour.drawn, ms=11, mew=2.4)
    else:
        (artist,) = axes.plot(point.span, [height] * 2, "|:", color=colour.drawn, lw=2.2, ms=14, mew=2.2)
    return artist


def _place(point: _Point) -> float:
    """On the axis of latency: of a range, its middle on the logarithmic scale."""
    return math.exp(sum(map(math.log, point.span)) / len(point.span)) if point.x is None else point.x


def _strength(on_front: bool) -> float:
    return 0.9 if on_front else 0.35


def _draw_front(axes: Axes, points: list[_Point], ahead: set[int]) -> None:
    """In steps: the highest accuracy on the front up to each latency."""
    steps: list[tuple[float, float]] = []
    for point in sorted((p for p in points if id(p.result) in ahead and p.x), key=lambda p: p.x or 0):
        highest = max([point.result.accuracy_shown.value, *(y for _, y in steps[-1:])])
        steps.append((point.x or 0, highest))
    if len(steps) > 1:
        xs, ys = zip(*steps, strict=True)
        axes.step(xs, ys, where="post", color=INK.drawn, lw=1.4, ls=(0, (4, 3)), zorder=1)


def _say(canvas: Drawing, artist: Line2D, bench: Bench, point: _Point, on_front: bool) -> None:
    result, shown = point.result, point.result.accuracy_shown
    canvas.mark(
        artist,
        f"{_name(bench, result)}: {_time(point)}, accuracy "
        f"{share_text(shown.value, shown.low, shown.high)}, {formatting.megabytes(result.size_bytes)} MB"
        + (", on the Pareto front" if on_front else ""),
        artifact=result.artifact,
        threads=result.threads,
        kind="estimated" if point.estimated else "measured",
        x=point.x,
        x_low=point.low,
        x_high=point.high,
        y=shown.value,
        y_low=shown.low,
        y_high=shown.high,
        size=result.size_bytes,
        front="yes" if on_front else "no",
    )


def _name(bench: Bench, result: Result) -> str:
    return f"{bench.label(result)}, {formatting.threads(result.threads)}"


def _time(point: _Point) -> str:
    ends = (
        ""
        if point.low is None or point.high is None
        else f"{formatting.ms(point.low)}–{formatting.ms(point.high)}"
    )
    if point.x is None:
        return f"≈ {ends} ms estimated"
    text = f"{formatting.ms(point.x)}{f' [{ends}]' if ends else ''} ms"
    return f"≈ {text} estimated" if point.estimated else text


def _legend(points: list[_Point], bench: Bench, ahead: set[int]) -> list[Line2D]:
    handles = []
    for index, family in enumerate(_families(points, bench)):
        colour, marker = series(index)
        handles.append(_handle(marker, family[:24], color=colour.drawn))
    measured = [point for point in points if not point.estimated]
    for precision in dict.fromkeys(point.result.precision for point in measured):
        of = look(precision)
        handles.append(
            _handle("o", of.word, color=INK.drawn, fillstyle=of.fill, markerfacecoloralt=SURFACE.drawn)
        )
    if any(id(point.result) in ahead for point in measured):
        handles.append(
            _handle(
                "o",
                "Pareto front",
                color=INK.drawn,
                fillstyle="none",
                ms=15,
                mew=1.6,
                linestyle=(0, (4, 3)),
                lw=1.4,
            )
        )
    if len(measured) < len(points):
        handles.append(_handle("|", "≈ range: estimated", color=INK.drawn))
    return handles


def _handle(marker: str, label: str, **how: object) -> Line2D:
    style = {"ms": 9, "mew": 2.0, "linestyle": "none"} | how
    return Line2D([], [], marker=marker, label=label, **style)  # type: ignore[arg-type]


def _label(canvas: Drawing, axes: Axes, points: list[_Point], ahead: set[int]) -> None:
    """Name points of the front beside them, as far as there is room; every point's name is its title too."""
    every = [point for point in points if point.x is not None]
    largest = max(point.result.size_bytes for point in points) or 1
    canvas.figure.draw_without_rendering()
    room = axes.get_window_extent()
    taken = [_around(axes, point, largest) for point in every]
    for point in sorted((p for p in every if id(p.result) in ahead), key=lambda p: p.x or 0)[:_LABELS]:
        threads = formatting.threads(point.result.threads)
        text = f"{format_name(point.result)} {look(point.result.precision).word}, {threads}"
        spots = [(14, 12, "left"), (14, -26, "left"), (-14, 12, "right"), (-14, -26, "right"),
                 (14, 34, "left"), (-14, 34, "right"), (14, -48, "left"), (-14, -48, "right")]  # fmt: skip
        for dx, dy, side in spots:
            label = axes.annotate(
                text,
                (point.x or 0, point.result.accuracy_shown.value),
                (dx, dy),
                textcoords="offset points",
                ha=side,
                fontsize=TEXT - 2,
            )
            box = label.get_window_extent()
            inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()


def _around(axes: Axes, point: _Point, largest: int) -> Bbox:
    """The square of a marker on the page."""
    x, y = axes.transData.transform((_place(point), point.result.accuracy_shown.value))
    half = _diameter(point.result, largest) / 2
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


def _diameter(result: Result, largest: int) -> float:
    return max(_SMALLEST, _LARGEST * math.sqrt(result.size_bytes / largest))


def _description(bench: Bench, points: list[_Point], ahead: set[int]) -> str:
    on_front = [p for p in points if id(p.result) in ahead]
    told = formatting.listed([_in_words(bench, point) for point in on_front[:6]])
    more = f" and {len(on_front) - 6} more" if len(on_front) > 6 else ""
    lacking = len(bench.results) - len(points)
    return (
        f"{len(points)} measurements by latency and accuracy, with 95% intervals; the area of a marker is the size of "
        "the file, and a line joins the thread counts of one artifact. "
        + (
            f"On the Pareto front: {told}{more}."
            if on_front
            else "The Pareto front is empty: no artifact may be taken."
        )
        + (f" Not drawn, without a latency: {lacking}." if lacking else "")
    )


def _in_words(bench: Bench, point: _Point) -> str:
    accuracy = formatting.percent(point.result.accuracy_shown.value)
    return f"{_name(bench, point.result)} ({_time(point)}, {accuracy}%)"


def _table(bench: Bench, points: list[_Point], ahead: set[int]) -> SideTable:
    rows = tuple(
        (
            _name(bench, p.result),
            _time(p),
            formatting.percent_interval(p.result.accuracy_shown),
            formatting.megabytes(p.result.size_bytes),
            "yes" if id(p.result) in ahead else "",
        )
        for p in points
    )
    return SideTable(TITLE, ("artifact", "p50 [95%]", "accuracy % [95%]", "size MB", "Pareto front"), (1, 2, 3), rows,
                     ("The Pareto front: what no other artifact is shown to beat in accuracy, AUC, latency or size "
                      "without losing in another.",))  # fmt: skip
