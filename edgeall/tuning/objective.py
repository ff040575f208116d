"""What a trial is worth: how well its training does on validation images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeall.datasets import Dataset
from edgeall.progress import SILENT, Progress
from edgeall.runs import Split
from edgeall.training.finetune import fit
from edgeall.training.fit import Epoch
from edgeall.training.settings import TrainingSettings

LOSS_WEIGHT = 0.01
"""AUC that a nat of validation loss is worth."""

SECOND_PHASE = 10_000
"""Step of the second phase's epoch 0, and of no folds: past any epoch of the first phase, so that like is compared
with like."""

Watch = Callable[[int, float], None]
"""Told of a step and of what the trial is worth after it. What it raises ends the trial."""


@dataclass(frozen=True)
class TrialScore:
    """Validation AUC and class-weighted cross-entropy of the epochs that were kept, means over folds; and `value`,
    by which trials are compared."""

    value: float
    auc: float
    loss: float


def score(auc: float, loss: float) -> float:
    """AUC, less a hundredth of the loss (of at most 1).

    AUC is what the classifier is judged by, but n healthy and m positive images give it only n·m + 1 values, and in
    small validation sets many trials share one, often 1.0. The loss, finer and a proper score, decides among those:
    it can outweigh a difference in AUC of less than 0.01, which tens of images cannot tell from chance, and none
    that is larger. It is capped because a few confident errors make it large, which calibration mends afterwards.
    """
    return auc - LOSS_WEIGHT * min(loss, 1.0)


def kept(rows: Sequence[Epoch], patience: int) -> Epoch:
    """The epoch whose weights training keeps, as `run_phase` chooses, should it end with the last of `rows`."""
    phase = [row for row in rows if row.phase == rows[-1].phase]
    if not patience and not is_head(phase[0]):
        return phase[-1]
    return max(phase, key=lambda row: (row.val_auc, -row.val_loss))


def is_head(row: Epoch) -> bool:
    """Whether the row is of the first phase, the head on frozen features."""
    return row.phase.endswith(": head")


def worth(
    dataset: Dataset,
    splits: Sequence[Split],
    settings: TrainingSettings,
    watch: Watch,
    title: str,
    progress: Progress,
) -> TrialScore:
    """Train on each split's train part and see what its validation part says; no test image is opened.

    `watch` is told after each epoch of a single split, by phase and epoch; of several, after each split, of the mean
    so far.

    Raises:
        TrainingError: the training diverged.
        Exception: whatever `watch` raises.
    """
    found: list[Epoch] = []
    epochs = (settings.head_epochs + settings.epochs) * len(splits)
    with progress.stage(title, epochs) as advance:
        for split in splits:
            rows: list[Epoch] = []

            def record(row: Epoch, rows: list[Epoch] = rows) -> None:
                rows.append(row)
                if len(splits) == 1:
                    best = kept(rows, settings.patience)
                    step = row.epoch + (0 if is_head(row) else SECOND_PHASE)
                    watch(step, score(best.val_auc, best.val_loss))
                advance(1 if row.epoch else 0)

            fit(dataset, split, settings, record, SILENT, parts=("train", "val"))
            found.append(kept(rows, settings.patience))
            if len(splits) > 1:
                watch(SECOND_PHASE + len(found), _mean(found).value)
    return _mean(found)


def _mean(rows: Sequence[Epoch]) -> TrialScore:
    return TrialScore(
        float(np.mean([score(row.val_auc, row.val_loss) for row in rows])),
        float(np.mean([row.val_auc for row in rows])),
        float(np.mean([row.val_loss for row in rows])),
    )
