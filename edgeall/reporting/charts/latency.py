"""How the raw timings of each artifact are distributed."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import INK, TEXT, Drawing, chart_name, drawing, log_ticks
from edgeall.reporting.charts.grouping import format_name, look
from edgeall.reporting.results_table import SideTable
from edgeall.results import Bench, Result
from edgeall.results.costs import Latency

TITLE = "Distribution of latency"
Floats = npt.NDArray[np.float64]
_BINS = 90
_ROW = 58


def latency(bench: Bench) -> tuple[Chart, ...]:
    """The model's raw timings as measured, one chart a family and one row a result; every run lies on the axis."""
    found: dict[str, list[tuple[Result, Latency]]] = {}
    for result in bench.results:
        if result.latency_kind == "measured" and result.latency_ms is not None and not bench.emulated:
            found.setdefault(bench.family(result), []).append((result, result.latency_ms))
    name = chart_name("latency", bench.device, bench.machine, bench.emulated)
    if not found:
        why = "an emulator's clock is no latency" if bench.emulated else "no latency was measured there"
        return (missing(name, TITLE, f"No distribution: {why}."),)
    return tuple(
        _of_family(f"{name}-{index}", family, rows) for index, (family, rows) in enumerate(found.items())
    )


def _of_family(name: str, family: str, rows: list[tuple[Result, Latency]]) -> Chart:
    every = [value for _, times in rows for value in _known(times)]
    title = f"{TITLE}: {family}"
    if not every or min(every) <= 0:
        return missing(name, title, "No distribution: no run was timed, or a time is not above 0.")
    low, high = min(every), max(every)
    pad = max(1.05, (high / low) ** 0.03)
    edges = np.geomspace(low, high, _BINS + 1) if high > low else np.asarray([low, low])
    with drawing(name, 110 + _ROW * len(rows)) as canvas:
        axes = canvas.figure.subplots()
        log_ticks(axes, low / pad, high * pad)
        axes.set_ylim(-len(rows) + 0.6, 0.85)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("one inference in ms, log scale")
        for index, (result, times) in enumerate(rows):
            _row(canvas, axes, -index, result, times, edges)
        canvas.legend(_legend([result for result, _ in rows]), columns=4)
        return canvas.chart(title, _description(family, rows), _table(title, rows))


def _known(times: Latency) -> list[float]:
    ends = (times.min, times.p50, times.p90, times.max)
    return list(times.raw) or [value for value in ends if value is not None]


def _row(canvas: Drawing, axes: Axes, at: int, result: Result, times: Latency, edges: Floats) -> None:
    of = look(result.precision)
    known = _known(times)
    label = f"{format_name(result)} {of.word}, {formatting.threads(result.threads)}"
    if result.noisy:
        label += ", noisy"
    p90 = "" if times.p90 is None else f" / {formatting.ms(times.p90)}"
    axes.annotate(label, (0, at + 0.44), xycoords=("axes fraction", "data"), fontsize=TEXT - 2)
    axes.annotate(f"{formatting.ms(times.p50)}{p90} ms", (1, at + 0.44), xycoords=("axes fraction", "data"),
                  ha="right", fontsize=TEXT - 2)  # fmt: skip
    (whole,) = axes.plot([min(known), max(known)], [at, at], color=of.colour.drawn, lw=1.4)
    canvas.mark(
        whole,
        f"{label}: {times.n} runs, fastest {formatting.ms(min(known))}, p50 {formatting.ms(times.p50)}, "
        f"p90 {formatting.ms(times.p90)}, slowest {formatting.ms(max(known))} ms",
        artifact=result.artifact,
        threads=result.threads,
        n=times.n,
        min=min(known),
        p50=times.p50,
        p90=times.p90,
        max=max(known),
    )
    if len(times.raw) > 1 and len(edges) > 2:
        counts = np.histogram(np.clip(times.raw, edges[0], edges[-1]), edges)[0]
        heights = at + 0.36 * counts / counts.max()
        axes.stairs(heights, edges, baseline=at, fill=True, color=of.colour.drawn, alpha=0.5, lw=0)
    for value, marker in ((times.p50, "|"), (times.p90, 10)):
        if value is not None:
            axes.plot(value, at, marker=marker, color=INK.drawn, ms=14 if marker == "|" else 8, mew=2.0,
                      clip_on=False)  # fmt: skip


def _legend(results: list[Result]) -> list[Line2D]:
    kinds = [look(precision) for precision in dict.fromkeys(result.precision for result in results)]
    return [
        *(Line2D([], [], color=of.colour.drawn, lw=8, alpha=0.5, label=of.word) for of in kinds),
        Line2D([], [], color=INK.drawn, marker="|", ms=14, mew=2, linestyle="none", label="p50"),
        Line2D([], [], color=INK.drawn, marker=10, ms=9, linestyle="none", label="p90"),
    ]


def _description(family: str, rows: list[tuple[Result, Latency]]) -> str:
    fastest = min(rows, key=lambda row: row[1].p50 or float("inf"))
    slowest = max(max(_known(times)) for _, times in rows)
    kept = sum(bool(times.raw) for _, times in rows)
    lacking = "" if kept == len(rows) else f" Of {len(rows) - kept} the single runs are not kept."
    return (
        f"Every timed run of {family}, one row an artifact and thread count; the thin line reaches from the fastest to "
        f"the slowest run ({formatting.ms(slowest)} ms at most), and no run is left out. Lowest p50: "
        f"{format_name(fastest[0])} {look(fastest[0].precision).word}, "
        f"{formatting.threads(fastest[0].threads)}, {formatting.ms(fastest[1].p50)} ms.{lacking}"
    )


def _table(title: str, rows: list[tuple[Result, Latency]]) -> SideTable:
    cells = tuple(
        (
            f"{format_name(result)} {look(result.precision).word}",
            str(result.threads),
            str(times.n),
            *(formatting.ms(v) for v in (min(_known(times)), times.p50, times.p90, max(_known(times)))),
        )
        for result, times in rows
    )
    return SideTable(title, ("artifact", "threads", "runs", "fastest ms", "p50 ms", "p90 ms", "slowest ms"),
                     (1, 2, 3, 4, 5, 6), cells,
                     (f"{formatting.UNKNOWN}: too few runs to know that percentile.",)
                     if any(t.p90 is None for _, t in rows) else ())  # fmt: skip
