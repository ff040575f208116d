"""Eight corruptions of a picture at five strengths each, which a bench measures robustness by.

Strengths are of published scales where there is one. MedMNIST-C (Di Salvo, Doerrich, Ledig, arXiv 2406.17536, 2024)
tuned its scales on pictures of 224 pixels; those for its blood smears (BloodMNIST) are used. They are milder than those
of ImageNet-C (Hendrycks & Dietterich, ICLR 2019), from which MedMNIST-C comes. Numbers alone are taken from there: the
changes are our own (`changes`), need NumPy and Pillow alone, and so run on the device that is measured.

What is drawn (a direction, a sign, a field of noise) is drawn from the image's SHA-256 and the corruption's name. It is
the same for each strength, so that a curve over strengths is of one change that grows, and the same on each machine.

A black pixel was cut away (`changes.CUT_AWAY`): cells that are segmented lie on black. Segmentation comes after the
camera, so black stays as it is, whatever the camera does, and does not leak into the cell. `scale` moves it with the
cell.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.pixels import ByteImage
from edgeall.shifts import changes
from edgeall.shifts.changes import GIEMSA_EOSIN, METHYLENE_BLUE
from edgeall.values import dataclass

STRENGTHS = (1, 2, 3, 4, 5)

UNCHANGED = "unchanged"
"""Name of pictures that nothing is done to, which the changed ones are compared with."""

_REVISION = 1
"""Of the pixels: to be raised where a change draws others with the same amounts."""


class Draws:
    """What is drawn for an image and a corruption. The stream is PCG64's, which NumPy keeps (NEP 19)."""

    def __init__(self, corruption: str, image: str) -> None:
        """`image`: SHA-256 of its file."""
        seed = hashlib.sha256(f"{corruption} {image}".encode()).digest()
        self._stream = np.random.PCG64(int.from_bytes(seed[:16], "big"))

    def of(self, count: int) -> int:
        """A whole number from 0 to below `count`."""
        return int(self._stream.random_raw()) % count

    def direction(self) -> float:
        """A share of a full turn, in steps of a 32nd."""
        return self.of(32) / 32

    def normal(self, *shape: int) -> npt.NDArray[np.float64]:
        """Standard normal numbers: one of 4096 equally likely ones, from -3.7 to 3.7."""
        count = int(np.prod(shape))
        raw = np.asarray(self._stream.random_raw(-(-count // 4)), "<u8")
        return np.asarray(_quantiles()[raw.view("<u2")[:count] & 4095].reshape(shape))


@cache
def _quantiles() -> npt.NDArray[np.float64]:
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([normal.inv_cdf((index + 0.5) / 4096) for index in range(4096)])


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes:
        amounts: of each of `STRENGTHS`.
        meaning: of an amount; `{}` stands for it.
        source: of the amounts.
        change: from RGB bytes, an amount and what is drawn to a changed copy.
    """

    amounts: tuple[Any, ...]
    meaning: str
    source: str
    change: Callable[[ByteImage, Any, Draws], ByteImage]

    def in_words(self, strength: int) -> str:
        """What a strength, from 1, is."""
        amount = self.amounts[strength - 1]
        return self.meaning.format(*(amount if isinstance(amount, tuple) else (amount,)))


def _stain(pixels: ByteImage, amount: float, drawn: Draws) -> ByteImage:
    factors = (1 + amount, 1 - amount) if drawn.of(2) else (1 - amount, 1 + amount)
    return changes.stain(pixels, changes.stain_change((METHYLENE_BLUE, GIEMSA_EOSIN), factors))


def _exposure(pixels: ByteImage, amount: tuple[float, float], drawn: Draws) -> ByteImage:
    return changes.brightness(pixels, amount[drawn.of(2)])


def _motion(pixels: ByteImage, amount: tuple[float, float], drawn: Draws) -> ByteImage:
    return changes.motion(pixels, *amount, direction=drawn.direction())


def _gradient(pixels: ByteImage, amount: float, drawn: Draws) -> ByteImage:
    return changes.gradient(pixels, amount, drawn.direction())


def _noise(pixels: ByteImage, amount: float, drawn: Draws) -> ByteImage:
    return changes.noise(pixels, amount, drawn.normal(*pixels.shape))


_MEDMNIST_C = "MedMNIST-C, BloodMNIST"

CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "stain": Corruption(
            (0.05, 0.1, 0.2, 0.3, 0.4),
            "methylene blue and eosin {:.0%} apart, either way",
            "Tellez et al., Med Image Anal 58 (2019): light 0.05, strong 0.2; beyond it our own",
            _stain,
        ),
        "defocus": Corruption(
            (2, 3, 4, 5, 6),
            "a disc of radius {} px of 224",
            _MEDMNIST_C,
            lambda pixels, amount, _: changes.defocus(pixels, amount),
        ),
        "motion": Corruption(
            ((3, 3), (5, 5), (10, 5), (10, 7), (10, 9)),
            "a trail of radius {} px and deviation {} px of 224, any direction",
            _MEDMNIST_C,
            _motion,
        ),
        "gradient": Corruption(
            (0.1, 0.2, 0.3, 0.4, 0.5),
            "light falls by {:.0%} across the picture, any direction",
            "our own: no published scale",
            _gradient,
        ),
        "exposure": Corruption(
            ((0.9, 1.1), (0.8, 1.2), (0.7, 1.3), (0.6, 1.35), (0.5, 1.4)),
            "bytes times {} or {}, half of the pictures each",
            _MEDMNIST_C,
            _exposure,
        ),
        "jpeg": Corruption(
            (50, 30, 15, 10, 7),
            "quality {}",
            _MEDMNIST_C,
            lambda pixels, amount, _: changes.jpeg(pixels, amount),
        ),
        "noise": Corruption(
            (0.04, 0.08, 0.12, 0.18, 0.26),
            "Gaussian, deviation {} of white",
            "MedMNIST-C, DermaMNIST's and ChestMNIST's; BloodMNIST has none",
            _noise,
        ),
        "scale": Corruption(
            (1.1, 1.2, 1.35, 1.5, 1.67),
            "enlarged {} times",
            "our own, up to the range of ALL-IDB's magnifications, 300 to 500 (Labati, Piuri, Scotti, ICIP 2011)",
            lambda pixels, amount, _: changes.enlarge(pixels, amount),
        ),
    }
)
"""By name."""

CHANGES: tuple[str, ...] = (
    UNCHANGED,
    *(f"{name} {strength}" for name in CORRUPTIONS for strength in STRENGTHS),
)
"""Names of what is measured: "unchanged", then "stain 1" to "scale 5"."""


def parts(change: str) -> tuple[str, int]:
    """Corruption and strength of one of `CHANGES`; ("unchanged", 0)."""
    if change == UNCHANGED:
        return UNCHANGED, 0
    name, strength = change.rsplit(" ", 1)
    return name, int(strength)


def identity(change: str) -> list[Any]:
    """JSON-ready; differs where the pixels of one of `CHANGES` may."""
    name, strength = parts(change)
    return [change, _REVISION, CORRUPTIONS[name].amounts[strength - 1] if strength else None]


def corrupted(pixels: ByteImage, change: str, image: str) -> ByteImage:
    """RGB bytes (size, size, 3) after one of `CHANGES`; a copy of the same shape.

    Args:
        image: SHA-256 of the picture's file, from which is drawn.
    """
    name, strength = parts(change)
    if not strength:
        return pixels.copy()
    corruption = CORRUPTIONS[name]
    changed = corruption.change(pixels, corruption.amounts[strength - 1], Draws(name, image))
    if name != "scale":
        changed = np.where(changes.lit(pixels)[..., None], changed, pixels)
    return changed
