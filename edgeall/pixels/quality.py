"""Is an image fit to be classified at all? A few checks that cannot be wrong about an ordinary smear.

The bounds were set on 300 segmented cells on black (C-NMC 2019) and 364 whole fields (BCCD), of which none is
flagged, with room to spare on both sides. They find what is plainly unfit: an empty field, a lamp turned off, a
washed-out exposure, a thumbnail. They do not judge focus, staining, or whether the picture shows blood.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.mapping import ByteImage

_DARK = 12
"""Luma, of 255, up to which a pixel is background of a segmented cell (JPEG noise around black included)."""

_BRIGHT = 250
"""Luma from which a pixel is clipped, or background of a cell cut out on white."""

_LEAST_RANGE = 20
"""Luma between the 1st and the 99th percentile; the flattest real image has 47."""

_DIM_FIELD, _DIM_CELL = 90, 35
"""95th percentile of luma, black left out, under which a whole field, or a cell on black, is too dark; the darkest
real ones have 191 and 53."""

_PALE = 200
"""Median luma of what is not clipped, from which a half-clipped image is washed out."""

_STRETCHED = 2.5
"""Aspect ratio from which making the image square distorts cells beyond what models are trained to bear."""


@dataclass(frozen=True)
class Quality:
    """Whether an image is fit to be classified, and why not."""

    reasons: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.reasons


def assess(image: ByteImage, original: tuple[int, int]) -> Quality:
    """Judge an image by its RGB bytes at the model's size (size, size, 3) and its own (width, height)."""
    width, height = original
    size, reasons = image.shape[0], assess_without_model(image, original).reasons
    if min(width, height) < size:
        reasons = (f"smaller than the model's input: {width} x {height}, not {size} x {size}", *reasons)
    return Quality(reasons)


def assess_without_model(image: ByteImage, original: tuple[int, int]) -> Quality:
    """The same of an image at any size, where there is no model that it could be too small for."""
    return Quality((*_shape(original), *_exposure(image)))


def _shape(original: tuple[int, int]) -> list[str]:
    reasons = []
    width, height = original
    if max(width, height) >= _STRETCHED * min(width, height):
        reasons.append(f"far from square: {width} x {height}")
    return reasons


def _exposure(image: ByteImage) -> list[str]:
    counts = np.asarray(Image.fromarray(image).convert("L").histogram())
    if _percentile(counts, 99) - _percentile(counts, 1) < _LEAST_RANGE:
        return ["nearly uniform: nothing to see"]
    half = counts.sum() / 2
    lit = np.where(np.arange(256) > _DARK, counts, 0)
    on_black = lit.sum() < half
    if _percentile(lit, 95) < (_DIM_CELL if on_black else _DIM_FIELD):
        return ["under-exposed"]
    content = np.where(np.arange(256) < _BRIGHT, counts, 0)
    if content.sum() < half and _percentile(content, 50) >= _PALE:
        return ["over-exposed"]
    return []


def _percentile(counts: npt.NDArray[np.int64], percent: float) -> int:
    """The luma that `percent` of the counted pixels do not exceed; 0 where none is counted."""
    running = np.cumsum(counts)
    return int(np.searchsorted(running, running[-1] * percent / 100))
