"""Mild distribution shifts of pictures: illumination, stain, focus, magnification.

Calibration images resemble training images. Shifted pictures show whether the activation ranges hold for others too.
The changes are not random, so that models are compared on the same pixels. They apply to bytes, before preprocessing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from edgeall.pixels import ByteImage

Shift = Callable[[ByteImage], ByteImage]
"""From an image, uint8 RGB (size, size, 3), to a changed copy of the same shape."""

METHYLENE_BLUE = (0.834750233, 0.513556283, 0.196330403)
EOSIN = (0.092789, 0.954111, 0.283111)
"""Optical densities of the two dyes of a Giemsa stain in red, green and blue, as unit vectors.

Source: Landini, Martinelli, Piccinini, Bioinformatics 37 (2021): "Giemsa" of the ImageJ plugin Colour Deconvolution.
"""

STAIN = (1.15, 0.85, 1.0)
"""Factors of the concentrations of methylene blue, of eosin, and of the residual."""

BLUR = 1 / 224
"""Standard deviation of the blur as a share of the image's side: one pixel of 224."""

MAGNIFICATION = 1.15
"""Factor of shift `scale`. Training augments by .1 (`training.augment`)."""


def brightness(image: ByteImage, factor: float) -> ByteImage:
    """Multiply the bytes by `factor` and clip at 255: another lamp or exposure."""
    steps = np.clip(np.rint(np.arange(256) * factor), 0, 255).astype(np.uint8)
    return np.asarray(steps[image])


def stain(image: ByteImage) -> ByteImage:
    """Multiply each dye's concentration by its factor in `STAIN`: a bluer batch of the same stain.

    By the Beer-Lambert law a pixel's optical density, -ln(byte / 255), is the sum of the dyes' vectors times their
    concentrations. White has density 0, and stays white.

    Sources: Ruifrok & Johnston, Anal Quant Cytol Histol 23 (2001), for the separation; Tellez et al., IEEE Trans Med
    Imaging 37 (2018) and Med Image Anal 58 (2019), for its perturbation.
    """
    density = -np.log(np.maximum(image, 1) / 255)
    changed = 255 * np.exp(-density @ _STAIN_MATRIX)
    # A byte of 0 has no finite density. It is masked background, and stays 0.
    return np.where(image > 0, np.clip(np.rint(changed), 0, 255), 0).astype(np.uint8)


def blur(image: ByteImage) -> ByteImage:
    """Blur by a Gaussian of `BLUR` times the image's side: slightly out of focus."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * image.shape[0])))


def scale(image: ByteImage) -> ByteImage:
    """Enlarge the centre by `MAGNIFICATION`, bilinearly: another objective or pixel size."""
    size = image.shape[0]
    margin = size * (1 - 1 / MAGNIFICATION) / 2
    middle = (margin, margin, size - margin, size - margin)
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=middle))


def _stain_matrix() -> Any:
    """(3, 3), from optical density to changed optical density. The third vector is orthogonal to the dyes."""
    rest = np.cross(METHYLENE_BLUE, EOSIN)
    dyes = np.array([METHYLENE_BLUE, EOSIN, rest / np.linalg.norm(rest)])
    return np.linalg.inv(dyes) @ np.diag(STAIN) @ dyes


_STAIN_MATRIX = _stain_matrix()

SHIFTS: Mapping[str, Shift] = MappingProxyType(
    {
        "brightness-0.7": partial(brightness, factor=0.7),
        "brightness-1.25": partial(brightness, factor=1.25),
        "stain": stain,
        "blur": blur,
        "scale": scale,
    }
)
"""By name."""
