"""The mild shifts that an export is checked on, and those that the limits of a domain leave room for.

They decide artifacts and limits that exist: a changed byte makes others of the same training.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from edgeall.pixels import ByteImage
from edgeall.shifts.changes import (
    EOSIN,
    GIEMSA_EOSIN,
    HAEMATOXYLIN,
    METHYLENE_BLUE,
    blur,
    brightness,
    enlarge,
    jpeg,
    stain,
    stain_change,
)

Shift = Callable[[ByteImage], ByteImage]
"""From RGB bytes (size, size, 3) to a changed copy."""

BLUER = (1.15, 0.85)
"""Factors of the concentrations of methylene blue and of eosin: a bluer batch of the same stain."""

MAGNIFICATION = 1.15
"""Factor of shift `scale`. Training augments by .1 (`training.augment`)."""


def restained(pixels: ByteImage, haematoxylin: float, eosin: float) -> ByteImage:
    """Multiply the concentrations of haematoxylin and eosin by these factors, in single precision."""
    return stain(pixels, stain_change((HAEMATOXYLIN, EOSIN), (haematoxylin, eosin)).astype(np.float32))


FOR_EXPORT: Mapping[str, Shift] = MappingProxyType(
    {
        "brightness-0.7": partial(brightness, factor=0.7),
        "brightness-1.25": partial(brightness, factor=1.25),
        "stain": partial(stain, change=stain_change((METHYLENE_BLUE, GIEMSA_EOSIN), BLUER)),
        "blur": partial(blur, deviation=1.0),
        "scale": partial(enlarge, factor=MAGNIFICATION),
    }
)
"""By name. Calibration images resemble training images; pictures shifted by these show whether the activation ranges
hold for others too."""

FOR_DOMAIN: Mapping[str, Shift] = MappingProxyType(
    {
        "brightness -20 %": partial(brightness, factor=0.80),
        "brightness +20 %": partial(brightness, factor=1.20),
        "haematoxylin -5 %, eosin +5 %": partial(restained, haematoxylin=0.95, eosin=1.05),
        "haematoxylin +5 %, eosin -5 %": partial(restained, haematoxylin=1.05, eosin=0.95),
        "JPEG 75": partial(jpeg, quality=75),
        "blur 0.7 px": partial(blur, deviation=0.7),
    }
)
"""By name. They are somewhat more than the shifts of a day in a laboratory: brightness by 15 %, dyes by 2 %, JPEG of
quality 85."""
