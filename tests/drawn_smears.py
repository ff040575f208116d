"""Drawn smear fields with known cells: discs of red cells and white cells on empty slide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SLIDE, RED, CYTOPLASM, NUCLEUS = (222, 218, 212), (214, 168, 160), (186, 164, 204), (104, 52, 148)

RED_CELL = 40
"""Diameter of red cells, in pixels."""


@dataclass(frozen=True)
class White:
    """A white cell: centre, radius, and the radius of its nucleus; without cytoplasm where both are equal."""

    x: int
    y: int
    radius: int = 32
    nucleus: int = 24


def draw(whites: Sequence[White], size: tuple[int, int] = (640, 480), zoom: float = 1.0) -> np.ndarray:
    """RGB bytes of a field with `whites` among red cells; `zoom` times as large."""
    image = Image.new("RGB", size, SLIDE)
    pen = ImageDraw.Draw(image)
    half = RED_CELL // 2
    for row, y in enumerate(range(10, size[1] + half, 58)):
        for x in range(10 + 29 * (row % 2), size[0] + half, 58):
            if all((x - w.x) ** 2 + (y - w.y) ** 2 > (w.radius + half) ** 2 for w in whites):
                _disc(pen, x, y, half, RED)
    for white in whites:
        _disc(pen, white.x, white.y, white.radius, CYTOPLASM)
    for white in whites:
        _disc(pen, white.x, white.y, white.nucleus, NUCLEUS)
    if zoom != 1:
        image = image.resize((round(size[0] * zoom), round(size[1] * zoom)), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 3, (image.height, image.width, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def _disc(pen: ImageDraw.ImageDraw, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
