"""Where INT8 loses precision: quantization noise layer by layer."""

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import INK, SERIES, TEXT, chart_name, drawing, printable
from edgeall.reporting.charts.run_folder import Gap, LayerRow, RunFolder
from edgeall.reporting.results_table import SideTable

TITLE = "Sensitivity to INT8 by layer"
_NAMED = 3


def layer_sensitivity(run: RunFolder) -> Chart:
    """Signal-to-quantization-noise ratio of each layer alone, and of all layers up to it, in the network's order."""
    name, title = chart_name("layers", run.name), f"{TITLE}: {run.name}"
    if isinstance(run.layers, Gap):
        return missing(name, title, f"No sensitivity by layer of {run.name}: {run.layers.why}.")
    rows = run.layers
    worst = sorted(range(len(rows)), key=lambda at: rows[at].own_db)[:_NAMED]
    with drawing(name, 500) as canvas:
        axes = canvas.figure.subplots()
        places = range(1, len(rows) + 1)
        axes.plot(places, [row.total_db for row in rows], color=SERIES[1].drawn, ls=(0, (5, 2)), lw=1.8)
        for at, row in zip(places, rows, strict=True):
            (dot,) = axes.plot(at, row.own_db, "o", color=SERIES[0].drawn, ms=9 if at - 1 in worst else 5)
            canvas.mark(
                dot,
                f"{row.layer} ({row.kind}): alone {row.own_db:g} dB, all layers up to it {row.total_db:g} dB",
                layer=row.layer,
                x=at,
                y=row.own_db,
                total=row.total_db,
            )
        for number, at in enumerate(sorted(worst), start=1):
            axes.annotate(str(number), (at + 1, rows[at].own_db), (0, -20), textcoords="offset points", ha="center",
                          fontsize=TEXT - 1, color=INK.drawn, weight="bold")  # fmt: skip
        axes.margins(y=0.12)
        axes.set_xlabel("layer, in the order of the network")
        axes.set_ylabel("signal to noise in dB")
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        canvas.legend(_legend(rows, worst), columns=1)
        return canvas.chart(title, _description(rows, worst), _table(title, rows))


def _legend(rows: tuple[LayerRow, ...], worst: list[int]) -> list[Line2D]:
    own = Line2D([], [], color=SERIES[0].drawn, marker="o", linestyle="none", ms=7)
    total = Line2D([], [], color=SERIES[1].drawn, ls=(0, (5, 2)), lw=1.8)
    own.set_label("layer alone in INT8")
    total.set_label("all layers up to it")
    named = [
        Line2D(
            [],
            [],
            linestyle="none",
            label=f"{number}: {printable(rows[at].layer, 36)}, {rows[at].own_db:g} dB",
        )
        for number, at in enumerate(sorted(worst), start=1)
    ]
    return [own, total, *named]


def _description(rows: tuple[LayerRow, ...], worst: list[int]) -> str:
    names = formatting.listed([f"{rows[at].layer} ({rows[at].own_db:g} dB)" for at in worst])
    return (
        f"Signal-to-quantization-noise ratio of {len(rows)} layers; lower is more harm. Lowest alone: {names}. With "
        f"all layers in INT8 the output has {rows[-1].total_db:g} dB."
    )


def _table(title: str, rows: tuple[LayerRow, ...]) -> SideTable:
    cells = tuple(
        (
            row.layer,
            row.kind,
            formatting.UNKNOWN if row.weights_db is None else f"{row.weights_db:g}",
            f"{row.own_db:g}",
            f"{row.total_db:g}",
        )
        for row in rows
    )
    return SideTable(
        title, ("layer", "kind", "weights dB", "alone dB", "all up to it dB"), (2, 3, 4), cells, ()
    )
