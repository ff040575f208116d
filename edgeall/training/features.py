"""What the trained part sees: augmented views of the images, through the frozen part of the network.

The frozen part does not change while a phase runs, so each view goes through it once and epochs take the views in
turn; where they would not fit into memory, each batch goes through it when it is needed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import Progress
from edgeall.training.augment import Augmentation, augmented
from edgeall.training.fit import Indices
from edgeall.training.images import Images
from edgeall.training.model import PREDICT_BATCH, Floats, run_model

MEMORY = 1 << 30
"""Bytes that the views of a phase may take."""


@dataclass(frozen=True)
class Views:
    """Augmented views of images as model input.

    Attributes:
        trunk: the frozen part; None where there is none.
    """

    images: Images
    mapping: PixelMapping
    augmentation: Augmentation
    seed: int
    trunk: Any

    def batch(self, epoch: int, indices: Indices) -> Floats:
        """View `epoch` of the images at `indices`; view 0 is the images themselves."""
        views = [
            augmented(image, self.augmentation, self.seed, epoch, int(index))
            for image, index in zip(self.images.take(indices), indices, strict=True)
        ]
        return through(self.trunk, self.mapping, np.stack(views))


@dataclass(frozen=True)
class Computed:
    """Views that were computed once: (views, n, ...)."""

    values: Floats

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return np.asarray(self.values[epoch % len(self.values)][indices])


def through(trunk: Any, mapping: PixelMapping, images: ByteImage) -> Floats:
    """Bytes (n, size, size, 3) through preprocessing and the frozen part, in pieces."""
    if trunk is None:
        return np.asarray(mapping.apply(images))
    pieces = [
        run_model(trunk, mapping.apply(images[start : start + PREDICT_BATCH]))
        for start in range(0, len(images), PREDICT_BATCH)
    ]
    return np.concatenate(pieces)


def source(views: Views, count: int, title: str, progress: Progress) -> Views | Computed:
    """`count` views computed once where they fit into `MEMORY`, else each when needed."""
    if views.trunk is None:
        return views
    shape = views.trunk.outputs[0].shape[1:]
    n = len(views.images)
    if count * n * math.prod(shape) * 4 > MEMORY:
        return views
    values = np.empty((count, n, *shape), dtype=np.float32)
    with progress.stage(title, count * n) as advance:
        for view in range(count):
            for start in range(0, n, PREDICT_BATCH):
                indices = np.arange(start, min(start + PREDICT_BATCH, n))
                values[view, indices] = views.batch(view, indices)
                advance(len(indices))
    return Computed(values)
