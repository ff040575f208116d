"""Mild shifts of a picture, as they occur in a laboratory within days: lamp, stain, compression, focus.

Limits of a domain are made wide enough for them. They apply to RGB bytes of the model's square. Black stays black: it
is what was cut away.
"""

import io
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from edgeall.pixels import ByteImage

Shift = Callable[[ByteImage], ByteImage]
"""From RGB bytes (size, size, 3) to a changed copy."""

HAEMATOXYLIN = (0.65, 0.70, 0.29)
EOSIN = (0.07, 0.99, 0.11)
"""Optical densities of the dyes in red, green and blue. Source: Ruifrok & Johnston, Anal Quant Cytol Histol 23 (2001).
"""

_GRID = 224
"""Side, in pixels, that a blur is stated for."""


def brightness(pixels: ByteImage, factor: float) -> ByteImage:
    """Multiply the bytes by `factor` and clip at 255: another lamp or exposure."""
    steps = np.clip(np.rint(np.arange(256) * factor), 0, 255).astype(np.uint8)
    return np.asarray(steps[pixels])


def jpeg(pixels: ByteImage, quality: int) -> ByteImage:
    """Store as JPEG of this quality and read again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


def stain(pixels: ByteImage, haematoxylin: float, eosin: float) -> ByteImage:
    """Multiply the concentrations of the two dyes by these factors; what is neither dye stays.

    Source: Tellez et al., IEEE Trans Med Imaging 37 (2018), for the perturbation of separated stains.
    """
    rest = np.cross(HAEMATOXYLIN, EOSIN)
    dyes = np.array([HAEMATOXYLIN, EOSIN, rest])
    change = (np.linalg.inv(dyes) @ np.diag([haematoxylin, eosin, 1.0]) @ dyes).astype(np.float32)
    shifted = 255 * np.exp(-_DENSITY[pixels] @ change)
    return np.where(pixels > 0, np.clip(np.rint(shifted), 0, 255), 0).astype(np.uint8)


def blur(pixels: ByteImage, radius: float) -> ByteImage:
    """Blur by a Gaussian with this standard deviation, in pixels of a square of 224: out of focus."""
    image = Image.fromarray(pixels)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius * pixels.shape[0] / _GRID)))


def grey(pixels: ByteImage) -> ByteImage:
    """Take the colour away."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


_DENSITY: npt.NDArray[np.float32] = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)

MILD: Mapping[str, Shift] = MappingProxyType(
    {
        "brightness -20 %": partial(brightness, factor=0.80),
        "brightness +20 %": partial(brightness, factor=1.20),
        "haematoxylin -5 %, eosin +5 %": partial(stain, haematoxylin=0.95, eosin=1.05),
        "haematoxylin +5 %, eosin -5 %": partial(stain, haematoxylin=1.05, eosin=0.95),
        "JPEG 75": partial(jpeg, quality=75),
        "blur 0.7 px": partial(blur, radius=0.7),
    }
)
"""By name: the shifts that limits leave room for. They are somewhat more than those of a day: brightness by 15 %,
dyes by 2 %, JPEG of quality 85."""
