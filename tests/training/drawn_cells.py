"""Small images with something to learn, and splits of them."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from edgeall import files
from edgeall.progress import Progress
from edgeall.runs import Member, Run, Split


def draw_cells(root: Path, counts: dict[str, int], side: int = 48, seed: int = 0) -> Path:
    """PNGs in a folder a class; each class has nuclei of its own size and darkness, and noise."""
    rng = np.random.default_rng(seed)
    for kind, (label, count) in enumerate(counts.items()):
        (root / label).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            image = Image.new("RGB", (side, side), (235, 225, 230))
            radius = side * (0.15 + 0.12 * kind) * rng.uniform(0.9, 1.1)
            x, y = rng.uniform(0.4 * side, 0.6 * side, 2)
            shade = int(150 - 40 * kind)
            ImageDraw.Draw(image).ellipse(
                (x - radius, y - radius, x + radius, y + radius), (shade, shade // 2, shade)
            )
            noisy = np.asarray(image) + rng.normal(0, 8, (side, side, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(root / label / f"{label}{index:02}.png")
    return root


def split_of(root: Path, train: int, val: int) -> Split:
    """Of each class the first `train` images train, the next `val` validate, the rest test."""
    parts: dict[str, list[Member]] = {"train": [], "val": [], "test": []}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        for index, path in enumerate(sorted(folder.iterdir())):
            part = "train" if index < train else "val" if index < train + val else "test"
            name = path.relative_to(root).as_posix()
            parts[part].append(Member(name, files.sha256_file(path), folder.name))
    return Split(**{part: tuple(members) for part, members in parts.items()}, grouped_by="image")


def resumed_training(root: Path, out: Path, progress: Progress) -> Run:
    """A short training of both phases on the cells under `root`, the same in every process that calls it."""
    import small_backbone

    from edgeall.training import train

    settings = small_backbone.settings(head_epochs=4, epochs=3, views=2, patience=9, seed=3)
    with small_backbone.small_backbone():
        return train(root, settings, out, progress, split=split_of(root, 6, 3))


def without_chance(root: Path, out: Path, progress: Progress) -> Run:
    """As `resumed_training`, and shorter, without dropout: Keras backends draw other random numbers from one seed."""
    from edgeall.training import TrainingSettings, train

    settings = TrainingSettings(
        "mobilenetv2", input_size=32, head_epochs=3, epochs=2, views=2, dropout=0.0, seed=3
    )
    return train(root, settings, out, progress, split=split_of(root, 6, 3))
