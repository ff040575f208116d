"""What can be done to a picture: RGB bytes (size, size, 3) in, a changed copy of the same shape out.

Lengths are in pixels of a square of `GRID`, and become shorter or longer with the picture.
"""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from edgeall.pixels import ByteImage

GRID = 224
"""Side, in pixels, of the square that lengths are stated for."""

Dye = tuple[float, float, float]
"""Optical densities of a dye in red, green and blue, as a unit vector."""

HAEMATOXYLIN: Dye = (0.65, 0.70, 0.29)
EOSIN: Dye = (0.07, 0.99, 0.11)
"""Source: Ruifrok & Johnston, Anal Quant Cytol Histol 23 (2001)."""

METHYLENE_BLUE: Dye = (0.834750233, 0.513556283, 0.196330403)
GIEMSA_EOSIN: Dye = (0.092789, 0.954111, 0.283111)
"""The dyes of a Giemsa stain. Source: Landini, Martinelli, Piccinini, Bioinformatics 37 (2021): "Giemsa" of the ImageJ
plugin Colour Deconvolution."""

Floats = npt.NDArray[np.floating]

CUT_AWAY = 8
"""Brightest byte of a pixel that was cut away. JPEG makes bytes up to 4 of the black around C-NMC's cells; the darkest
pixels of smear fields are above 48 (BCCD)."""

_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255)


def in_pixels(length: float, side: int) -> float:
    """A length in pixels of a square of `GRID` as pixels of a square of `side`."""
    return length * side / GRID


def brightness(pixels: ByteImage, factor: float) -> ByteImage:
    """Multiply the bytes by `factor` and clip at 255: another lamp or exposure."""
    steps = np.clip(np.rint(np.arange(256) * factor), 0, 255).astype(np.uint8)
    return np.asarray(steps[pixels])


def stain_change(dyes: tuple[Dye, Dye], factors: Sequence[float]) -> npt.NDArray[np.float64]:
    """(3, 3), from optical density to that of a picture with the two dyes' concentrations times `factors`.

    What is neither dye, along the vector orthogonal to both, stays.
    """
    rest = np.cross(dyes[0], dyes[1])
    space = np.array([*dyes, rest / np.linalg.norm(rest)])
    return np.asarray(np.linalg.inv(space) @ np.diag([*factors, 1.0]) @ space)


def stain(pixels: ByteImage, change: Floats) -> ByteImage:
    """Change the concentrations of dyes, computed with the number type of `change` (`stain_change`).

    By the Beer-Lambert law a pixel's optical density, -ln(byte / 255), is the sum of the dyes' vectors times their
    concentrations. White has density 0, and stays white.

    Sources: Ruifrok & Johnston, Anal Quant Cytol Histol 23 (2001), for the separation; Tellez et al., IEEE Trans Med
    Imaging 37 (2018) and Med Image Anal 58 (2019), for its perturbation.
    """
    density = _DENSITY.astype(change.dtype)[pixels]
    changed = 255 * np.exp(-density @ change)
    # A byte of 0 has no finite density. It is masked background, and stays 0.
    return np.where(pixels > 0, np.clip(np.rint(changed), 0, 255), 0).astype(np.uint8)


def blur(pixels: ByteImage, deviation: float) -> ByteImage:
    """Blur by a Gaussian of this standard deviation, a length: slightly out of focus."""
    image = Image.fromarray(pixels)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(in_pixels(deviation, pixels.shape[0]))))


def enlarge(pixels: ByteImage, factor: float) -> ByteImage:
    """Enlarge the centre by `factor` from 1, bilinearly: another objective or pixel size."""
    size = pixels.shape[0]
    margin = size * (1 - 1 / factor) / 2
    middle = (margin, margin, size - margin, size - margin)
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=middle))


def jpeg(pixels: ByteImage, quality: int) -> ByteImage:
    """Store as JPEG of this quality and read again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


def grey(pixels: ByteImage) -> ByteImage:
    """Take the colour away."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def defocus(pixels: ByteImage, radius: float) -> ByteImage:
    """Spread each point over a disc of this radius, a length: out of focus."""
    return _spread(pixels, _disc(in_pixels(radius, pixels.shape[0])))


def motion(pixels: ByteImage, radius: float, deviation: float, direction: float) -> ByteImage:
    """Draw each point out on one side: the stage moves while the shutter is open.

    The trail is twice the radius long, and its weight falls as half a Gaussian of this standard deviation; both are
    lengths. `direction` is a share of a full turn.
    """
    side = pixels.shape[0]
    return _spread(pixels, _trail(in_pixels(radius, side), in_pixels(deviation, side), direction))


def gradient(pixels: ByteImage, loss: float, direction: float) -> ByteImage:
    """Multiply the bytes by a factor that falls evenly from 1 to 1 - `loss` across the picture: uneven illumination.

    `direction` is a share of a full turn.
    """
    across, down = _unit(direction)
    line = np.linspace(-1.0, 1.0, pixels.shape[0])
    way = line[None, :] * across + line[:, None] * down
    share = (way - way.min()) / (way.max() - way.min())
    return _bytes(pixels * (1.0 - loss * share)[..., None])


def noise(pixels: ByteImage, deviation: float, field: Floats) -> ByteImage:
    """Add `deviation`, a share of white, times a field of standard normal numbers (size, size, 3): a sensor's noise."""
    return _bytes(pixels + 255 * deviation * field)


def lit(pixels: ByteImage) -> npt.NDArray[np.bool_]:
    """Whether each pixel is of the picture, (size, size), and was not cut away."""
    return np.asarray(pixels.max(axis=2) > CUT_AWAY)


def _spread(pixels: ByteImage, kernel: npt.NDArray[np.float64]) -> ByteImage:
    """Convolve with a kernel of odd sides that adds up to 1. Pixels that were cut away have no weight, and stay.

    Cells on black were blurred before they were cut out: black must not leak into them. The border is repeated.
    """
    known = lit(pixels)
    reach = kernel.shape[0] // 2
    layers = np.concatenate([pixels * known[..., None], known[..., None]], axis=2).astype(np.float64)
    padded = np.pad(layers, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    shape = padded.shape[:2]
    placed = np.zeros(shape)
    placed[: kernel.shape[0], : kernel.shape[1]] = kernel
    changed = np.fft.rfft2(padded, axes=(0, 1)) * np.fft.rfft2(placed)[..., None]
    inside = np.fft.irfft2(changed, s=shape, axes=(0, 1))[2 * reach :, 2 * reach :]
    weight = np.where(known, inside[..., 3], 1.0)
    return np.where(known[..., None], _bytes(inside[..., :3] / weight[..., None]), pixels)


_FINE = 8
"""Points of a kernel in a pixel's side, so that a kernel of few pixels has its true size."""


@lru_cache(maxsize=64)
def _disc(radius: float) -> npt.NDArray[np.float64]:
    reach = int(np.ceil(radius + 0.5))
    line = (np.arange((2 * reach + 1) * _FINE) + 0.5) / _FINE - reach - 0.5
    inside = (line[:, None] ** 2 + line[None, :] ** 2 <= radius**2).astype(np.float64)
    kernel = inside.reshape(2 * reach + 1, _FINE, 2 * reach + 1, _FINE).sum(axis=(1, 3))
    return np.asarray(kernel / kernel.sum())


@lru_cache(maxsize=512)
def _trail(radius: float, deviation: float, direction: float) -> npt.NDArray[np.float64]:
    reach = int(np.ceil(2 * radius)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    along = np.arange(int(2 * radius * _FINE) + 1) / _FINE
    weight = np.exp(-(along**2) / (2 * deviation**2))
    across, down = _unit(direction)
    columns, rows = reach + along * across, reach + along * down
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        # Each point is shared among the four pixels around it.
        at_row, at_column = np.floor(rows).astype(int) + row, np.floor(columns).astype(int) + column
        share = (1 - np.abs(rows - at_row)) * (1 - np.abs(columns - at_column))
        np.add.at(kernel, (at_row, at_column), weight * share)
    return np.asarray(kernel / kernel.sum())


def _unit(direction: float) -> tuple[float, float]:
    turn = 2 * np.pi * direction
    return float(np.cos(turn)), float(np.sin(turn))


def _bytes(values: npt.NDArray[np.float64]) -> ByteImage:
    # The last bits depend on the processor. They must not decide how a half is rounded.
    return np.clip(np.rint(np.round(values, 6)), 0, 255).astype(np.uint8)
