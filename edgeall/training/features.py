"""Feature caching: augmented views of the images, passed through the frozen part of the network.

The frozen part does not change during a phase, so the features of each view are computed once, and epochs use the views
in turn. Where they do not fit into memory, the features of each batch are computed on demand.
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
"""Most bytes of cached features of a phase."""


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
    """Batches of another source, passed through a frozen model on demand."""

    source: BatchSource
    model: Any

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return np.asarray(run_model(self.model, self.source.batch(epoch, indices)))


@dataclass(frozen=True)
class CachedFeatures:
    """Features computed once: (views, n, ...)."""

    values: Floats

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return np.asarray(self.values[epoch % len(self.values)][indices])


def frozen_features(
    source: BatchSource, model: Any, n: int, views: int, title: str, progress: Progress
) -> BatchSource:
    """Features of `views` views of `n` images by a frozen model, cached where they fit into `MEMORY`."""
    on_demand = FrozenFeatures(source, model)
    shape = model.outputs[0].shape[1:]
    if views * n * math.prod(shape) * 4 > MEMORY:
        return on_demand
    values = np.empty((views, n, *shape), dtype=np.float32)
    with progress.stage(title, views * n) as advance:
        for view in range(views):
            for start in range(0, n, PREDICT_BATCH):
                indices = np.arange(start, min(start + PREDICT_BATCH, n))
                values[view, indices] = on_demand.batch(view, indices)
                advance(len(indices))
    return CachedFeatures(values)


def unaugmented(source: BatchSource, n: int) -> Floats:
    """All `n` images of a source without augmentation, (n, ...), computed in batches of `PREDICT_BATCH`."""
    pieces = [
        source.batch(0, np.arange(start, min(start + PREDICT_BATCH, n)))
        for start in range(0, n, PREDICT_BATCH)
    ]
    return np.concatenate(pieces)
