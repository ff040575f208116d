"""A Matplotlib figure in the style of a page, whose points carry their values.

Matplotlib lays out and draws. A plotting library of the web weighs 1 MB or more in every page and draws nothing without
JavaScript (Plotly, Vega), or is a second renderer of 33 MB on the workstation (vl-convert). Matplotlib is there already
and takes about 0.1 s for a chart of 10 to 40 kB. The same results give the same bytes.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart
from edgeall.reporting.charts.page_svg import Mark, for_page
from edgeall.reporting.charts.palette import GRID, INK, MUTED, SERIES, SURFACE, Colour
from edgeall.reporting.results_table import SideTable

WIDTH = 560
"""Of every view box. At the 358 px that a phone leaves, `TEXT` is 11 px high."""

TEXT = 17.0
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Of series, one more than the colours of `SERIES`: 42 series look different from each other."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.0,
    "text.color": INK.drawn,
    "axes.labelcolor": INK.drawn,
    "axes.edgecolor": MUTED.drawn,
    "axes.titlecolor": INK.drawn,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID.drawn,
    "grid.linewidth": 1.0,
    "xtick.bottom": False,  # grid lines show the places
    "ytick.left": False,
    "xtick.color": MUTED.drawn,
    "ytick.color": MUTED.drawn,
    "xtick.labelcolor": INK.drawn,
    "ytick.labelcolor": INK.drawn,
    "figure.facecolor": "none",
    "lines.linewidth": 2.2,
    "path.simplify": True,
}
_STEPS = (1, 2, 5)


class Drawing:
    """A figure of `WIDTH` by `height` px, and what its points say."""

    def __init__(self, name: str, height: float) -> None:
        self.name = name
        self.figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout="constrained")
        self._marks: dict[str, Mark] = {}

    def mark(self, artist: Artist, title: str, **values: str | float | None) -> None:
        """Let a point say what it is: a title to hover over, and `values` as data attributes, exact to the last digit.

        A value of None has no attribute. "_" in a name becomes "-".
        """
        gid = f"{self.name}-mark-{len(self._marks)}"
        artist.set_gid(gid)
        artist.set_clip_on(False)  # it lies within its axes
        data = {
            f"data-{key.replace('_', '-')}": printable(value) if isinstance(value, str) else repr(value)
            for key, value in values.items()
            if value is not None
        }
        self._marks[gid] = Mark(printable(title), data)

    def legend(self, handles: Sequence[Artist], columns: int = 2) -> None:
        """Above the axes."""
        self.figure.legend(handles=list(handles), loc="outside upper left", ncols=columns)

    def chart(self, title: str, description: str, table: SideTable | None = None) -> Chart:
        title, description = printable(title), printable(description)
        return Chart(self.name, title, self._svg(title, description), description, table)

    def _svg(self, title: str, description: str) -> str:
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():
            # The page's font has the letters that Matplotlib's lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.figure.savefig(text, format="svg", metadata=nothing)
        return for_page(text.getvalue(), self.name, title, description, self._marks)


@contextmanager
def drawing(name: str, height: float) -> Iterator[Drawing]:
    """A drawing in the style of the page; to be filled and finished within the block."""
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's matplotlibrc would change the page
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        yield Drawing(name, height)


def chart_name(kind: str, *of: object) -> str:
    """An identifier that is valid in HTML and unique for what the chart is of: its kind and a digest of the names."""
    digest = hashlib.sha256(repr(of).encode()).hexdigest()[:8]
    return f"{kind}-{digest}"


def printable(text: str, most: int | None = None) -> str:
    """Text on one line, without control and direction characters; cut to `most` characters."""
    shown = "".join(char if char.isprintable() else " " for char in text).strip()
    return shown if most is None or len(shown) <= most else shown[: most - 1].rstrip() + "…"


def log_ticks(axes: Axes, low: float, high: float) -> None:
    """A logarithmic x axis from `low` to `high` with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [
        step * 10.0**power for power in range(-7, 10) for step in _STEPS if low <= step * 10.0**power <= high
    ]
    if len(ticks) > 7:
        ticks = [tick for tick in ticks if f"{tick:e}".startswith("1")]
    while len(ticks) > 7:
        ticks = ticks[::2]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: plain_number(value)))


def plain_number(value: float) -> str:
    """ "0.05", "2", "500", "20,000"."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.7f}".rstrip("0")


def percent_axis(axes: Axes, which: str, low: float = 0.0, high: float = 1.0) -> None:
    """Shares in [0, 1] shown in percent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))


def series(index: int) -> tuple[Colour, str]:
    """Colour and marker of a series by its place."""
    return SERIES[index % len(SERIES)], MARKERS[index % len(MARKERS)]


def share_text(value: float, low: float | None, high: float | None) -> str:
    """ "95.5% [78.2–99.2]"."""
    ends = "" if low is None or high is None else f" [{formatting.percent(low)}–{formatting.percent(high)}]"
    return f"{formatting.percent(value)}%{ends}"


__all__ = [
    "GRID",
    "INK",
    "MARKERS",
    "MUTED",
    "SERIES",
    "SURFACE",
    "TEXT",
    "WIDTH",
    "Colour",
    "Drawing",
    "chart_name",
    "drawing",
    "log_ticks",
    "percent_axis",
    "plain_number",
    "printable",
    "series",
    "share_text",
]
