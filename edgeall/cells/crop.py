"""Cuts a cell out of a field as a square picture of its own, as sets of single cells have them."""

import math

import numpy as np

from edgeall.cells.cell import Cell
from edgeall.cells.regions import dilated
from edgeall.pixels.mapping import ByteImage

_RIM = 0.02
"""Width of the rim that is kept round a cell on black, as a share of its longer side."""

_SLIDE = 90
"""Percentile of green from which a pixel counts as empty slide."""


def cut_out(field: ByteImage, cell: Cell, *, margin: float, on_black: bool) -> ByteImage:
    """The square round a cell, at the resolution of the field.

    What the square has outside of the field is black with `on_black`, else of the colour of the square's brightest
    tenth, which is empty slide.

    Args:
        field: RGB bytes (H, W, 3) that the cell was found in.
        margin: added on each side, as a share of the longer side of the cell's box; 0 or more.
        on_black: all but the cell and a rim of 2 % of its longer side becomes black.

    Returns:
        RGB bytes (side, side, 3).
    """
    box, (height, width) = cell.box, field.shape[:2]
    longer = max(box.width, box.height)
    side = max(1, math.ceil(longer * (1 + 2 * margin)))
    left, top = (box.left + box.right - side) // 2, (box.top + box.bottom - side) // 2
    # Of a field's edge the square has what there is.
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    part = field[y0:y1, x0:x1]
    square = np.zeros((side, side, 3), np.uint8)
    inside = square[y0 - top : y1 - top, x0 - left : x1 - left]
    if not on_black:
        if part.shape[:2] != (side, side):
            square[...] = _slide(part)
        inside[...] = part
        return square
    mask = np.zeros((side, side), bool)
    mask[box.top - top : box.bottom - top, box.left - left : box.right - left] = cell.mask
    kept = dilated(mask, _RIM * longer)[y0 - top : y1 - top, x0 - left : x1 - left]
    inside[kept] = part[kept]
    return square


def _slide(part: ByteImage) -> ByteImage:
    green = part[..., 1]
    colour: ByteImage = np.median(part[green >= np.percentile(green, _SLIDE)], axis=0).astype(np.uint8)
    return colour
