"""Where a field has nuclear stain, whatever the camera's white balance and exposure.

Optical density, -log10 of the transmitted share of light, is proportional to the amount of a stain (Beer-Lambert). The
empty slide of the picture itself is the full light, so that lamp, exposure and white balance cancel. Haemoglobin and
eosin colour red cells, and absorb blue most. What red cells absorb of red and green for each unit of blue is measured
in the picture, and subtracted: azure and methylene blue, which stain nuclei, remain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.cells.regions import Mask
from edgeall.pixels.mapping import ByteImage

Map = npt.NDArray[np.float32]

_DARK = 12
"""Greatest green of what is no part of the field: the black frame of an eyepiece, a cut-out cell's background."""

_LEAST = 0.02
"""Least optical density in blue at which a pixel tells a stain's colour; below it is noise."""

_DENSE = 0.6
"""Share of the slide's green light below which all cells count as equally dark. Red cells of BCCD's fields transmit
0.75 to 0.84 of it in the median, densely stained nuclei a tenth. A cut between these two would take red cells for
slide."""

_REDDEST = 0.6
"""Greatest difference of a red cell's densities in green and blue, as a share of that in green. Those of BCCD's
even-numbered fields have -0.15 to 0.49 in the median, nuclei 0.84 to 1.33."""

_FEW = 0.02
"""Least share of red cells in the area of all cells for their colour to be measured."""

_HAEMOGLOBIN = (0.043, 0.105, 0.082)
"""Optical densities in red, green and blue of red cells where there are too few: the medians of BCCD's
even-numbered fields."""


@dataclass(frozen=True)
class Stain:
    """The stain of a field.

    Attributes:
        nuclear: float32 (H, W), optical density in red and green beyond what red cells have at the same density in
            blue. About 0 on empty slide and red cells, 0.1 to 1 on nuclei.
        cells: what absorbs green light, that is, cells of all kinds.
        red: cells without nuclear stain.
        density: optical density of red cells in green: the median of `red`, or a typical one where there are few.
    """

    nuclear: Map
    cells: Mask
    red: Mask
    density: float


def separate(pixels: ByteImage) -> Stain | None:
    """The stain of RGB bytes (H, W, 3); None for a picture without cells on a brighter background."""
    green = pixels[..., 1]
    lit = green > _DARK
    if np.count_nonzero(lit) < 2:
        return None
    cut = slide_cut(green[lit])
    bright, cells = green > cut, lit & (green <= cut)
    if not (bright.any() and cells.any()):
        return None
    light = np.median(pixels[bright], axis=0)
    # One is added so that black has a density.
    table = np.log10((light + 1.0) / (np.arange(256.0)[:, None] + 1.0)).astype(np.float32)
    red, green, blue = (table[pixels[..., channel], channel] for channel in range(3))
    blueness = green - blue
    plain = cells & (blue > _LEAST) & (blueness <= np.maximum(otsu(blueness[lit]), _REDDEST * green))
    if np.count_nonzero(plain) >= _FEW * np.count_nonzero(cells):
        densities = [float(np.median(channel[plain])) for channel in (red, green, blue)]
    else:
        densities = list(_HAEMOGLOBIN)
    nuclear = red + green - np.float32((densities[0] + densities[1]) / densities[2]) * blue
    nuclear[~lit] = 0
    return Stain(nuclear, cells, plain, densities[1])


def slide_cut(green: npt.NDArray[np.uint8] | Map) -> float:
    """The value of green above which a pixel is empty slide; cells of all kinds are below."""
    return otsu(np.maximum(green, _DENSE * float(np.percentile(green, 95))))


def otsu(values: npt.NDArray[Any]) -> float:
    """The cut of a set of values into two classes of the least variance within (Otsu 1979), by 256 bins."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    weight, moment = np.cumsum(counts).astype(float), np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (moment[-1] * weight / weight[-1] - moment) ** 2 / (weight * (weight[-1] - weight))
    # Between two classes every empty bin is as good: their middle is taken.
    best = np.flatnonzero(between == np.nanmax(between[:-1])) if np.isfinite(between[:-1]).any() else [0]
    return float(edges[1 + int(np.mean(best))])
