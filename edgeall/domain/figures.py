"""Figures of a picture that tell what kind of picture it is: background, exposure, colour and stain, texture and focus.

They are sums over integers, so that every machine finds the same ones, save for the last bit of a logarithm. None asks
more of a picture than one pixel in four of each side, and one row and one column in four at full resolution: a picture
of 224 x 224 takes a third of a millisecond.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgeall.pixels import ByteImage

GRID = 56
"""Pixels a side, about, that background and colour are measured on; rows and columns that texture is measured on."""

BLACK = 16
"""Largest mean of red, green and blue (of 255) of a pixel that counts as black: cut away, or unlit."""

FINE, COARSE = 1, 4
"""Distances, in pixels of the square, over which texture is measured."""

_FEWEST_LIT = 30
"""Fewer lit pixels of the grid than this have no colour of their own: all pixels are measured then."""

_DIM, _FLAT = 3.0, 1.5
"""Added to a sum of three bytes, and to its spread, so that the logarithm of nothing is finite."""

_SMOOTH = 0.3
"""Added to a mean difference of sums of three bytes: rounding to bytes alone makes one of about 1."""

NAMES = (
    *("black", "edge", "bright", "exposure", "contrast", "skew"),
    *("magenta", "red", "magenta_spread", "red_spread", "dye", "fine", "coarse", "sharp"),
)
"""Of the figures, in their order."""

POSSIBLE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"black": (0, 1), "edge": (0, 1), "bright": (0, 1), "skew": (-1, 1), "dye": (-1, 1)}
)
"""Least and greatest value that a figure can have; the others are without bounds."""

Sums = npt.NDArray[np.int16]


def figures(pixels: ByteImage) -> dict[str, float]:
    """The figures of RGB bytes (size, size, 3), by name.

    "Lit" pixels are those that are not black (`BLACK`). Brightness is the sum of the three bytes.

    - `black`: share of black pixels.
    - `edge`: mean brightness of the outermost pixels of the grid, as a share of white.
    - `bright`: share of the lit pixels that are brighter than 80 % of their 95th percentile: an empty background.
    - `exposure`: logarithm of the lit pixels' mean brightness, as a share of white.
    - `contrast`: logarithm of their coefficient of variation.
    - `skew`: of their brightness: (q95 + q05 - 2 q50) / (q95 - q05), in [-1, 1].
    - `magenta`, `red`: mean of (R + B) / 2 - G and of R - B, over the mean of R, G and B.
    - `magenta_spread`, `red_spread`: logarithms of their standard deviations, over the same mean.
    - `dye`: correlation of brightness and of (R + B) / 2 - G, in [-1, 1].
    - `fine`, `coarse`: logarithms of the mean absolute second difference of brightness over `FINE` and `COARSE` pixels,
      among lit pixels, over their mean brightness.
    - `sharp`: `fine` - `coarse`.
    """
    step = max(1, round(pixels.shape[0] / GRID))
    first = step // 2
    grid = pixels[first::step, first::step]
    red, green, blue = (grid[..., channel].astype(np.int16) for channel in range(3))
    red_and_blue = red + blue
    bright = red_and_blue + green
    lit = bright > 3 * BLACK
    count = int(np.count_nonzero(lit))
    found = {"black": 1 - count / lit.size, "edge": _edge(bright)}
    if count < _FEWEST_LIT:
        lit, count = np.ones_like(lit), lit.size
    lit_bright = bright[lit]
    table = np.array([lit_bright, (red_and_blue - 2 * green)[lit], (red - blue)[lit]], np.float64)
    # Whole numbers below 2**53: the order of the additions does not change the sums.
    mean, products = table.sum(axis=1) / count, (table @ table.T) / count
    spread = [math.sqrt(max(0.0, products[i, i] - mean[i] * mean[i])) + _FLAT for i in range(3)]
    level = mean[0] + _DIM
    running = np.cumsum(np.bincount(lit_bright, minlength=766))
    q05, q50, q95 = (
        int(value) for value in np.searchsorted(running, (0.05 * count, 0.5 * count, 0.95 * count))
    )
    found |= {
        "bright": 1 - int(running[q95 * 4 // 5]) / count,
        "exposure": math.log(level / 765),
        "contrast": math.log(spread[0] / level),
        "skew": (q95 + q05 - 2 * q50) / (q95 - q05 + _DIM),
        "magenta": 1.5 * mean[1] / level,
        "red": 3 * mean[2] / level,
        "magenta_spread": math.log(1.5 * spread[1] / level),
        "red_spread": math.log(3 * spread[2] / level),
        "dye": (products[0, 1] - mean[0] * mean[1]) / (spread[0] * spread[1]),
    }
    lines = _Lines(pixels, step)
    fine, coarse = (lines.roughness(distance) - math.log(level) for distance in (FINE, COARSE))
    return {name: float(value) for name, value in found.items()} | {
        "fine": fine,
        "coarse": coarse,
        "sharp": fine - coarse,
    }


def _edge(bright: Sums) -> float:
    sides = bright[0], bright[-1], bright[:, 0], bright[:, -1]
    return sum(int(side.sum()) for side in sides) / (765 * sum(side.size for side in sides))


class _Lines:
    """Brightness along one row and one column in some (pixels, lines), and which pixels of them are lit."""

    def __init__(self, pixels: ByteImage, step: int) -> None:
        # Neighbours on a line are whole rows of the table.
        rows, columns = pixels[step :: 2 * step].swapaxes(0, 1), pixels[:, step :: 2 * step]
        lines = np.concatenate((rows, columns), axis=1)
        self.bright = lines[..., 0].astype(np.int16)
        self.bright += lines[..., 1]
        self.bright += lines[..., 2]
        self.lit = self.bright > 3 * BLACK

    def roughness(self, distance: int) -> float:
        """Logarithm of the mean absolute second difference over `distance`, of lit pixels of all lines together."""
        before, here, after = slice(-2 * distance), slice(distance, -distance), slice(2 * distance, None)
        lit = self.lit[before] & self.lit[after]
        lit &= self.lit[here]
        change = self.bright[before] + self.bright[after]
        change -= self.bright[here]
        change -= self.bright[here]
        np.abs(change, out=change)
        change *= lit
        return math.log((int(change.sum(dtype=np.int64)) + 1) / (int(np.count_nonzero(lit)) + 1) + _SMOOTH)
