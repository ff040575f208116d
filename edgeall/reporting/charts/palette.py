"""The colours of charts, light and dark: CSS variables, so that a page changes them without drawing again.

Each reaches a contrast of 3:1 with its surface (WCAG 2.2, 1.4.11), text colours 4.5:1 (1.4.3). The six of series start
from Okabe and Ito's, which people with a colour vision deficiency tell apart; shapes and dashes do as well.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """A CSS variable and its values.

    Attributes:
        drawn: stands for it while Matplotlib draws; no two are equal.
    """

    variable: str
    drawn: str
    light: str
    dark: str


INK = Colour("--ink", "#010203", "#1b1f24", "#e8eaed")
MUTED = Colour("--muted", "#010204", "#59626d", "#a3abb5")
GRID = Colour("--grid", "#010205", "#d9dde2", "#363c45")
SURFACE = Colour("--surface", "#010206", "#ffffff", "#14171b")
SERIES = (
    Colour("--c1", "#020101", "#0068a8", "#5bb3ee"),
    Colour("--c2", "#020102", "#c04f00", "#f0883e"),
    Colour("--c3", "#020103", "#00806a", "#3ecfae"),
    Colour("--c4", "#020104", "#a8457f", "#e79cc8"),
    Colour("--c5", "#020105", "#7a6500", "#d8c63f"),
    Colour("--c6", "#020106", "#5b4bb5", "#a79bff"),
)
COLOURS = (INK, MUTED, GRID, SURFACE, *SERIES)


def css() -> str:
    """The variables as a style sheet: dark where the reader's system is, light on paper."""
    light = "".join(f"{colour.variable}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"{colour.variable}:{colour.dark};" for colour in COLOURS)
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
