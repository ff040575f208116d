"""The colours of charts, light and dark: CSS variables, so that a page changes them without drawing again.

Each reaches a contrast of 3:1 with its surface (WCAG 2.2, 1.4.11), text colours 4.5:1 (1.4.3). Any two of the six of
series differ by 30 or more in CIELAB, also as people with protanopia, deuteranopia or tritanopia see them (Machado,
Oliveira and Fernandes, IEEE TVCG 15, 2009): they were searched for under these conditions, near Okabe and Ito's. Shapes
and dashes tell series apart as well.
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
SURFACE = Colour("--surface", "#010206", "#ffffff", "#171d24")
SERIES = (
    Colour("--c1", "#020101", "#207db0", "#6ee3ff"),
    Colour("--c2", "#020102", "#ad7002", "#c25823"),
    Colour("--c3", "#020103", "#003133", "#ddf6c5"),
    Colour("--c4", "#020104", "#ec4f6a", "#86697f"),
    Colour("--c5", "#020105", "#4c3606", "#fcc100"),
    Colour("--c6", "#020106", "#8545ee", "#4f6bff"),
)
COLOURS = (INK, MUTED, GRID, SURFACE, *SERIES)


def css() -> str:
    """The variables as a style sheet: dark where the reader's system is, light on paper."""
    light = "".join(f"{colour.variable}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"{colour.variable}:{colour.dark};" for colour in COLOURS)
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
