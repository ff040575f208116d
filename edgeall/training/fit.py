"""One phase of training: epochs over batches, watched on validation images, the best of them kept."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from edgeall.errors import EdgeallError
from edgeall.progress import Progress
from edgeall.training.model import Floats, class_probabilities, compiled, run_model

Indices = npt.NDArray[np.int64]
Schedule = Literal["cosine", "constant"]


class Source(Protocol):
    """Where a phase takes its training inputs from."""

    def batch(self, epoch: int, indices: Indices) -> Floats:
        """Inputs of the images at `indices`, in the variation that `epoch` shows."""
        ...


@dataclass(frozen=True)
class Epoch:
    """A row of `history.csv`; epoch 0 is the state before the phase, of which no training figure is known.

    Losses are class-weighted cross-entropies, accuracies plain shares of images. Those of training are as seen
    while the epoch went on: on augmented images, under dropout, of weights that change from batch to batch.
    """

    phase: str
    epoch: int
    loss: float
    val_loss: float
    val_auc: float
    accuracy: float
    val_accuracy: float
    rate: float
    seconds: float


@dataclass(frozen=True)
class Phase:
    """What to do, and how long.

    Attributes:
        patience: epochs without a better validation before giving up, the best epoch kept. 0: all epochs run,
            and the last is kept whatever validation says of it.
        schedule: "cosine" warms up and falls to nothing, "constant" stays at `rate`.
    """

    name: str
    epochs: int
    rate: float
    batch_size: int
    patience: int
    seed: int
    schedule: Schedule = "cosine"


@dataclass(frozen=True)
class Truth:
    """Class index (n,) and weight (n,) of each image."""

    classes: Indices
    weights: Floats


@dataclass(frozen=True)
class Validation:
    """AUC (macro over classes against the rest), class-weighted cross-entropy, share of right calls."""

    auc: float
    loss: float
    accuracy: float

    def better_than(self, other: "Validation") -> bool:
        """On small sets AUC soon stands at 1 while the loss still tells."""
        return (self.auc, -self.loss) > (other.auc, -other.loss)


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
    """Train `model` in place and leave it in its best state; with a `patience` of 0, in its last.

    Best is the highest validation AUC, and of equal ones the lowest validation loss. The state before the first
    epoch takes part.

    Raises:
        EdgeallError: the loss is no longer a finite number.
    """
    outputs = model.outputs[0].shape[-1]
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    compiled(model, optimizer=keras.optimizers.Adam(phase.rate), loss=loss, metrics=["accuracy"])
    targets = truth.classes.astype(np.float32)[:, None] if outputs == 1 else truth.classes
    best = validation(model, val_inputs, val_truth)
    best_weights, waited = model.get_weights(), 0
    nan = float("nan")
    record(Epoch(phase.name, 0, nan, best.loss, best.auc, nan, best.accuracy, phase.rate, 0.0))
    with progress.stage(phase.name, phase.epochs) as advance:
        for epoch in range(phase.epochs):
            started = time.monotonic()
            seen = []
            order = batches(len(targets), phase.batch_size, phase.seed, epoch)
            for number, indices in enumerate(order):
                model.optimizer.learning_rate = phase.rate * share(phase, epoch + number / len(order))
                # Keras accumulates metrics over calls; these are of the batch alone.
                model.reset_metrics()
                inputs = source.batch(epoch, indices)
                weights = truth.weights[indices]
                seen.append(model.train_on_batch(inputs, targets[indices], sample_weight=weights))
            mean_loss, accuracy = (
                float(value) for value in np.mean(np.asarray(seen, dtype=np.float64), axis=0)
            )
            now = validation(model, val_inputs, val_truth)
            if not (np.isfinite(mean_loss) and np.isfinite(now.loss)):
                raise EdgeallError(
                    f"training diverged in epoch {epoch + 1} of '{phase.name}' (the loss is {mean_loss}); "
                    f"give a lower learning rate than {phase.rate:g}"
                )
            seconds = time.monotonic() - started
            record(
                Epoch(
                    phase.name,
                    epoch + 1,
                    mean_loss,
                    now.loss,
                    now.auc,
                    accuracy,
                    now.accuracy,
                    phase.rate,
                    seconds,
                )
            )
            advance(1)
            if not phase.patience:
                continue
            waited += 1
            if now.better_than(best):
                best, best_weights, waited = now, model.get_weights(), 0
            if waited >= phase.patience:
                break
    if phase.patience:
        model.set_weights(best_weights)


def share(phase: Phase, at: float) -> float:
    """Share of the phase's learning rate to use after `at` of its epochs, fractions of them included."""
    return pace(at, phase.epochs) if phase.schedule == "cosine" else 1.0


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


def validation(model: Any, inputs: Floats, truth: Truth) -> Validation:
    """What the model, as it stands, says of images that it does not learn from. All NaN where it says NaN."""
    probabilities = class_probabilities(run_model(model, inputs))
    if not np.isfinite(probabilities).all():
        return Validation(float("nan"), float("nan"), float("nan"))
    classes = truth.classes
    areas = [
        roc_auc_score(classes == k, probabilities[:, k])
        for k in range(probabilities.shape[1])
        if 0 < (classes == k).mean() < 1
    ]
    chosen = np.clip(probabilities[np.arange(len(classes)), classes], 1e-7, 1.0)
    # Of two classes the second is called from 0.5 on, as a threshold does.
    called = probabilities[:, 1] >= 0.5 if probabilities.shape[1] == 2 else probabilities.argmax(axis=1)
    return Validation(
        float(np.mean(areas)),
        float(np.average(-np.log(chosen), weights=truth.weights)),
        float((called == classes).mean()),
    )
