"""Reduces an RGB picture that arrives in bands of rows by a whole number, so that its longer side is bounded.

Each pixel of the result is the mean of a block of pixels, and its aspect ratio is the picture's.
"""

import math

from PIL import Image

from edgeall.pixels.canvas import Canvas, Turn, turned
from edgeall.pixels.mapping import Resize
from edgeall.values import dataclass

DECODED = (8, 4, 2, 1)
"""Numbers by which JPEG decoders reduce, the largest first."""


@dataclass(frozen=True)
class Bounded:
    """A picture whole, reduced by the least whole number by which its longer side is at most `longest` pixels."""

    longest: int

    def factor(self, size: tuple[int, int]) -> int:
        """The reduction of a picture of this width and height."""
        return max(1, math.ceil(max(size) / self.longest))

    def reduced(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of the result; the last block of a row or column can be smaller than the others."""
        factor = self.factor(size)
        return math.ceil(size[0] / factor), math.ceil(size[1] / factor)


class BoundedCanvas:
    """Collects bands of an RGB picture from top to bottom, and reduces them."""

    def __init__(self, size: tuple[int, int], turn: Turn, to: Bounded) -> None:
        """`size`: width and height as stored. `turn`: transposition that sets the stored picture upright."""
        self._turn, self._factor = turn, to.factor(size)
        self._result = Image.new("RGB", to.reduced(size))
        self._done = 0
        self._rest: Image.Image | None = None

    def add(self, band: Image.Image) -> None:
        """The next rows, mode RGB, of the picture's whole width."""
        if self._rest is not None:
            band = _stacked(self._rest, band)
        whole = band.height // self._factor * self._factor
        self._rest = None if whole == band.height else band.crop((0, whole, band.width, band.height))
        if whole:
            self._place(band if whole == band.height else band.crop((0, 0, band.width, whole)))

    def finished(self) -> Image.Image:
        """The reduced picture, upright."""
        if self._rest is not None:
            self._place(self._rest)
            self._rest = None
        return turned(self._result, self._turn)

    def _place(self, rows: Image.Image) -> None:
        reduced = rows if self._factor == 1 else rows.reduce(self._factor)
        self._result.paste(reduced, (0, self._done))
        self._done += reduced.height


def canvas(size: tuple[int, int], turn: Turn, to: Resize | Bounded) -> Canvas | BoundedCanvas:
    """An empty canvas for a picture of this stored width and height."""
    return BoundedCanvas(size, turn, to) if isinstance(to, Bounded) else Canvas(size, turn, to)


def least_decoded(size: tuple[int, int], to: Resize | Bounded) -> tuple[int, int] | None:
    """Width and height that suffice of a picture that its decoder can reduce; None where it needs every pixel."""
    if isinstance(to, Bounded):
        # The decoder's part of the whole reduction: what it leaves must be a whole number, or all formats would not
        # give the same size. Rounded down, because it takes the largest part that leaves at least so much.
        by = next(part for part in DECODED if to.factor(size) % part == 0)
        return None if by == 1 else (max(1, size[0] // by), max(1, size[1] // by))
    return (2 * to.size, 2 * to.size) if to.antialiased else None


def _stacked(upper: Image.Image, lower: Image.Image) -> Image.Image:
    both = Image.new("RGB", (upper.width, upper.height + lower.height))
    both.paste(upper, (0, 0))
    both.paste(lower, (0, upper.height))
    return both
