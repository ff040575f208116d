"""Pictures as laboratories make them: drawn cells on black, of people who differ, and drawn whole fields."""

import numpy as np
from PIL import Image, ImageFilter

from edgeall.domain.describing import Example
from edgeall.pixels import Picture

SIDE = 112
FILE = (450, 450)


def cell(seed: int, person: int = 0, side: int = SIDE) -> np.ndarray:
    """A purple cell cut out on black, with grain; people differ in stain, exposure and size of the cells."""
    own, rng = np.random.default_rng([1, person]), np.random.default_rng([2, person, seed])
    y, x = np.mgrid[:side, :side] / side - 0.5
    radius = own.uniform(0.19, 0.23) * rng.uniform(0.92, 1.08)
    inside = x**2 * rng.uniform(0.85, 1.15) + y**2 < radius**2
    grain = rng.normal(0, 9, (side, side, 1)) + _soft(rng, side, 3) * 26
    colour = np.array([85, 40, 95]) * own.uniform(0.9, 1.1) + own.normal(0, 3, 3) + rng.normal(0, 4)
    pixels = np.where(inside[..., None], colour + grain * [1, 0.7, 0.8], 0)
    return pixels.clip(0, 255).astype(np.uint8)


def field(seed: int, side: int = SIDE) -> np.ndarray:
    """A pale field with some dark purple cells in it, with grain."""
    rng = np.random.default_rng([3, seed])
    y, x = np.mgrid[:side, :side] / side
    pixels = np.array([222, 205, 212]) + rng.normal(0, 4, (side, side, 3)) + _soft(rng, side, 4) * 6
    for _ in range(6):
        across, down = rng.uniform(0.1, 0.9, 2)
        inside = (x - across) ** 2 + (y - down) ** 2 < rng.uniform(0.05, 0.09) ** 2
        pixels[inside] = np.array([130, 75, 150]) + rng.normal(0, 12, (inside.sum(), 1))
    return pixels.clip(0, 255).astype(np.uint8)


def on_pale(pixels: np.ndarray) -> np.ndarray:
    return np.where(pixels.max(axis=-1, keepdims=True) == 0, np.uint8(225), pixels)


def picture(pixels: np.ndarray, size: tuple[int, int] = FILE) -> Picture:
    return Picture(pixels, size)


def cells_of(people: range, each: int = 12) -> list[Example]:
    """`each` cells of each person, by name."""
    return [
        Example(picture(cell(seed, person)), ("hem", "all")[person % 2], str(person))
        for person in people
        for seed in range(each)
    ]


def fields(count: int) -> list[Example]:
    """Fields of nobody knows whom."""
    return [Example(picture(field(seed), (640, 480)), "field") for seed in range(count)]


def _soft(rng: np.random.Generator, side: int, radius: float) -> np.ndarray:
    """Smooth noise (side, side, 1) with a standard deviation of 1."""
    image = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float64)
    return ((smooth - smooth.mean()) / smooth.std())[..., None]
