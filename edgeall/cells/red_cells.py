"""The size of a field's red cells, the scale by which everything else is judged.

Red cells are 6 to 8.5 micrometres wide in most people, a ruler in every field. They overlap, so that few stand alone to
be measured. Each edge of a cell votes for the centres that lie inwards at some radius; at the right radius the votes of
a cell meet (a circular Hough transform with gradient directions).
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.cells.stain import Map, slide_cut
from edgeall.pixels.mapping import ByteImage

_SIDE = 240
"""Pixels of the long side at which red cells are measured."""

_MOST_EDGES = 2000
"""Pixels of outlines that vote; a field has about as many."""

_RADII = 20
"""Radii that are tried, from a third of the expected one to three times it."""

_BIN = 0.4
"""Side of a bin of votes, in radii."""

_EXPECTED = 1.9
"""Typical radius in units of cell area / length of outline; 2 for separate discs without pale centres."""

_SPREAD = 0.55
"""Standard deviation of the logarithm of the radius around that."""


def red_cell_diameter(field: ByteImage) -> float | None:
    """Typical diameter of the red cells of a field in its pixels, between their edges; None where nothing is round.

    Of the 126 even-numbered fields of BCCD with three or more published boxes of red cells, the estimates are 0.70 to
    1.28 of the boxes' median side, and 80 % of them 0.78 to 1.07. The least diameter that can be measured is 1/48 of
    the field's longer side.
    """
    height, width = field.shape[:2]
    factor = max(1, round(max(height, width) / _SIDE))
    green = _smooth(np.asarray(Image.fromarray(field).getchannel(1).reduce(factor), np.float32))
    cells = green <= slide_cut(green)
    inner = np.zeros_like(cells)
    inner[1:-1, 1:-1] = cells[:-2, 1:-1] & cells[2:, 1:-1] & cells[1:-1, :-2] & cells[1:-1, 2:]
    edge = cells & ~inner
    edge[[0, -1]] = edge[:, [0, -1]] = False
    y, x = np.nonzero(edge)
    if len(y) < 16 or min(green.shape) < 12:
        return None
    slopes: list[Map] = list(np.gradient(green))
    down, across = slopes[0][y, x], slopes[1][y, x]
    steepness = np.hypot(down, across)
    clear = np.flatnonzero(steepness > np.quantile(steepness, 0.2))
    if not len(clear):
        return None
    expected = _EXPECTED * np.count_nonzero(cells) / len(y)
    taken = clear[np.linspace(0, len(clear) - 1, min(len(clear), _MOST_EDGES)).astype(int)]
    inwards = -np.stack([down, across])[:, taken] / steepness[taken]
    places = np.stack([y, x])[:, taken].astype(np.float64)
    radii = np.geomspace(max(2.5, expected / 3), max(5.0, min(3 * expected, min(green.shape) / 2)), _RADII)
    scores = [
        _agreement(places + inwards * radius, green.shape, _BIN * radius)
        * np.exp(-0.5 * (np.log(radius / expected) / _SPREAD) ** 2)
        for radius in radii
    ]
    return float(2 * radii[int(np.argmax(scores))] * factor)


def _agreement(votes: npt.NDArray[np.float64], shape: tuple[int, int], side: float) -> float:
    """Votes that share a bin with one vote on average, beyond chance, for each pixel of the bin's side.

    A straight edge alone gives 1 at any radius, a whole circle 2 pi / `_BIN`.
    """
    side = max(side, 1.0)
    height, width = shape
    inside = ((votes >= 0) & (votes < [[height], [width]])).all(axis=0)
    votes = votes[:, inside] / side
    count = votes.shape[1]
    columns = int(width / side) + 2
    shared = 0.0
    for shift in (0.0, 0.5):
        row, column = (votes + shift).astype(int)
        shared += float((np.bincount(row * columns + column).astype(float) ** 2).sum()) / 2
    return float((shared / (count + 1) - count * side * side / (height * width)) / side)


def _smooth(values: Map) -> Map:
    for _ in range(2):
        framed = np.pad(values, 1, mode="edge")
        rows = framed[:-2] + 2 * framed[1:-1] + framed[2:]
        values = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return values
