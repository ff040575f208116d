"""A small picture of odd size, and what reading a file of it must give."""

import numpy as np
from PIL import Image

from edgeall.pixels import Picture, read_picture

HEIGHT, WIDTH, SIZE = 29, 37, 24


def smear() -> np.ndarray:
    """RGB bytes (29, 37, 3): a gradient with a cell; its greatest value is 250, so that its scale is certain."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rgb = np.dstack([60 + 4 * x, 230 - 5 * y, 30 + 2 * x + y]).clip(0, 250).astype(np.uint8)
    rgb[8:20, 10:25] = (250, 40, 140)
    return rgb


def square(rgb: np.ndarray) -> np.ndarray:
    """What a file of these bytes, grey or RGB, must be read as."""
    image = Image.fromarray(rgb).convert("RGB")
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR), dtype=int)


def read(content: bytes) -> Picture:
    return read_picture(content, SIZE)


def error(found: Picture, expected: np.ndarray) -> int:
    """Greatest difference, of 255, from what a file of `expected` bytes must be read as."""
    return int(np.abs(found.pixels - square(expected)).max())
