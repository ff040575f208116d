"""Resizes an RGB picture that arrives in bands of rows, with little memory.

Pillow uses four bytes a pixel, so that a picture of 100 million pixels takes 400 MB, and as much again for every
conversion. For pictures over `WHOLE` pixels, only the input of the resizing is kept of each band: rows filtered to the
square's width or, for filters that are not antialiased, the pixels that they read.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels import square
from edgeall.pixels.mapping import Resize

WHOLE = 25_000_000
"""Most pixels of a picture that is kept whole. A larger one is rotated upright after resizing: its bytes differ by at
most 1 of 255 from rotation before resizing, and not at all where there is no rotation."""

_BAND_PIXELS = 2**20

Turn = Image.Transpose | None


def bands_of(image: Image.Image) -> list[tuple[int, int]]:
    """First row and end row of the bands in which a decoded picture is converted; one band unless it is large."""
    width, height = image.size
    rows = height if width * height <= WHOLE else max(1, _BAND_PIXELS // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


class Canvas:
    """Collects bands of an RGB picture from top to bottom, and resizes them to a square."""

    def __init__(self, size: tuple[int, int], turn: Turn, to: Resize) -> None:
        """`size`: width and height as stored. `turn`: transposition that sets the stored picture upright."""
        self._size, self._turn, self._to = size, turn, to
        self._top = 0
        self._whole: Image.Image | None = None
        self._kept: list[npt.NDArray[np.uint8]] = []
        self._large = size[0] * size[1] > WHOLE
        upright = (size[1], size[0]) if turn in _SWAPPING else size
        self._box = _stored_box(square.region(upright, to), upright, turn)
        if self._large and not to.antialiased:
            self._indices = square.sampled_indices(upright, to)
            self._columns, self._rows = _as_stored(self._indices, upright, turn)

    def add(self, band: Image.Image) -> None:
        """The next rows, mode RGB, of the picture's whole width."""
        top, self._top = self._top, self._top + band.height
        if not self._large:
            self._paste(band, top)
        elif self._to.antialiased:
            first, last = max(self._box[1] - top, 0), min(self._box[3] - top, band.height)
            if first < last:
                part = band if last - first == band.height else band.crop((0, first, band.width, last))
                self._kept.append(np.asarray(square.filtered_across(part, self._box, self._to)))
        else:
            rows = self._rows[(self._rows >= top) & (self._rows < self._top)] - top
            self._kept += [np.asarray(band.crop((0, r, band.width, r + 1)))[:, self._columns] for r in rows]

    def finished(self) -> Image.Image:
        """The picture as `to.size` x `to.size` pixels, upright."""
        if self._whole is not None:
            return square.resized(turned(self._whole, self._turn), self._to)
        if self._to.antialiased:
            rows = Image.fromarray(np.concatenate(self._kept))
            return turned(square.filtered_down(rows, self._box, self._to), self._turn)
        if not (self._rows.size and self._columns.size):
            # A panorama so narrow that no centre of a letterbox's pixel lies in it.
            return Image.new("RGB", (self._to.size, self._to.size))
        picked = turned(Image.fromarray(np.concatenate(self._kept)), self._turn)
        return Image.fromarray(square.sampled(np.asarray(picked), self._indices))

    def _paste(self, band: Image.Image, top: int) -> None:
        if self._whole is None:
            if band.size == self._size:
                self._whole = band
                return
            self._whole = Image.new("RGB", self._size)
        self._whole.paste(band, (0, top))


_SWAPPING = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
)
# Whether a transposition reverses the stored rows, and the stored columns.
_REVERSES = {
    None: (False, False),
    Image.Transpose.FLIP_LEFT_RIGHT: (False, True),
    Image.Transpose.ROTATE_180: (True, True),
    Image.Transpose.FLIP_TOP_BOTTOM: (True, False),
    Image.Transpose.TRANSPOSE: (False, False),
    Image.Transpose.ROTATE_270: (True, False),
    Image.Transpose.TRANSVERSE: (True, True),
    Image.Transpose.ROTATE_90: (False, True),
}


def turned(image: Image.Image, turn: Turn) -> Image.Image:
    """`image` after a transposition, if any."""
    return image if turn is None else image.transpose(turn)


def _stored_box(box: square.Box, upright: tuple[int, int], turn: Turn) -> square.Box:
    (left, top, right, bottom), (width, height) = box, upright
    if turn in _SWAPPING:
        left, top, right, bottom, width, height = top, left, bottom, right, height, width
    rows, columns = _REVERSES[turn]
    if columns:
        left, right = width - right, width - left
    if rows:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _as_stored(
    sampled_indices: "square.SampledIndices", upright: tuple[int, int], turn: Turn
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Columns and rows of the stored picture, ascending."""
    (columns, rows), (width, height) = (sampled_indices.across.needed, sampled_indices.down.needed), upright
    if turn in _SWAPPING:
        columns, rows, width, height = rows, columns, height, width
    reversed_rows, reversed_columns = _REVERSES[turn]
    return (
        np.sort(width - 1 - columns) if reversed_columns else columns,
        np.sort(height - 1 - rows) if reversed_rows else rows,
    )
