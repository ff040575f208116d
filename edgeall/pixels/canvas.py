"""An RGB picture that arrives in bands of rows, kept only as large as its square needs it.

Pillow holds four bytes a pixel, so that a picture of 100 million pixels takes 400 MB, and as much again for every
conversion. Pictures over `WHOLE` pixels are therefore reduced on arrival: for antialiased filters by the mean of whole
blocks of pixels that leave at least four times the square's size (within 1 of 255 of filtering the whole picture); for
the others to the rows and columns that they read.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels import square
from edgeall.pixels.mapping import Resize

WHOLE = 25_000_000
"""Pixels up to which a picture is kept whole, and treated as Pillow alone would."""

_GAP = 4
_BAND = 2**21

Turn = Image.Transpose | None


def bands_of(image: Image.Image) -> list[tuple[int, int]]:
    """First and last row of the bands in which a decoded picture is converted: one band unless it is large."""
    width, height = image.size
    rows = height if width * height <= WHOLE else max(1, _BAND // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


class Canvas:
    """Takes bands of an RGB picture from top to bottom, and makes a square of them."""

    def __init__(self, size: tuple[int, int], turn: Turn, to: Resize) -> None:
        """`size`: width and height as stored. `turn`: what sets the stored picture upright."""
        self._size, self._turn, self._to = size, turn, to
        self._top = 0
        self._whole: Image.Image | None = None
        self._kept: list[npt.NDArray[np.uint8]] = []
        self._pending: Image.Image | None = None
        self._large = size[0] * size[1] > WHOLE
        upright = size if turn not in _SWAPPING else (size[1], size[0])
        self._box = square.region(upright, to) if self._large else (0, 0, *upright)
        self._stored_box = _as_stored(self._box, upright, turn)
        self._blocks = (1, 1)
        if self._large and to.antialiased:
            self._blocks = self._mean_blocks()
        self._picks = square.picks(upright, to) if self._large and not to.antialiased else None
        if self._picks is not None:
            self._columns, self._rows = _picks_as_stored(self._picks, upright, turn)

    def add(self, band: Image.Image) -> None:
        """The next rows, mode RGB, of the picture's whole width."""
        top, self._top = self._top, self._top + band.height
        if self._picks is not None:
            rows = self._rows[(self._rows >= top) & (self._rows < self._top)] - top
            self._kept += [np.asarray(band.crop((0, r, band.width, r + 1)))[:, self._columns] for r in rows]
        elif self._blocks == (1, 1):
            self._paste(band, top)
        else:
            self._reduce(band, top)

    def square(self) -> Image.Image:
        """The picture as `to.size` x `to.size` pixels, upright."""
        if self._picks is not None:
            picked = _turned(Image.fromarray(np.concatenate(self._kept)), self._turn)
            return Image.fromarray(square.sampled(np.asarray(picked), self._picks))
        if self._whole is not None and self._blocks == (1, 1):
            if not self._large:
                return square.resized(_turned(self._whole, self._turn), self._to)
            return _turned(square.resized(self._whole, self._inner()), self._turn)
        self._flush(last=True)
        reduced = Image.fromarray(np.concatenate(self._kept))
        left, top, right, bottom = self._stored_box
        taken = (right - left, bottom - top)
        return _turned(square.resized(reduced, self._inner(), taken, self._blocks), self._turn)

    def _inner(self) -> Resize:
        """What is left to do once the region is cut out."""
        fit = "stretch" if self._to.fit == "crop" else self._to.fit
        return Resize(self._to.size, fit, self._to.filter)

    def _mean_blocks(self) -> tuple[int, int]:
        left, top, right, bottom = self._stored_box
        width, height = right - left, bottom - top
        least = _GAP * self._to.size
        across, down = max(1, width // least), max(1, height // least)
        if self._to.fit == "letterbox":
            # The shorter side gets its bars at full size; see `square.resized`.
            return (across, 1) if width >= height else (1, down)
        return across, down

    def _paste(self, band: Image.Image, top: int) -> None:
        left, upper, right, lower = self._stored_box
        if self._whole is None:
            if band.size == self._size and self._stored_box == (0, 0, *self._size):
                self._whole = band
                return
            self._whole = Image.new("RGB", (right - left, lower - upper))
        self._whole.paste(band, (-left, top - upper))

    def _reduce(self, band: Image.Image, top: int) -> None:
        left, upper, right, lower = self._stored_box
        first, last = max(top, upper) - top, min(top + band.height, lower) - top
        if first >= last:
            return
        part = band.crop((left, first, right, last))
        if self._pending is not None:
            joined = Image.new("RGB", (part.width, self._pending.height + part.height))
            joined.paste(self._pending, (0, 0))
            joined.paste(part, (0, self._pending.height))
            part = joined
        self._pending = part
        self._flush(last=False)

    def _flush(self, last: bool) -> None:
        if self._pending is None:
            return
        width, height = self._pending.size
        ready = height if last else height - height % self._blocks[1]
        if ready:
            reduced = self._pending.crop((0, 0, width, ready)).reduce(self._blocks)
            self._kept.append(np.asarray(reduced))
        self._pending = self._pending.crop((0, ready, width, height)) if ready < height else None


_SWAPPING = (
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
)
# Whether setting upright reverses the stored rows, and the stored columns.
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


def _turned(image: Image.Image, turn: Turn) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _as_stored(
    box: tuple[int, int, int, int], upright: tuple[int, int], turn: Turn
) -> tuple[int, int, int, int]:
    (left, top, right, bottom), (width, height) = box, upright
    if turn in _SWAPPING:
        left, top, right, bottom = top, left, bottom, right
        width, height = height, width
    rows, columns = _REVERSES[turn]
    if columns:
        left, right = width - right, width - left
    if rows:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _picks_as_stored(
    picks: "square.Picks", upright: tuple[int, int], turn: Turn
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Columns and rows of the stored picture, ascending."""
    (columns, rows), (width, height) = (picks.across.needed, picks.down.needed), upright
    if turn in _SWAPPING:
        columns, rows, width, height = rows, columns, height, width
    reversed_rows, reversed_columns = _REVERSES[turn]
    return (
        np.sort(width - 1 - columns) if reversed_columns else columns,
        np.sort(height - 1 - rows) if reversed_rows else rows,
    )
