"""Small pictures of two or three classes that differ in colour and brightness, as stained cells do."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"hem": (190, 150, 175), "all": (165, 145, 195), "other": (120, 160, 130)}
"""Mean RGB a class: near enough for single pixels to be mistaken, far enough for a network to tell."""


def pictures(label: str, count: int, size: int, seed: int = 0) -> np.ndarray:
    """(count, size, size, 3) uint8."""
    rng = np.random.default_rng([seed, list(COLOURS).index(label)])
    light = rng.normal(0, 12, (count, 1, 1, 1))
    noise = rng.normal(0, 25, (count, size // 8, size // 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return (np.asarray(COLOURS[label]) + light + noise).clip(0, 255).astype(np.uint8)


def write_pictures(
    folder: Path, labels: tuple[str, ...] = ("hem", "all"), count: int = 40, size: int = 96, seed: int = 1
) -> Path:
    """An image folder: PNGs in a folder a class."""
    for label in labels:
        (folder / label).mkdir(parents=True)
        for index, image in enumerate(pictures(label, count, size, seed)):
            Image.fromarray(image).save(folder / label / f"{label}{index:02}.png")
    return folder
