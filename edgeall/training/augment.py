"""Augmentation of training images: rotation, flips, scaling, brightness.

Works on bytes before preprocessing, with NumPy and Pillow, so that results are the same under every Keras backend.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from edgeall.errors import UsageError
from edgeall.pixels import ByteImage


@dataclass(frozen=True)
class Augmentation:
    """Ranges of uniform random changes.

    Attributes:
        rotation: largest angle, in degrees, either way. A smear has no upright, so every angle is as likely.
        flips: mirror left-right and top-bottom, each with probability 1/2.
        scaling: magnification between 1 - scaling and 1 + scaling.
        brightness: factor between 1 - brightness and 1 + brightness.
    """

    rotation: float = 180.0
    flips: bool = True
    scaling: float = 0.1
    brightness: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.rotation <= 180:
            raise UsageError(f"augmentation: rotation {self.rotation} is not between 0 and 180 degrees")
        for name in ("scaling", "brightness"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise UsageError(f"augmentation: {name} {getattr(self, name)} is not between 0 and 0.5")


def augmented(image: ByteImage, augmentation: Augmentation, seed: int, view: int, index: int) -> ByteImage:
    """A uint8 (size, size, 3) image, augmented; determined by (seed, view, index) alone.

    View 0 is the image itself. Rotation and scaling fill the outside with the image mirrored at its border, because
    some datasets have a black background and others a white one.
    """
    if view == 0:
        return image
    rng = np.random.default_rng([seed, view, index])
    degrees, magnification, factor = (
        rng.uniform(-augmentation.rotation, augmentation.rotation),
        rng.uniform(1 - augmentation.scaling, 1 + augmentation.scaling),
        rng.uniform(1 - augmentation.brightness, 1 + augmentation.brightness),
    )
    mirror = rng.integers(0, 2, size=2) if augmentation.flips else (0, 0)
    if mirror[0]:
        image = image[:, ::-1]
    if mirror[1]:
        image = image[::-1]
    rotated = _rotated(image, math.radians(degrees), magnification)
    steps = np.arange(256, dtype=np.float64)
    return np.asarray(np.clip(np.rint(steps * factor), 0, 255).astype(np.uint8)[rotated])


def _rotated(image: ByteImage, angle: float, magnification: float) -> ByteImage:
    size = image.shape[0]
    cos, sin = math.cos(angle) / magnification, math.sin(angle) / magnification
    # The largest distance of an output corner from the image.
    margin = max(0, math.ceil((abs(cos) + abs(sin) - 1) * size / 2)) + 1
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    centre, shifted = size / 2, size / 2 + margin
    # Pillow maps output to input coordinates: rotation and scaling about the centre of each.
    matrix = (
        cos, sin, shifted - centre * (cos + sin),
        -sin, cos, shifted - centre * (cos - sin),
    )  # fmt: skip
    rotated = Image.fromarray(padded).transform(
        (size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    return np.asarray(rotated)
