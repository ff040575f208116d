"""What every chart of a page is: a drawing, its words, and the plotted values as a table."""

from dataclasses import dataclass

from edgeall.reporting.results_table import SideTable


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        name: unique on the page, a valid HTML id.
        title: plain text.
        svg: `<svg role="img" aria-labelledby=…>` that scales with the page: a view box without width and height. Its
            colours are the CSS variables --ink, --muted, --grid, --surface and --c1 to --c6, its text is text. "" where
            there is nothing to draw.
        description: one or two sentences of plain text on what the chart shows, for people who do not see it.
        table: the plotted values, where a table of them is a fair equal.
        gap: why there is nothing to draw, plain text; "" where there is.
    """

    name: str
    title: str
    svg: str
    description: str
    table: SideTable | None = None
    gap: str = ""


def missing(name: str, title: str, why: str) -> Chart:
    """A chart that cannot be drawn, with the reason."""
    return Chart(name, title, "", "", None, why)
