"""Pictures drawn from a number: the same bytes on every platform and with every version of NumPy.

A picture resembles a field or a single cell of a smear: a ground with a gradient and texture, and soft-edged cells with
darker nuclei. Nothing is random and nothing is floating-point: all arithmetic is on whole numbers of 32 bits, which
NumPy defines exactly. Its random streams and its transcendental functions may change with a version or a processor.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from edgeall.pixels import ByteImage

_GRID = 1024
"""Cells are placed and sized on a square of 1024 x 1024, whatever the size of the picture in pixels."""
_WORD = 0xFFFFFFFF
_NATURAL = ((230, 212, 220), (214, 168, 186), (104, 56, 134))
"""Ground, cytoplasm and nucleus under a Romanowsky stain, roughly; RGB."""

Grid = npt.NDArray[np.int32]


def picture(seed: int, size: int) -> ByteImage:
    """The picture of a seed (0 to 2^31 - 1) as RGB bytes (size, size, 3)."""
    draw = _Draws(seed)
    ground, cytoplasm, nucleus = (_near(draw, colour) for colour in _NATURAL)
    if draw.below(4) == 0:  # a cell cut out on black, as segmented data sets have it
        ground = (draw.below(6), draw.below(6), draw.below(6))
    rows, columns = _coordinates(size)
    canvas = np.empty((size, size, 3), np.int32)
    slope = draw.between(-40, 40), draw.between(-40, 40)
    light = (slope[0] * (rows - _GRID // 2) + slope[1] * (columns - _GRID // 2)) // _GRID
    canvas[:] = np.asarray(ground, np.int32) + light[..., None]
    texture = _texture(draw.word(), rows, columns, shift=draw.between(4, 7))
    strength = draw.between(4, 48)
    cells = (1, 1, 2, 3, 5, 8)[draw.below(6)]
    for _ in range(cells):
        radius = draw.between(260, 440) if cells == 1 else draw.between(90, 230)
        middle = [draw.between(400, 624) if cells == 1 else draw.between(60, 964) for _ in range(2)]
        _blob(canvas, rows, columns, middle, radius, draw.between(40, 100), cytoplasm)
        for _ in range(draw.between(1, 4)):
            off = [place + draw.between(-radius, radius) // 4 for place in middle]
            within = radius * draw.between(30, 85) // 100
            _blob(canvas, rows, columns, off, within, draw.between(40, 100), nucleus)
    canvas += ((texture - 128) * strength >> 8)[..., None]
    grain = draw.between(0, 24)
    canvas += _grain(draw.word(), size) * grain >> 8
    # From full contrast down to a third of it, around a middle grey: answers then spread, and few are at an end.
    contrast, middle_grey = draw.between(85, 256), draw.between(90, 190)
    canvas = ((canvas - middle_grey) * contrast >> 8) + middle_grey
    return canvas.clip(0, 255).astype(np.uint8)


def pictures(seeds: Sequence[int], size: int) -> ByteImage:
    """The pictures of some seeds, (n, size, size, 3)."""
    return np.stack([picture(seed, size) for seed in seeds])


def digest(images: ByteImage) -> str:
    """Hexadecimal SHA-256 over the bytes of pictures."""
    return hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()


class _Draws:
    """Whole numbers that follow from a seed, one after the other."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0x9E3779B1 + 1) & _WORD

    def word(self) -> int:
        """The next number of 32 bits: a Weyl sequence through `_mixed`."""
        self._state = (self._state + 0x9E3779B9) & _WORD
        x = self._state
        x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _WORD
        x = ((x ^ (x >> 13)) * 0xC2B2AE35) & _WORD
        return x ^ (x >> 16)

    def below(self, end: int) -> int:
        """0 to end - 1."""
        return (self.word() >> 8) % end

    def between(self, low: int, high: int) -> int:
        """low to high, both included."""
        return low + self.below(high - low + 1)


def _mixed(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """MurmurHash3's finalizer (A. Appleby, public domain): each bit of a number depends on all of its bits."""
    x = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


@cache
def _coordinates(size: int) -> tuple[Grid, Grid]:
    """Rows (size, 1) and columns (1, size) on the grid."""
    places = ((np.arange(size, dtype=np.int32) * 2 + 1) * (_GRID // 2)) // np.int32(size)
    return places[:, None], places[None, :]


def _near(draw: _Draws, colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = (value + draw.between(-36, 24) for value in colour)
    return red, green, blue


def _blob(
    canvas: Grid,
    rows: Grid,
    columns: Grid,
    middle: Sequence[int],
    radius: int,
    flatness: int,
    colour: tuple[int, int, int],
) -> None:
    """Draw an ellipse, soft over its outer fifth. `radius`: of its upright axis; `flatness`: the other's per cent."""
    down, right = rows - np.int32(middle[0]), columns - np.int32(middle[1])
    above, below = np.searchsorted(down[:, 0], (-radius, radius + 1))
    left, beyond = np.searchsorted(right[0], (-radius, radius + 1))
    down, right = down[above:below], right[:, left:beyond]
    # Less than 2^22 each.
    far = down * down + (right * right // np.int32(flatness)) * np.int32(100)
    full = radius * radius
    cover = np.clip(np.int32(full) - far, 0, full // 5) * np.int32(256) // np.int32(max(1, full // 5))
    part = canvas[above:below, left:beyond]
    part += (np.asarray(colour, np.int32) - part) * cover[..., None] >> 8


def _texture(seed: int, rows: Grid, columns: Grid, shift: int) -> Grid:
    """Smooth noise (size, size) of 0 to 255: numbers on a lattice of 2^shift, interpolated bilinearly."""
    step = 1 << shift
    i, j, y, x = rows >> shift, columns >> shift, rows & (step - 1), columns & (step - 1)

    def corner(down: int, right: int) -> Grid:
        number = ((i + down) * 1031 + (j + right)).astype(np.uint32) + np.uint32(seed)
        return (_mixed(number) >> np.uint32(24)).astype(np.int32)

    upper = corner(0, 0) * (step - x) + corner(0, 1) * x
    lower = corner(1, 0) * (step - x) + corner(1, 1) * x
    return np.asarray((upper * (step - y) + lower * y) >> (2 * shift))


def _grain(seed: int, size: int) -> Grid:
    """Noise of single values, (size, size, 3), of -128 to 127."""
    number = np.arange(size * size * 3, dtype=np.uint32) + np.uint32(seed)
    return ((_mixed(number) >> np.uint32(24)).astype(np.int32) - 128).reshape(size, size, 3)
