"""One phase of training: epochs over batches, with validation, early stopping and checkpoints."""

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
    NO_CHECKPOINT,
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
    """Source of the training inputs of a phase."""

    def batch(self, epoch: int, indices: Indices) -> Floats:
        """Inputs (n, ...) of the images at `indices` (n,), augmented as in `epoch`."""
        ...


@dataclass(frozen=True)
class Epoch:
    """A row of `history.csv`; epoch 0 is the state before the phase, where training figures are NaN.

    Losses are class-weighted cross-entropies in nats, accuracies unweighted shares of images. Training figures are
    means over the batches of the epoch: on augmented images, under dropout, with weights that change between batches.
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
"""Called at the end of each epoch. An exception from it ends the training."""


@dataclass(frozen=True)
class Phase:
    """Settings of a phase.

    Attributes:
        epochs: most epochs.
        rate: learning rate of Adam.
        patience: epochs without a better validation before the phase ends, with the best epoch kept. With 0 all epochs
            run, and the last is kept.
        schedule: "cosine" warms up and then falls to 0, "constant" stays at `rate`.
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
    """AUC (macro over classes against the rest), class-weighted cross-entropy in nats, accuracy."""

    auc: float
    loss: float
    accuracy: float

    def better_than(self, other: "ValidationScores") -> bool:
        """By AUC, then by loss: on small sets AUC soon reaches 1 while the loss still improves."""
        return (self.auc, -self.loss) > (other.auc, -other.loss)


@dataclass
class _PhaseState:
    """A phase after its last complete epoch, without the state of its model and optimizer.

    Attributes:
        waited: epochs since the best one.
    """

    rows: list[Epoch]
    best: ValidationScores
    best_weights: Arrays = field(default_factory=list)
    waited: int = 0

    @classmethod
    def initial(cls, model: Any, phase: Phase, scores: ValidationScores) -> "_PhaseState":
        nan = float("nan")
        row = Epoch(phase.name, 0, nan, scores.loss, scores.auc, nan, scores.accuracy, phase.rate, 0.0)
        return cls([row], scores, model.get_weights() if phase.patience else [])

    @property
    def epoch(self) -> int:
        return self.rows[-1].epoch

    def is_over(self, phase: Phase) -> bool:
        return self.epoch >= phase.epochs or 0 < phase.patience <= self.waited

    def add(self, row: Epoch, scores: ValidationScores, model: Any, phase: Phase) -> None:
        """Append an epoch; with a patience, keep the model's weights where they are the best so far."""
        self.rows.append(row)
        if phase.patience:
            self.waited += 1
            if scores.better_than(self.best):
                self.best, self.best_weights, self.waited = scores, model.get_weights(), 0

    def to_checkpoint(self, model: Any) -> TrainingState:
        return TrainingState(
            {"rows": [asdict(row) for row in self.rows], "best": asdict(self.best), "waited": self.waited},
            {
                "model": values(variables(model)),
                "optimizer": values(model.optimizer.variables),
                "best": self.best_weights,
            },
        )

    @classmethod
    def from_checkpoint(cls, state: TrainingState, model: Any) -> "_PhaseState":
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
    checkpoint: Checkpoint = NO_CHECKPOINT,
    settle: Callable[[], None] = lambda: None,
) -> list[Epoch]:
    """Train `model` in place and leave it in its best state; with a `patience` of 0, in its last.

    The best state has the highest validation AUC and, among equals, the lowest validation loss. It can be the state
    before the first epoch. Where `checkpoint` has a state of this phase, training resumes from there, and `record` is
    first called for the epochs before it.

    Args:
        settle: called after each epoch's training, before its validation; it may change weights of `model`.

    Returns:
        All epochs, as passed to `record`.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    outputs = model.outputs[0].shape[-1]
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    compiled(model, optimizer=keras.optimizers.Adam(phase.rate), loss=loss, metrics=["accuracy"])
    targets = truth.classes.astype(np.float32)[:, None] if outputs == 1 else truth.classes
    saved_state = checkpoint.load(phase.name)
    if saved_state is not None:
        state = _PhaseState.from_checkpoint(saved_state, model)
        progress.note(f"{phase.name}: resuming after epoch {state.epoch}, where training was interrupted")
    else:
        state = _PhaseState.initial(model, phase, validate(model, val_inputs, val_truth))
    for row in state.rows:
        record(row)
    last_save = time.monotonic()
    with progress.stage(phase.name, phase.epochs) as advance:
        advance(state.epoch)
        while not state.is_over(phase):
            started = time.monotonic()
            trained = _train_epoch(model, phase, state.epoch, source, targets, truth.weights)
            settle()
            scores = validate(model, val_inputs, val_truth)
            row = _row(phase, state.epoch + 1, trained, scores, time.monotonic() - started)
            state.add(row, scores, model, phase)
            record(row)
            if time.monotonic() - last_save >= checkpoint.interval:
                checkpoint = _save(checkpoint, phase.name, state.to_checkpoint(model), progress)
                last_save = time.monotonic()
            advance(1)
    if phase.patience:
        model.set_weights(state.best_weights)
    return state.rows


def run_once(
    name: str,
    model: Any,
    train: Callable[[], list[Epoch]],
    record: Record,
    progress: Progress,
    checkpoint: Checkpoint,
) -> None:
    """Call `train`, which changes `model` in place, unless `checkpoint` has its result already."""
    finished = f"{name}, finished"
    result = checkpoint.load(finished)
    if result is None:
        rows = [asdict(row) for row in train()]
        _save(
            checkpoint, finished, TrainingState({"rows": rows}, {"model": values(variables(model))}), progress
        )
        return
    assign(variables(model), result.arrays["model"])
    progress.note(f"{name}: was complete when training was interrupted")
    for row in result.facts["rows"]:
        record(Epoch(**row))


def _save(checkpoint: Checkpoint, phase: str, state: TrainingState, progress: Progress) -> Checkpoint:
    """Save `state`; returns the checkpoint to use from now on. A full disk does not end the training."""
    try:
        checkpoint.save(phase, state)
    except FileError as error:
        progress.note(
            f"{checkpoint.folder}: checkpoints cannot be written there ({error.reason}); "
            "training continues, and starts again from the beginning if it is interrupted"
        )
        return NO_CHECKPOINT
    return checkpoint


def _row(
    phase: Phase, number: int, trained: tuple[float, float], scores: ValidationScores, seconds: float
) -> Epoch:
    loss, accuracy = trained
    if not (np.isfinite(loss) and np.isfinite(scores.loss)):
        raise TrainingError(
            f"training diverged in epoch {number} of '{phase.name}' (the loss is {loss}); "
            f"give a lower learning rate than {phase.rate:g}"
        )
    return Epoch(
        phase.name, number, loss, scores.loss, scores.auc, accuracy, scores.accuracy, phase.rate, seconds
    )


def _train_epoch(
    model: Any, phase: Phase, epoch: int, source: BatchSource, targets: npt.NDArray[Any], weights: Floats
) -> tuple[float, float]:
    """Train on the batches of one epoch; returns mean loss and accuracy over them."""
    figures = []
    order = batches(len(targets), phase.batch_size, phase.seed, epoch)
    for number, indices in enumerate(order):
        model.optimizer.learning_rate = phase.rate * rate_factor(phase, epoch + number / len(order))
        # Keras accumulates metrics over calls. After the reset they are those of one batch.
        model.reset_metrics()
        inputs = source.batch(epoch, indices)
        figures.append(model.train_on_batch(inputs, targets[indices], sample_weight=weights[indices]))
    mean = np.mean(np.asarray(figures, dtype=np.float64), axis=0)
    return float(mean[0]), float(mean[1])


def rate_factor(phase: Phase, at: float) -> float:
    """Factor of the phase's learning rate after `at` epochs, fractions included."""
    return warmup_cosine(at, phase.epochs) if phase.schedule == "cosine" else 1.0


def warmup_cosine(at: float, epochs: int) -> float:
    """Factor of the learning rate, in 0..1, after `at` of `epochs` epochs, fractions included.

    It rises linearly over the first epoch, because Adam's first steps have full length while its averages are still
    noise, which can spoil pretrained layers. Then it falls along half a cosine.
    Source: Loshchilov and Hutter, SGDR, ICLR 2017.
    """
    if at < 1:
        return max(at, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (at - 1) / max(epochs - 1, 1)))


def batches(n: int, size: int, seed: int, epoch: int) -> Indices:
    """Shuffled indices of an epoch, (number of batches, size).

    The last batch is filled up from the first, so that Keras traces one shape only.
    """
    size = min(size, n)
    order = np.random.default_rng([seed, epoch]).permutation(n)
    return np.resize(order, (-(-n // size), size))


def validate(model: Any, inputs: Floats, truth: Truth) -> ValidationScores:
    """Scores of the model in its present state on validation images. All are NaN where an output is not finite."""
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
    # With two classes, 0.5 counts as the second, as with a threshold.
    called = probabilities[:, 1] >= 0.5 if probabilities.shape[1] == 2 else probabilities.argmax(axis=1)
    return ValidationScores(
        float(np.mean(areas)),
        float(np.average(-np.log(chosen), weights=truth.weights)),
        float((called == classes).mean()),
    )
