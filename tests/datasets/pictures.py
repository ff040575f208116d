"""Pictures and names for folders that tests make."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

MakeFolder = Callable[[Iterable[str]], Path]


def picture(seed: int, size: tuple[int, int] = (48, 48)) -> Image.Image:
    """A blurry pattern: as smooth as a photograph, so that it survives JPEG, and unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def cnmc_names(subjects: dict[str, int]) -> list[str]:
    """C-NMC names for so many cells a subject; an H marks a healthy one."""
    labels = {subject: "hem" if subject.startswith("H") else "all" for subject in subjects}
    return [
        f"fold_0/{labels[subject]}/UID_{subject}_{cell}_1_{labels[subject]}.bmp"
        for subject, cells in subjects.items()
        for cell in range(1, cells + 1)
    ]
