"""One phase of training: epochs over batches, watched on validation images, the best of them kept."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from edgeall.errors import EdgeallError
from edgeall.progress import Progress
from edgeall.training.model import Floats, class_probabilities, compiled, run_model

Indices = npt.NDArray[np.int64]


class Source(Protocol):
    """Where a phase takes its training inputs from."""

    def batch(self, epoch: int, indices: Indices) -> Floats:
        """Inputs of the images at `indices`, in the variation that `epoch` shows."""
        ...


@dataclass(frozen=True)
class Epoch:
    """A row of `history.csv`. Losses are class-weighted cross-entropies; epoch 0 is the state before the phase."""

    phase: str
    epoch: int
    loss: float
    val_loss: float
    val_auc: float
    rate: float
    seconds: float


@dataclass(frozen=True)
class Phase:
    """What to do, and how long. `patience`: epochs without a better validation before giving up."""

    name: str
    epochs: int
    rate: float
    batch_size: int
    patience: int
    seed: int


@dataclass(frozen=True)
class Truth:
    """Class index (n,) and weight (n,) of each image."""

    classes: Indices
    weights: Floats


def run_phase(
    model: Any,
    phase: Phase,
    source: Source,
    truth: Truth,
    val_inputs: Floats,
    val_truth: Truth,
    record: Callable[[Epoch], None],
    progress: Progress,
) -> None:
    """Train `model` in place and leave it in its best state.

    Best is the highest validation AUC, and of equal ones the lowest validation loss: on small validation sets
    AUC soon stands at 1 while the loss still tells. The state before the first epoch takes part.

    Raises:
        EdgeallError: the loss is no longer a finite number.
    """
    outputs = model.outputs[0].shape[-1]
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    compiled(model, optimizer=keras.optimizers.Adam(phase.rate), loss=loss)
    targets = truth.classes.astype(np.float32)[:, None] if outputs == 1 else truth.classes
    best = validation(model, val_inputs, val_truth)
    best_weights, waited = model.get_weights(), 0
    record(Epoch(phase.name, 0, float("nan"), best[1], best[0], phase.rate, 0.0))
    with progress.stage(phase.name, phase.epochs) as advance:
        for epoch in range(phase.epochs):
            started = time.monotonic()
            losses = []
            order = batches(len(targets), phase.batch_size, phase.seed, epoch)
            for number, indices in enumerate(order):
                model.optimizer.learning_rate = phase.rate * pace(epoch + number / len(order), phase.epochs)
                # Keras accumulates metrics over calls; this is the loss of the batch alone.
                model.reset_metrics()
                inputs = source.batch(epoch, indices)
                loss_value = model.train_on_batch(
                    inputs, targets[indices], sample_weight=truth.weights[indices]
                )
                losses.append(float(loss_value))
            value = float(np.mean(losses))
            area, val_loss = validation(model, val_inputs, val_truth)
            if not (np.isfinite(value) and np.isfinite(val_loss)):
                raise EdgeallError(
                    f"training diverged in epoch {epoch + 1} of '{phase.name}' (the loss is {value}); "
                    f"give a lower learning rate than {phase.rate:g}"
                )
            record(
                Epoch(phase.name, epoch + 1, value, val_loss, area, phase.rate, time.monotonic() - started)
            )
            advance(1)
            waited += 1
            if (area, -val_loss) > (best[0], -best[1]):
                best, best_weights, waited = (area, val_loss), model.get_weights(), 0
            if waited >= phase.patience:
                break
    model.set_weights(best_weights)


def pace(at: float, epochs: int) -> float:
    """Share of the learning rate to use after `at` of `epochs` epochs, fractions of them included.

    It rises over the first epoch, since Adam's first steps are as long as any while its averages are still noise,
    which can undo pretrained layers; then it falls along half a cosine, so that the last epochs settle.
    Source: Loshchilov and Hutter, SGDR, ICLR 2017.
    """
    if at < 1:
        return max(at, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (at - 1) / max(epochs - 1, 1)))


def batches(n: int, size: int, seed: int, epoch: int) -> Indices:
    """The order of an epoch, (number of batches, size). The last is filled up from the first: one traced shape."""
    size = min(size, n)
    order = np.random.default_rng([seed, epoch]).permutation(n)
    return np.resize(order, (-(-n // size), size))


def validation(model: Any, inputs: Floats, truth: Truth) -> tuple[float, float]:
    """AUC (macro over classes against the rest) and class-weighted cross-entropy."""
    probabilities = class_probabilities(run_model(model, inputs))
    if not np.isfinite(probabilities).all():
        return float("nan"), float("nan")
    classes = truth.classes
    areas = [
        roc_auc_score(classes == k, probabilities[:, k])
        for k in range(probabilities.shape[1])
        if 0 < (classes == k).mean() < 1
    ]
    chosen = np.clip(probabilities[np.arange(len(classes)), classes], 1e-7, 1.0)
    return float(np.mean(areas)), float(np.average(-np.log(chosen), weights=truth.weights))
