"""Backbones, heads and fine-tuning with Keras 3 and NumPy, under any Keras backend.

Importing this package imports no engine. Training and loading a model do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall import files
from edgeall.errors import RunError, UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run, Split, check_name
from edgeall.silence_stderr import hushed
from edgeall.training.augment import Augmentation
from edgeall.training.backbones import BACKBONES, FINE_TUNE, Backbone, find_backbone, parameter_table
from edgeall.training.heads import HEADS, Head
from edgeall.training.protocols import RECIPES
from edgeall.training.settings import CALIBRATIONS, RANDOM, TrainingSettings

if TYPE_CHECKING:
    from edgeall.datasets import Dataset
    from edgeall.training.folds import Pooled

__all__ = [
    "BACKBONES",
    "CALIBRATIONS",
    "FINE_TUNE",
    "HEADS",
    "RECIPES",
    "Augmentation",
    "Backbone",
    "Head",
    "TrainingSettings",
    "choose_split",
    "cross_validate",
    "find_backbone",
    "load_model",
    "parameter_table",
    "train",
]


def train(
    dataset_root: AnyPath,
    settings: TrainingSettings,
    out: AnyPath = RUNS_FOLDER,
    progress: Progress = SILENT,
    *,
    name: str | None = None,
    split: Split | AnyPath | None = None,
    positive: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Run:
    """Fine-tune a backbone on the images under `dataset_root` and write the run `out/name`.

    Args:
        name: default: backbone, head and data folder, as in "mobilenetv2-gap-cnmc".
        split: one to train on, or the file that holds it; default: made from the data, seeded, by
            subject where subjects are known.
        positive: labels that count as positive, where the dataset layout does not define them.

    The test part is scored once, at the end, for `run.metrics["test"]`. No choice depends on it.

    Raises:
        UsageError: `out/name` exists and not `overwrite`; weights of another backbone.
        DatasetError: no usable dataset.
        EdgeallError: training diverged, or ImageNet weights cannot be downloaded.
    """
    out = Path(out)
    if name is not None:
        check_name(name)
        _refuse(out / name, overwrite)
    dataset = _read_data(dataset_root, settings, positive, progress)
    with hushed():
        from edgeall.training import finetune

    path = out / (name or finetune.run_name(dataset, settings))
    _refuse(path, overwrite)
    split = choose_split(dataset, settings, split, progress)
    return finetune.fine_tune(dataset, split, settings, path, overwrite, progress)


def choose_split(
    dataset: "Dataset", settings: TrainingSettings, split: Split | AnyPath | None, progress: Progress
) -> Split:
    """The given split, or the one in the given file; else one made from the data with `settings`' fractions and seed.

    Raises:
        DatasetError: the file's split does not fit the dataset, or the data cannot be split.
    """
    from edgeall.datasets import load_split, make_split

    if isinstance(split, Split):
        return split
    if split is not None:
        return load_split(split, dataset)
    made, unreadable = make_split(
        dataset, fractions=settings.fractions, seed=settings.seed, progress=progress
    )
    for image in unreadable:
        progress.note(f"left out {image.name}: {image.reason}")
    return made


def cross_validate(
    dataset_root: AnyPath,
    settings: TrainingSettings,
    k: int,
    out: AnyPath = RUNS_FOLDER,
    progress: Progress = SILENT,
    *,
    name: str | None = None,
    positive: Sequence[str] | None = None,
    overwrite: bool = False,
    scheduler: str | None = None,
) -> "Pooled":
    """Train `k` models whose disjoint test parts cover the whole dataset, and pool their test predictions.

    Folds are by subject where subjects are known. Writes the folder `out/<name>.folds` with a run a fold,
    `predictions.csv` of all images out of fold, `pooled.json` and `evaluation/`. Folds already trained with the same
    settings and images are reused.

    Args:
        scheduler: address of a Dask scheduler whose workers train the folds; None: this process trains them. Workers
            need the images, `out` and a file of weights under the same paths. Weights and figures are the same.

    Raises:
        UsageError, DatasetError, EdgeallError: as `train`; or fewer groups of a class than folds.
        ClusterError: the scheduler or its workers cannot be used, or are lost; finished folds are kept.
    """
    out = Path(out)
    if name is not None:
        check_name(name)
    dataset = _read_data(dataset_root, settings, positive, progress)
    with hushed():
        from edgeall.training import finetune, folds

    path = out / f"{name or finetune.run_name(dataset, settings)}{folds.SUFFIX}"
    return folds.cross_validate(dataset, settings, k, path, overwrite, scheduler, progress)


def _read_data(
    dataset_root: AnyPath, settings: TrainingSettings, positive: Sequence[str] | None, progress: Progress
) -> "Dataset":
    from edgeall.datasets import read_dataset

    dataset = read_dataset(dataset_root, positive)
    for note in dataset.notes:
        progress.note(note)
    if settings.weights == RANDOM:
        progress.note("starting from random weights; for pretrained ones: --weights imagenet, or a file")
        if settings.fine_tune in ("none", "upper"):
            progress.note("most layers stay random; to train all of them: --recipe scratch")
    return dataset


def load_model(run: Run) -> Any:
    """Load the run's Keras model: preprocessed float32 NHWC in, sigmoid (n, 1) or softmax (n, k) out.

    Raises:
        RunError: missing, damaged, or not a plain Keras model.
    """
    if not run.model_path.is_file():
        raise RunError(f"{run.path}: has no model.keras; train it again")
    from edgeall.training.model import load

    return load(run.model_path, run.name)


def _refuse(path: Path, overwrite: bool) -> None:
    files.refuse_overwrite(path, overwrite)
    if path.exists() and not (path / "run.json").is_file():
        raise UsageError(f"{path} is not a run, so it is not replaced; give another name")
