"""One phase of training: epochs over batches, watched on validation images, the best of them kept."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from edgeall.errors import FileError, TrainingError
from edgeall.progress import Progress
from edgeall.training.checkpoint import (
    FORGETFUL,
    Arrays,
    Checkpoint,
    TrainingState,
    assign,
    values,
    variables,
)
from edgeall.training.model import Floats, class_probabilities, compiled, run_model
from edgeall.training.settings import Schedule

Indices = npt.NDArray[np.int64]


class BatchSource(Protocol):
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


Record = Callable[[Epoch], None]
"""Told of each epoch as it ends. What it raises ends the training."""


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
class ValidationScores:
    """AUC (macro over classes against the rest), class-weighted cross-entropy, share of right calls."""

    auc: float
    loss: float
    accuracy: float

    def better_than(self, other: "ValidationScores") -> bool:
        """On small sets AUC soon stands at 1 while the loss still tells."""
        return (self.auc, -self.loss) > (other.auc, -other.loss)


@dataclass
class _Standing:
    """A phase after its last complete epoch, beside what its model and optimizer hold."""

    rows: list[Epoch]
    best: ValidationScores
    best_weights: Arrays = field(default_factory=list)
    waited: int = 0

    @property
    def epoch(self) -> int:
        return self.rows[-1].epoch

    def over(self, phase: Phase) -> bool:
        return self.epoch >= phase.epochs or 0 < phase.patience <= self.waited

    def state(self, model: Any) -> TrainingState:
        return TrainingState(
            {"rows": [asdict(row) for row in self.rows], "best": asdict(self.best), "waited": self.waited},
            {
                "model": values(variables(model)),
                "optimizer": values(model.optimizer.variables),
                "best": self.best_weights,
            },
        )

    @classmethod
    def restored(cls, state: TrainingState, model: Any) -> "_Standing":
        model.optimizer.build(model.trainable_variables)
        assign(variables(model), state.arrays["model"])
        assign(model.optimizer.variables, state.arrays["optimizer"])
        rows = [Epoch(**row) for row in state.facts["rows"]]
        return cls(rows, ValidationScores(**state.facts["best"]), state.arrays["best"], state.facts["waited"])


def run_phase(
    model: Any,
    phase: Phase,
    source: BatchSource,
    truth: Truth,
    val_inputs: Floats,
    val_truth: Truth,
    record: Record,
    progress: Progress,
    checkpoint: Checkpoint = FORGETFUL,
) -> list[Epoch]:
    """Train `model` in place and leave it in its best state; with a `patience` of 0, in its last.

    Best is the highest validation AUC, and of equal ones the lowest validation loss. The state before the first
    epoch takes part. Where `checkpoint` has a state of this phase, training goes on from there, and `record` is
    told of the epochs before it first.

    Returns:
        All that `record` was told.

    Raises:
        TrainingError: the loss is no longer a finite number.
    """
    outputs = model.outputs[0].shape[-1]
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    compiled(model, optimizer=keras.optimizers.Adam(phase.rate), loss=loss, metrics=["accuracy"])
    targets = truth.classes.astype(np.float32)[:, None] if outputs == 1 else truth.classes
    kept = checkpoint.load(phase.name)
    if kept is not None:
        standing = _Standing.restored(kept, model)
        progress.note(f"{phase.name}: goes on after epoch {standing.epoch}, where training was interrupted")
    else:
        now = validation(model, val_inputs, val_truth)
        nan = float("nan")
        first = Epoch(phase.name, 0, nan, now.loss, now.auc, nan, now.accuracy, phase.rate, 0.0)
        standing = _Standing([first], now, model.get_weights() if phase.patience else [])
    for row in standing.rows:
        record(row)
    saved = time.monotonic()
    with progress.stage(phase.name, phase.epochs) as advance:
        advance(standing.epoch)
        while not standing.over(phase):
            started = time.monotonic()
            mean_loss, accuracy = _epoch(model, phase, standing.epoch, source, targets, truth.weights)
            now = validation(model, val_inputs, val_truth)
            number = standing.epoch + 1
            if not (np.isfinite(mean_loss) and np.isfinite(now.loss)):
                raise TrainingError(
                    f"training diverged in epoch {number} of '{phase.name}' (the loss is {mean_loss}); "
                    f"give a lower learning rate than {phase.rate:g}"
                )
            seconds = time.monotonic() - started
            standing.rows.append(
                Epoch(
                    phase.name,
                    number,
                    mean_loss,
                    now.loss,
                    now.auc,
                    accuracy,
                    now.accuracy,
                    phase.rate,
                    seconds,
                )
            )
            if phase.patience:
                standing.waited += 1
                if now.better_than(standing.best):
                    standing.best, standing.best_weights, standing.waited = now, model.get_weights(), 0
            record(standing.rows[-1])
            if time.monotonic() - saved >= checkpoint.interval:
                checkpoint = _keep(checkpoint, phase.name, standing.state(model), progress)
                saved = time.monotonic()
            advance(1)
    if phase.patience:
        model.set_weights(standing.best_weights)
    return standing.rows


def once(
    name: str,
    model: Any,
    train: Callable[[], list[Epoch]],
    record: Record,
    progress: Progress,
    checkpoint: Checkpoint,
) -> None:
    """Call `train`, which changes `model` in place; or, where it came to its end before, take what it gave then."""
    finished = f"{name}, finished"
    kept = checkpoint.load(finished)
    if kept is None:
        rows = [asdict(row) for row in train()]
        _keep(
            checkpoint, finished, TrainingState({"rows": rows}, {"model": values(variables(model))}), progress
        )
        return
    assign(variables(model), kept.arrays["model"])
    progress.note(f"{name}: was finished when training was interrupted")
    for row in kept.facts["rows"]:
        record(Epoch(**row))


def _keep(checkpoint: Checkpoint, phase: str, state: TrainingState, progress: Progress) -> Checkpoint:
    """Save `state`; returns the checkpoint to use from now on. A full disk is no reason to end a training."""
    try:
        checkpoint.save(phase, state)
    except FileError as error:
        progress.note(
            f"{checkpoint.folder}: where training stands cannot be kept there ({error.reason}); "
            "it goes on, and begins again if it is interrupted"
        )
        return FORGETFUL
    return checkpoint


def _epoch(
    model: Any, phase: Phase, epoch: int, source: BatchSource, targets: npt.NDArray[Any], weights: Floats
) -> tuple[float, float]:
    """Mean loss and accuracy over the batches of one epoch, trained on."""
    seen = []
    order = batches(len(targets), phase.batch_size, phase.seed, epoch)
    for number, indices in enumerate(order):
        model.optimizer.learning_rate = phase.rate * share(phase, epoch + number / len(order))
        # Keras accumulates metrics over calls; these are of the batch alone.
        model.reset_metrics()
        inputs = source.batch(epoch, indices)
        seen.append(model.train_on_batch(inputs, targets[indices], sample_weight=weights[indices]))
    mean = np.mean(np.asarray(seen, dtype=np.float64), axis=0)
    return float(mean[0]), float(mean[1])


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


def validation(model: Any, inputs: Floats, truth: Truth) -> ValidationScores:
    """What the model, as it stands, says of images that it does not learn from. All NaN where it says NaN."""
    probabilities = class_probabilities(run_model(model, inputs))
    if not np.isfinite(probabilities).all():
        return ValidationScores(float("nan"), float("nan"), float("nan"))
    classes = truth.classes
    areas = [
        roc_auc_score(classes == k, probabilities[:, k])
        for k in range(probabilities.shape[1])
        if 0 < (classes == k).mean() < 1
    ]
    chosen = np.clip(probabilities[np.arange(len(classes)), classes], 1e-7, 1.0)
    # Of two classes the second is called from 0.5 on, as a threshold does.
    called = probabilities[:, 1] >= 0.5 if probabilities.shape[1] == 2 else probabilities.argmax(axis=1)
    return ValidationScores(
        float(np.mean(areas)),
        float(np.average(-np.log(chosen), weights=truth.weights)),
        float((called == classes).mean()),
    )
