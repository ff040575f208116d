"""How many images a person must decide: the share in the referral band, float32 and INT8."""

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart, missing
from edgeall.reporting.charts.drawing import (
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
from edgeall.statistics import Referral

TITLE = "Share of images referred to a person"
_Told = tuple[Result, Referral]


def referral_coverage(bench: Bench) -> Chart:
    """One row a family and format, with 95% intervals; each artifact has a band of its own."""
    name = chart_name("referral", bench.device, bench.machine, bench.emulated)
    rows: dict[tuple[str, str], list[_Told]] = {}
    lacking = 0
    for family, results in families(bench).items():
        for result in results:
            if result.referral is None:
                lacking += 1
            else:
                rows.setdefault((family, format_name(result)), []).append((result, result.referral))
    if not rows:
        return missing(name, TITLE, "No artifact has a referral band.")
    precisions = list(dict.fromkeys(r.precision for told in rows.values() for r, _ in told))
    with drawing(name, 120 + 62 * len(rows)) as canvas:
        axes = canvas.figure.subplots()
        highest = max(e.referred.value if e.referred.high is None else e.referred.high
                      for told in rows.values() for _, e in told)  # fmt: skip
        percent_axis(axes, "x", -0.01, min(1.02, max(0.1, 1.08 * highest)))
        axes.set_ylim(-len(rows) + 0.35, 0.75)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("images referred in %")
        for index, ((family, format), told) in enumerate(rows.items()):
            axes.annotate(f"{printable(family, 28)} {format}", (0, -index + 0.36), fontsize=TEXT - 2,
                          xycoords=("axes fraction", "data"))  # fmt: skip
            for result, referral in told:
                _draw(canvas, axes, -index + _offset(precisions, result.precision), result, referral)
        canvas.legend([_handle(precision) for precision in precisions], columns=3)
        return canvas.chart(TITLE, _description(rows, lacking), _table(bench, rows))


def _offset(precisions: list[str], precision: str) -> float:
    return 0.18 - 0.26 * precisions.index(precision)


def _draw(canvas: Drawing, axes: Axes, at: float, result: Result, referral: Referral) -> None:
    of, share = look(result.precision), referral.referred
    if share.low is not None and share.high is not None:
        axes.plot([share.low, share.high], [at, at], color=of.colour.drawn, lw=2.2)
    (dot,) = axes.plot(share.value, at, of.marker, color=of.colour.drawn, ms=10, mew=2.2, fillstyle=of.fill)
    canvas.mark(
        dot,
        f"{format_name(result)} {of.word}: {share_text(share.value, share.low, share.high)} referred, "
        f"scores from {referral.low:g} to {referral.high:g}",
        artifact=result.artifact,
        x=share.value,
        x_low=share.low,
        x_high=share.high,
    )


def _handle(precision: str) -> Line2D:
    of = look(precision)
    return Line2D(
        [], [], color=of.colour.drawn, marker=of.marker, fillstyle=of.fill, ms=10, mew=2.2, label=of.word
    )


def _description(rows: dict[tuple[str, str], list[_Told]], lacking: int) -> str:
    shares = {
        precision: [e.referred.value for told in rows.values() for r, e in told if r.precision == precision]
        for precision in dict.fromkeys(r.precision for told in rows.values() for r, _ in told)
    }
    told = formatting.listed(
        [
            f"{look(precision).word} refers {formatting.percent(min(values))} to {formatting.percent(max(values))}%"
            for precision, values in shares.items()
        ]
    )
    return (
        f"Share of test images whose score lies in the artifact's referral band, with 95% intervals: {told}."
        + (f" {lacking} artifacts have no band." if lacking else "")
    )


def _table(bench: Bench, rows: dict[tuple[str, str], list[_Told]]) -> SideTable:
    cells = tuple(
        (
            bench.name(result),
            f"{referral.low:g}–{referral.high:g}",
            formatting.percent_interval(referral.referred),
            formatting.percent_interval(referral.answered_sensitivity),
            formatting.percent_interval(referral.answered_specificity),
        )
        for told in rows.values()
        for result, referral in told
    )
    columns = ("artifact", "band", "referred %", "sensitivity of the rest %", "specificity of the rest %")
    return SideTable(TITLE, columns, (1, 2, 3, 4), cells, ())
