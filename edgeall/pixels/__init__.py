"""The path from an image file to a model's input.

Training, INT8 calibration, evaluation, benchmarks and classification all use it, so that a model always gets images
preprocessed as in training.
"""

from edgeall.pixels.mapping import FILTERS, FITS, ByteImage, Filter, Fit, PixelMapping, Resize
from edgeall.pixels.opening import Source, describe
from edgeall.pixels.reading import (
    MAX_PIXELS,
    Field,
    Picture,
    read_field,
    read_image,
    read_image_with_size,
    read_picture,
)

__all__ = [
    "FILTERS",
    "FITS",
    "MAX_PIXELS",
    "ByteImage",
    "Field",
    "Filter",
    "Fit",
    "Picture",
    "PixelMapping",
    "Resize",
    "Source",
    "describe",
    "read_field",
    "read_image",
    "read_image_with_size",
    "read_picture",
]
