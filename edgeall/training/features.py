"""What the trained part sees: augmented views of the images, through the frozen part of the network.

The frozen part does not change while a phase runs, so each view goes through it once and epochs take the views in
turn; where they would not fit into memory, each batch goes through it when it is needed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.pixels import PixelMapping
from edgeall.progress import Progress
from edgeall.training.augment import Augmentation, augmented
from edgeall.training.fit import BatchSource, Indices
from edgeall.training.image_cache import CachedImages
from edgeall.training.model import PREDICT_BATCH, Floats, run_model

MEMORY = 1 << 30
"""Bytes that the views of a phase may take."""


@dataclass(frozen=True)
class Views:
    """Augmented views of images, preprocessed."""

    images: CachedImages
    mapping: PixelMapping
    augmentation: Augmentation
    seed: int

    def batch(self, epoch: int, indices: Indices) -> Floats:
        """View `epoch` of the images at `indices`; view 0 is the images themselves."""
        views = [
            augmented(image, self.augmentation, self.seed, epoch, int(index))
            for image, index in zip(self.images.take(indices), indices, strict=True)
        ]
        return np.asarray(self.mapping.apply(np.stack(views)))


@dataclass(frozen=True)
class FrozenFeatures:
    """What another source gives, through a frozen model."""

    source: BatchSource
    model: Any

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return np.asarray(run_model(self.model, self.source.batch(epoch, indices)))


@dataclass(frozen=True)
class Computed:
    """Views that were computed once: (views, n, ...)."""

    values: Floats

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return np.asarray(self.values[epoch % len(self.values)][indices])


def through(
    source: BatchSource, model: Any, n: int, views: int, title: str, progress: Progress
) -> BatchSource:
    """Views of `n` images through a frozen model, computed once where they fit into `MEMORY`, else when needed."""
    each = FrozenFeatures(source, model)
    shape = model.outputs[0].shape[1:]
    if views * n * math.prod(shape) * 4 > MEMORY:
        return each
    values = np.empty((views, n, *shape), dtype=np.float32)
    with progress.stage(title, views * n) as advance:
        for view in range(views):
            for start in range(0, n, PREDICT_BATCH):
                indices = np.arange(start, min(start + PREDICT_BATCH, n))
                values[view, indices] = each.batch(view, indices)
                advance(len(indices))
    return Computed(values)


def plain(source: BatchSource, n: int) -> Floats:
    """All `n` images of a source, without augmentation, in pieces."""
    pieces = [
        source.batch(0, np.arange(start, min(start + PREDICT_BATCH, n)))
        for start in range(0, n, PREDICT_BATCH)
    ]
    return np.concatenate(pieces)
