"""Checks whether an image is fit for classification, without false alarms on ordinary smears.

The bounds were set on 300 segmented cells on black (C-NMC 2019) and 364 whole fields (BCCD). None of these is flagged,
with a wide margin. The checks find plainly unfit images: an empty field, a lamp turned off, a washed-out exposure, a
thumbnail. They do not assess focus, staining, or whether the picture shows blood.
"""

import bisect
import itertools
from collections.abc import Sequence

import numpy as np
from PIL import Image

from edgeall.pixels.mapping import ByteImage
from edgeall.values import dataclass

_DARK = 12
"""Largest luma (of 255) of the background of a segmented cell, including JPEG noise around black."""

_BRIGHT = 250
"""Least luma of a clipped pixel, or of the background of a cell on white."""

_LEAST_RANGE = 20
"""Least range of luma between the 1st and the 99th percentile; the flattest real image has 47."""

_DIM_FIELD, _DIM_CELL = 90, 35
"""Least 95th percentile of luma, without black, of a whole field and of a cell on black. The darkest real ones have
191 and 53."""

_PALE = 200
"""Least median luma of the unclipped pixels in a washed-out image of which half is clipped."""

_SAMPLED = 112
"""Pixels of each side, at least, that exposure is measured on, where the image has as many: every second of 224."""

_STRETCHED = 2.5
"""Least aspect ratio at which resizing to a square distorts cells more than training images."""


@dataclass(frozen=True)
class Quality:
    """Whether an image is fit for classification, and the reasons if not."""

    reasons: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.reasons


def assess(image: ByteImage, original: tuple[int, int], trained: tuple[int, int] | None = None) -> Quality:
    """Check an image: RGB bytes at the model's size (size, size, 3), and its original (width, height).

    Args:
        trained: width and height of the smaller training images. Pictures as small, and shapes as far from square, are
            what the model was made for.
    """
    size = image.shape[0]
    least = size if trained is None else min(size, *trained)
    if min(original) >= least:
        small = []
    else:
        usual = f"the model's input: {_lengths(original)}, not {size} x {size}"
        small = [
            f"smaller than {usual if trained is None or least == size else _training(original, trained)}"
        ]
    stretched = [] if trained is not None and _far_from_square(trained) else _shape(original)
    return Quality((*small, *stretched, *_exposure(image)))


def assess_without_model(image: ByteImage, original: tuple[int, int]) -> Quality:
    """As `assess`, for RGB bytes of any size, without the check for images smaller than the model's input."""
    return Quality((*_shape(original), *_exposure(image)))


def _training(original: tuple[int, int], trained: tuple[int, int]) -> str:
    return f"the training images: {_lengths(original)}, those have {_lengths(trained)} and more"


def _lengths(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _far_from_square(size: tuple[int, int]) -> bool:
    return max(size) >= _STRETCHED * min(size)


def _shape(original: tuple[int, int]) -> list[str]:
    return [f"far from square: {_lengths(original)}"] if _far_from_square(original) else []


def _exposure(image: ByteImage) -> list[str]:
    step = max(1, image.shape[0] // _SAMPLED)
    sample = Image.fromarray(np.ascontiguousarray(image[::step, ::step]))
    # Pixels up to each luma: with 256 numbers, lists are faster than arrays.
    running = list(itertools.accumulate(sample.convert("L").histogram()))
    everything, dark, content = running[-1], running[_DARK], running[_BRIGHT - 1]
    if _luma(running, everything * 0.99) - _luma(running, everything * 0.01) < _LEAST_RANGE:
        return ["nearly uniform: nothing to see"]
    lit = everything - dark
    if _luma(running, dark + lit * 0.95) < (_DIM_CELL if lit < everything / 2 else _DIM_FIELD):
        return ["under-exposed"]
    if content < everything / 2 and _luma(running, content / 2) >= _PALE:
        return ["over-exposed"]
    return []


def _luma(running: Sequence[int], pixels: float) -> int:
    """The least luma up to which there are as many pixels."""
    return bisect.bisect_left(running, pixels)
