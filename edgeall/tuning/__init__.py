"""Hyper-parameter search: trials train on the train part and are scored on the validation part. No test image is read.

Importing this package imports neither Optuna nor an engine. Tuning does.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Progress
from edgeall.silence_stderr import hushed
from edgeall.training.settings import RANDOM, TrainingSettings
from edgeall.tuning.result import BestTrial, Tuned
from edgeall.tuning.space import DEPTHS, ranges, searched

__all__ = ["DEPTHS", "TUNING_FOLDER", "BestTrial", "Tuned", "ranges", "searched", "tune"]

TUNING_FOLDER = Path("tuning")

MOST_AT_ONCE = 1000


def tune(
    dataset_root: AnyPath,
    settings: TrainingSettings,
    out: AnyPath = TUNING_FOLDER,
    progress: Progress = SILENT,
    *,
    trials: int = 20,
    fixed: Collection[str] = (),
    folds: int | None = None,
    name: str | None = None,
    split: AnyPath | None = None,
    positive: Sequence[str] | None = None,
    overwrite: bool = False,
    scheduler: str | None = None,
    at_once: int | None = None,
) -> Tuned:
    """Start or resume the study `out/name`, until it has `trials` trials.

    Writes `study.db` (Optuna, SQLite), `split.json`, after each trial `trials.csv` and `best.json`, and at the end
    plots. The same data, settings, split, seed and `at_once` give the same trials, interrupted or not, on any number of
    workers (on a CPU of one kind, with the same number of threads).

    Args:
        settings: values of all that is not searched, and the seed.
        fixed: fields of `settings` that are not searched although `ranges` has them.
        folds: score by the mean over this many folds of the train and validation parts together, by subject where
            subjects are known; each fold validates once.
        name: default: backbone and data folder, as in "mobilenetv2-cnmc".
        split: file of the split; default: made from the data, the same as `edgeall.training.train` makes.
        scheduler: address of a Dask scheduler whose workers run the trials; None: this process runs them.
        at_once: how many trials can be in flight, from 1 to `MOST_AT_ONCE`. The trial i is proposed without knowing how
            the last `at_once` - 1 before it end, and a study keeps the number that it was begun with. Default: that of
            the study; of a new one 4 with a scheduler, and 1 without.

    Raises:
        UsageError: nothing to search; the study has other settings, or another process is tuning it.
        RunError: the study is damaged.
        DatasetError: no usable dataset.
        EdgeallError: every training diverged, or ImageNet weights cannot be downloaded.
        ClusterError: the scheduler or its workers cannot be used, or are lost; finished trials are kept.
    """
    dataset_root, out = Path(dataset_root), Path(out)
    split = None if split is None else Path(split)
    if trials < 1:
        raise UsageError(f"{trials} trials: give 1 or more")
    if folds is not None and folds < 2:
        raise UsageError(f"{folds} folds make no cross-validation: give 2 or more")
    if at_once is not None and not 1 <= at_once <= MOST_AT_ONCE:
        raise UsageError(f"{at_once} trials at once: give 1 to {MOST_AT_ONCE}")
    if not searched(settings, fixed):
        raise UsageError("every hyper-parameter is given, so there is nothing to search: leave one out")
    if name is not None and (Path(name).name != name or name.startswith(".")):
        raise UsageError(
            f"'{name}' cannot be the name of a study: give a single word, such as mobilenetv2-cnmc"
        )
    if split is not None and not split.is_file():
        raise UsageError(
            f"{split}: no such split file; make one with: edgeall data split {dataset_root} -o {split}"
        )
    from edgeall.datasets import read_dataset

    dataset = read_dataset(dataset_root, positive)
    for note in dataset.notes:
        progress.note(note)
    if settings.weights == RANDOM:
        progress.note("starting from random weights; for pretrained ones: --weights imagenet, or a file")
    with hushed():
        from edgeall.tuning import search

    path = out / (name or search.study_name(dataset, settings))
    return search.search(
        dataset, settings, path, trials, fixed, folds, split, overwrite, scheduler, at_once, progress
    )
