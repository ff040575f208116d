"""Standardization of features while the head trains, folded into the head's weights afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.training.fit import BatchSource, Indices
from edgeall.training.model import Floats

_SAMPLE = 64


@dataclass(frozen=True)
class StandardizedFeatures:
    """A source whose features each have mean 0, with a mean square of 1 over all features.

    All features share one scale. With a scale for each, the folded weights of rare features would become so large that
    INT8 quantization loses the others.
    """

    source: BatchSource
    mean: Floats
    scale: float

    @classmethod
    def of(cls, source: BatchSource, n: int) -> "StandardizedFeatures":
        """Mean and scale from view 0 of `n` images, in batches of 64."""
        total, squares, count = 0.0, 0.0, 0
        for start in range(0, n, _SAMPLE):
            values = source.batch(0, np.arange(start, min(start + _SAMPLE, n))).astype(np.float64)
            total, squares, count = total + values.sum(0), squares + (values**2).sum(0), count + len(values)
        mean = np.asarray(total / count)
        spread = float(np.sqrt(max(0.0, float((squares / count - mean**2).mean()))))
        return cls(source, mean.astype(np.float32), spread or 1.0)

    def apply(self, features: Floats) -> Floats:
        return np.asarray((features - self.mean) / self.scale, dtype=np.float32)

    def batch(self, epoch: int, indices: Indices) -> Floats:
        return self.apply(self.source.batch(epoch, indices))

    def fold_into(self, head: Sequence[Any]) -> None:
        """Change the weights of the first dense layer so that it computes the same from features as they are."""
        dense = next(layer for layer in head if layer.weights)
        kernel, bias = (np.asarray(array, dtype=np.float64) for array in dense.get_weights())
        kernel = kernel / self.scale
        dense.set_weights([kernel.astype(np.float32), (bias - self.mean @ kernel).astype(np.float32)])
