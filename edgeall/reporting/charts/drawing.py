"""From a Matplotlib figure to the SVG of a page.

Matplotlib lays out and draws; here its SVG is made fit for a page: colours become CSS variables, text stays text in the
page's font, identifiers are unique on the page, and each point carries its values and a title. The same results give
the same bytes. Matplotlib rather than a plotting library of the web: that weighs 1 MB or more in every page and draws
nothing without JavaScript (Plotly, Vega), or is a second renderer of 33 MB on the workstation (vl-convert), while
Matplotlib is there already, takes about 0.1 s a chart, and its SVG weighs some 10 to 40 kB.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from edgeall import formatting
from edgeall.reporting.charts.chart import Chart
from edgeall.reporting.charts.palette import COLOURS, GRID, INK, MUTED, SERIES, SURFACE, Colour
from edgeall.reporting.results_table import SideTable

WIDTH = 560
"""Of every view box. At the 358 px that a phone leaves, `TEXT` is 11 px high."""

TEXT = 17.0
MARKERS = ("o", "s", "^", "D", "v", "P")
"""Of series, with the colours of `SERIES`."""

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_STYLE = {
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
    "xtick.color": MUTED.drawn,
    "ytick.color": MUTED.drawn,
    "xtick.labelcolor": INK.drawn,
    "ytick.labelcolor": INK.drawn,
    "figure.facecolor": "none",
    "lines.linewidth": 2.2,
    "path.simplify": True,
}
_VARIABLE = {colour.drawn: f"var({colour.variable})" for colour in COLOURS}
_DRAWN = re.compile("|".join(_VARIABLE))
_FONT = re.compile(r"font(?:-family)?:[^;]*")
_SIZE = re.compile(r"([\d.]+)px")
_DIGITS = re.compile(r"-?\d+\.\d{3,}")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")
_STEPS = (1, 2, 5)


class Drawing:
    """A figure of `WIDTH` by `height` px, and what its points say."""

    def __init__(self, name: str, height: float) -> None:
        self.name = name
        self.figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, layout="constrained")
        self._marks: dict[str, tuple[str, dict[str, str]]] = {}

    def mark(self, artist: Artist, title: str, **values: str | float | None) -> None:
        """Let a point say what it is: a title to hover over, and `values` as data attributes, exact to the last digit.

        A value of None has no attribute. "_" in a name becomes "-".
        """
        gid = f"{self.name}-mark-{len(self._marks)}"
        artist.set_gid(gid)
        data = {
            f"data-{key.replace('_', '-')}": printable(value) if isinstance(value, str) else repr(value)
            for key, value in values.items()
            if value is not None
        }
        self._marks[gid] = printable(title), data

    def legend(self, handles: Sequence[Artist], columns: int = 2) -> None:
        """Above the axes."""
        self.figure.legend(handles=list(handles), loc="outside upper left", ncols=columns)

    def chart(self, title: str, description: str, table: SideTable | None = None) -> Chart:
        title, description = printable(title), printable(description)
        return Chart(self.name, title, self._svg(title, description), description, table)

    def _svg(self, title: str, description: str) -> str:
        text = io.StringIO()
        with warnings.catch_warnings():
            # The page's font has the letters that Matplotlib's lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.figure.savefig(
                text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
            )
        root = ElementTree.fromstring(text.getvalue())
        self._for_page(root)
        for tag, value in (("desc", description), ("title", title)):
            element = ElementTree.Element(f"{{{_SVG}}}{tag}", id=f"{self.name}-{tag}")
            element.text = value
            root.insert(0, element)
        ElementTree.register_namespace("", _SVG)
        return _DRAWN.sub(lambda found: _VARIABLE[found[0]], ElementTree.tostring(root, encoding="unicode"))

    def _for_page(self, root: ElementTree.Element) -> None:
        view = root.attrib["viewBox"]
        root.attrib.clear()
        root.attrib.update(
            {
                "viewBox": view,
                "role": "img",
                "class": "chart",
                "aria-labelledby": f"{self.name}-title {self.name}-desc",
                "style": f"width:100%;height:auto;max-width:{WIDTH}px",
            }
        )
        for parent in list(root.iter()):
            for child in list(parent):
                if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                    parent.remove(child)
        elements = list(root.iter())
        used = {e.attrib[_LINK].removeprefix("#") for e in elements if _LINK in e.attrib}
        used |= {n for e in elements for n in re.findall(r"url\(#([^)]*)\)", " ".join(e.attrib.values()))}
        for element in elements:
            self._clean(element, used)

    def _clean(self, element: ElementTree.Element, used: set[str]) -> None:
        gid = element.attrib.pop("id", "")
        if gid in used:
            element.set("id", self._own(gid))
        if gid in self._marks:
            title, data = self._marks[gid]
            element.set("class", "point")
            element.attrib.update(data)
            label = ElementTree.Element(f"{{{_SVG}}}title")
            label.text = title
            element.insert(0, label)
        if _LINK in element.attrib:
            element.set("href", f"#{self._own(element.attrib.pop(_LINK).removeprefix('#'))}")
        for key, value in element.attrib.items():
            if key.startswith("data-"):
                continue
            value = re.sub(r"url\(#([^)]*)\)", lambda found: f"url(#{self._own(found[1])})", value)
            if key == "style":
                value = ";".join(filter(None, (part.strip() for part in _FONT.sub(_font, value).split(";"))))
                value = value.replace(": ", ":")
            if key in ("d", "x", "y", "transform", "style", "points", "cx", "cy"):
                value = _DIGITS.sub(lambda found: f"{float(found[0]):.2f}", value)
            if key == "d":
                value = " ".join(value.split())
            if key == "transform":
                value = _NO_TURN.sub("", value)
            element.set(key, value)
        # Layout white space of Matplotlib's writer; text of <text> and <title> stays.
        if element.tag not in (f"{{{_SVG}}}text", f"{{{_SVG}}}title", f"{{{_SVG}}}tspan"):
            element.text = None
        element.tail = None

    def _own(self, name: str) -> str:
        return f"{self.name}-{name}"


def _font(found: re.Match[str]) -> str:
    """The page's own font, in the size that was laid out."""
    size = _SIZE.search(found[0])
    weight = ";font-weight:bold" if "bold" in found[0] else ""
    return f"font-size:{size[1]}px{weight}" if size else ""


@contextmanager
def drawing(name: str, height: float) -> Iterator[Drawing]:
    """A drawing in the style of the page; to be filled and finished within the block."""
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "svg.hashsalt": name}):
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
    ends = (
        "" if low is None or high is None else f" [{formatting.percent(low)}–{formatting.percent(high)}]"
    )
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
