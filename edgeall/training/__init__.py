"""Backbones, heads, fine-tuning. Keras 3 and NumPy only, under whatever backend Keras is set to.

Importing this package imports no engine; training and loading do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeall import files
from edgeall.errors import RunError, UsageError
from edgeall.hush import hushed
from edgeall.progress import SILENT, Progress
from edgeall.runs import RUNS_FOLDER, Run, Split
from edgeall.training.augment import Augmentation
from edgeall.training.backbones import BACKBONES, FINE_TUNE, Backbone, find_backbone, parameter_table
from edgeall.training.heads import HEADS, Head
from edgeall.training.settings import RANDOM, Settings

__all__ = [
    "BACKBONES",
    "FINE_TUNE",
    "HEADS",
    "Augmentation",
    "Backbone",
    "Head",
    "Settings",
    "find_backbone",
    "load_model",
    "parameter_table",
    "train",
]


def train(
    dataset_root: Path,
    settings: Settings,
    out: Path = RUNS_FOLDER,
    progress: Progress = SILENT,
    *,
    name: str | None = None,
    split: Split | Path | None = None,
    positive: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Run:
    """Fine-tune a backbone on the images under `dataset_root` and write the run `out/name`.

    Args:
        name: default: backbone, head and data folder, as in "mobilenetv2-gap-cnmc".
        split: one to train on, or the file that holds it; default: made from the data, seeded, by
            subject where subjects are known.
        positive: labels that make a finding, where the layout does not tell.

    The test part is scored once, at the end, for `run.metrics["test"]`; no choice is made by it.

    Raises:
        UsageError: something is at `out/name` and not `overwrite`; weights of another backbone.
        DatasetError: the data cannot serve.
        EdgeallError: training diverged, or ImageNet weights cannot be downloaded.
    """
    from edgeall.datasets import load_split, make_split, read_dataset

    if name is not None:
        if not name or Path(name).name != name or name.startswith("."):
            raise UsageError(f"'{name}' is no name for a run: give a single word, such as mobilenetv2-cnmc")
        _refuse(out / name, overwrite)
    dataset = read_dataset(dataset_root, positive)
    for note in dataset.notes:
        progress.note(note)
    if settings.weights == RANDOM:
        progress.note("starting from random weights; for pretrained ones: --weights imagenet, or a file")
    with hushed():
        from edgeall.training import finetune

    path = out / (name or finetune.run_name(dataset, settings))
    _refuse(path, overwrite)
    if isinstance(split, Path):
        split = load_split(split, dataset)
    elif split is None:
        split, unreadable = make_split(dataset, seed=settings.seed, progress=progress)
        for image in unreadable:
            progress.note(f"left out {image.name}: {image.reason}")
    return finetune.fine_tune(dataset, split, settings, path, overwrite, progress)


def load_model(run: Run) -> Any:
    """The run's Keras model: preprocessed float32 NHWC in, sigmoid (n, 1) or softmax (n, k) out.

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
