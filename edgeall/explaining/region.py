"""The part of a picture that is explained, and what fills the parts of it that are removed."""

import numpy as np
import numpy.typing as npt

from edgeall.cells.regions import filled
from edgeall.domain.figures import BLACK
from edgeall.pixels import ByteImage

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float64]

_LEAST = 0.02
"""Share of the picture below which the lit part is no cell: the whole picture is explained then."""


def cell_of(pixels: ByteImage) -> Mask:
    """The cell of a picture on black: its lit pixels, without holes. The whole picture where none of it is black.

    Args:
        pixels: RGB bytes (size, size, 3).
    """
    lit = pixels.sum(axis=2, dtype=np.int32) > 3 * BLACK
    whole = filled(lit, lit.size)
    return whole if whole.mean() >= _LEAST else np.ones_like(whole)


def filling(pixels: ByteImage, cell: Mask, reach: float) -> ByteImage:
    """Each pixel of the cell as the weighted mean of the cell's pixels about it: colours stay, structure goes.

    The ground does not flow in: a removed part does not look like ground, which would itself be evidence.

    Args:
        pixels: RGB bytes (size, size, 3).
        reach: standard deviation of the Gaussian weights, in pixels.
    """
    weight = np.maximum(smooth(cell.astype(np.float64), reach), 1e-9)
    planes = [smooth(np.where(cell, pixels[..., channel], 0.0), reach) / weight for channel in range(3)]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


def smooth(plane: Plane, reach: float) -> Plane:
    """A square plane under a Gaussian of standard deviation `reach`, in pixels. Nothing lies beyond its edges."""
    places = np.arange(len(plane))
    kernel = np.exp(-0.5 * ((places[:, None] - places) / reach) ** 2)
    kernel /= reach * np.sqrt(2 * np.pi)
    return np.asarray(kernel @ plane @ kernel)


def tenth(ranks: Plane, cell: Mask) -> Mask:
    """The tenth of a cell's pixels that `ranks` puts highest."""
    count = max(1, round(0.1 * np.count_nonzero(cell)))
    order = np.argsort(np.where(cell, -ranks, np.inf), axis=None, kind="stable")
    chosen = np.zeros(cell.size, bool)
    chosen[order[:count]] = True
    return chosen.reshape(cell.shape)
