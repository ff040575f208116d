"""From an image file to a model's input: the only such path in edgeall.

Training caches, INT8 calibration, evaluation, benchmarks and classification all come through here, so a
model never meets pixels that were prepared differently from those it learned on.
"""

from edgeall.pixels.mapping import FILTERS, FITS, ByteImage, Filter, Fit, PixelMapping, Resize
from edgeall.pixels.opening import Source, describe
from edgeall.pixels.reading import (
    MAX_PIXELS,
    Picture,
    read_image,
    read_image_with_size,
    read_picture,
    read_pixels,
)

__all__ = [
    "FILTERS",
    "FITS",
    "MAX_PIXELS",
    "ByteImage",
    "Filter",
    "Fit",
    "Picture",
    "PixelMapping",
    "Resize",
    "Source",
    "describe",
    "read_image",
    "read_image_with_size",
    "read_picture",
    "read_pixels",
]
