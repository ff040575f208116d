"""One fold of a cross-validation, trained by a worker of a cluster. Imports no engine before a fold is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall import files
from edgeall.datasets import Dataset
from edgeall.runs import PARTS, Split
from edgeall.training.settings import TrainingSettings
from edgeall.training.workers import Answer, Conditions, UntilUnwanted, answered, check_images, check_weights

if TYPE_CHECKING:
    from edgeall.cluster import Shared


@dataclass(frozen=True)
class FoldContext:
    """What all folds of a cross-validation have in common.

    Attributes:
        overwrite: train folds anew that are finished.
        weights: SHA-256 of the file of initial weights; None without one.
    """

    dataset: Dataset
    settings: TrainingSettings
    overwrite: bool
    conditions: Conditions
    weights: str | None


def train_fold_there(context: "Shared[FoldContext]", split: Split, folder: Path) -> Answer[None]:
    """Train a fold on a worker, into `folder`, from the checkpoint of a worker that was lost where there is one.

    One worker at a time works on a fold: one that is taken for lost may still be at work.

    Raises:
        ClusterError: the worker cannot train as the client would.
        DatasetError, UsageError: it does not see the client's images or weights.
    """
    common = context.get()
    progress = UntilUnwanted()
    check_images(common.dataset.root, [member for part in PARTS for member in split.part(part)])
    check_weights(common.settings, common.weights)
    with common.conditions.imposed(), files.alone(lock_of(folder), lambda: None):
        from edgeall.training.finetune import fine_tune
        from edgeall.training.folds import finished

        progress.check()
        if common.overwrite or finished(folder, common.dataset, split, common.settings) is None:
            fine_tune(common.dataset, split, common.settings, folder, True, progress)
        return answered(None)


def lock_of(folder: Path) -> Path:
    """The file that is locked while a worker trains the fold."""
    return folder.with_name(f".{folder.name}.lock")
