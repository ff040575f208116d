"""The objective of a trial: the scores of its training on validation images."""

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
"""Weight of a nat of validation loss, in units of AUC."""

SECOND_PHASE = 10_000
"""Step of the second phase's epoch 0, and offset of folds. It lies past any epoch of the first phase, so that trials
are compared at the same epoch of the same phase."""

Report = Callable[[int, float], None]
"""Called with a step and the trial's value after it. An exception from it ends the trial."""


@dataclass(frozen=True)
class TrialScore:
    """Scores of the kept epochs on validation images, means over folds.

    Attributes:
        value: what trials are compared by, see `objective`.
        loss: class-weighted cross-entropy, in nats.
    """

    value: float
    auc: float
    loss: float


def objective(auc: float, loss: float) -> float:
    """AUC, less a hundredth of the loss (of at most 1 nat).

    Classifiers are compared by AUC, but with n healthy and m positive images it has only n·m + 1 values, and in small
    validation sets many trials share one, often 1.0. The loss, a proper score with finer values, decides among them.
    It outweighs differences in AUC of less than 0.01 only, which are not significant on tens of images. It is capped
    because a few confident errors make it large, and calibration corrects those later.
    """
    return auc - LOSS_WEIGHT * min(loss, 1.0)


def kept_epoch(rows: Sequence[Epoch], patience: int) -> Epoch:
    """The epoch whose weights `run_phase` keeps if training ends with the last of `rows`."""
    phase = [row for row in rows if row.phase == rows[-1].phase]
    if not patience and not is_head(phase[0]):
        return phase[-1]
    return max(phase, key=lambda row: (row.val_auc, -row.val_loss))


def is_head(row: Epoch) -> bool:
    """Whether the row is of the first phase, the head on frozen features."""
    return row.phase.endswith(": head")


def score_trial(
    dataset: Dataset,
    splits: Sequence[Split],
    settings: TrainingSettings,
    report: Report,
    title: str,
    progress: Progress,
) -> TrialScore:
    """Train on each split's train part and score on its validation part. No test image is read.

    Args:
        report: with a single split, called after each epoch; with several, after each split, with the mean so far.

    Raises:
        TrainingError: the training diverged.
        Exception: whatever `report` raises.
    """
    finished: list[Epoch] = []
    epochs = (settings.head_epochs + settings.epochs) * len(splits)
    with progress.stage(title, epochs) as advance:
        for split in splits:
            rows: list[Epoch] = []

            def record(row: Epoch, rows: list[Epoch] = rows) -> None:
                rows.append(row)
                if len(splits) == 1:
                    best = kept_epoch(rows, settings.patience)
                    step = row.epoch + (0 if is_head(row) else SECOND_PHASE)
                    report(step, objective(best.val_auc, best.val_loss))
                advance(1 if row.epoch else 0)

            fit(dataset, split, settings, record, SILENT, parts=("train", "val"))
            finished.append(kept_epoch(rows, settings.patience))
            if len(splits) > 1:
                report(SECOND_PHASE + len(finished), _mean(finished).value)
    return _mean(finished)


def _mean(rows: Sequence[Epoch]) -> TrialScore:
    return TrialScore(
        float(np.mean([objective(row.val_auc, row.val_loss) for row in rows])),
        float(np.mean([row.val_auc for row in rows])),
        float(np.mean([row.val_loss for row in rows])),
    )
