"""Pictures of people, in the layout whose names tell whose a cell is."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw_people(root: Path) -> Path:
    """24 pictures of six people, three healthy and three not."""
    rng = np.random.default_rng(0)
    for folder, middle in (("hem", 160), ("all", 90)):
        (root / "fold_0" / folder).mkdir(parents=True)
        for index in range(12):
            # Blotches of its own make each picture another one.
            blotches = rng.normal(middle, 50, (6, 6, 3)).clip(0, 255).astype(np.uint8)
            image = Image.fromarray(blotches).resize((48, 48), Image.Resampling.BICUBIC)
            person = f"{'H' if folder == 'hem' else ''}{index % 3 + 1}"
            image.save(root / "fold_0" / folder / f"UID_{person}_{index + 1}_1_{folder}.bmp")
    return root
