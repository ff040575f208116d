"""Runs a search: its folder, its trials and its result files."""

import csv
import dataclasses
import gc
import io
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import keras
import optuna
from optuna.trial import FrozenTrial, TrialState

from edgeall import documents, files
from edgeall.datasets import Dataset, load_split, make_folds, save_split
from edgeall.errors import EdgeallError, TrainingError, UsageError
from edgeall.progress import Progress
from edgeall.runs import Split
from edgeall.training import choose_split, finetune
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings
from edgeall.tuning import study as studies
from edgeall.tuning.objective import TrialScore, score_trial
from edgeall.tuning.plots import draw
from edgeall.tuning.result import BEST, SPLIT, TRIALS, BestTrial, Tuned
from edgeall.tuning.space import propose, ranges

USED = ("train", "val")
"""Parts of the split whose images are read."""


def study_name(dataset: Dataset, settings: TrainingSettings) -> str:
    """Default name of a study: backbone, data folder."""
    run = finetune.run_name(dataset, settings)
    return f"{settings.backbone}-{run.removeprefix(f'{settings.backbone}-{settings.head}-')}"


def search(
    dataset: Dataset,
    settings: TrainingSettings,
    path: Path,
    trials: int,
    fixed: Collection[str],
    folds: int | None,
    split: Path | None,
    overwrite: bool,
    progress: Progress,
) -> Tuned:
    """See `edgeall.tuning.tune`."""
    _prepare_folder(path, overwrite)
    with studies.locked(path), studies.warnings_to(progress):
        if not (path / SPLIT).exists():
            given = load_split(split, dataset, present=USED) if split else None
            save_split(path / SPLIT, choose_split(dataset, settings, given, progress))
        chosen = load_split(path / SPLIT, dataset, present=USED)
        study = studies.open_study(path, _identity(dataset, settings, fixed, folds, split))
        splits = _splits(dataset, chosen, settings, folds, progress)
        while (number := len(studies.ended_trials(study))) < trials:
            trial = studies.next_trial(study, settings.seed)
            title = f"trial {trial.number} ({number + 1} of {trials})"
            _run_trial(study, trial, title, dataset, splits, propose(trial, settings, fixed), progress)
            _write(study, path, settings, fixed)
        best = _write(study, path, settings, fixed)
        if best is None:
            raise EdgeallError(
                f"{path}: every training diverged ({trials} of {trials}), so there is no best; "
                f"look at the images with: edgeall data check {dataset.root}"
            )
        draw(study, path, settings.seed)
        states = [trial.state for trial in study.get_trials(deepcopy=False)]
    return Tuned(
        path,
        states.count(TrialState.COMPLETE),
        states.count(TrialState.PRUNED),
        states.count(TrialState.FAIL),
        best,
        sum(len(split.val) for split in splits),
        chosen.grouped_by,
    )


def _prepare_folder(path: Path, overwrite: bool) -> None:
    """Make an empty folder for the study at `path`, unless it has one and not `overwrite`."""
    known = any((path / name).exists() for name in (SPLIT, studies.LOCK))
    if path.exists() and not known and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not a study; give another --name")
    path.mkdir(parents=True, exist_ok=True)
    if overwrite:
        # Raises while another process is tuning there.
        with studies.locked(path):
            pass
        shutil.rmtree(path)
        path.mkdir()


def _identity(
    dataset: Dataset,
    settings: TrainingSettings,
    fixed: Collection[str],
    folds: int | None,
    split: Path | None,
) -> dict[str, Any]:
    """What the trials of a study must have in common to be comparable, by name for error messages."""
    weights = settings.weights
    start = weights if weights in (IMAGENET, RANDOM) else files.sha256_file(Path(weights))
    table = {name: repr(values) for name, (values, _) in ranges(settings.backbone).items()}
    common = settings.to_dict() | {"weights": start}
    return (
        common
        | {"labels": dataset.labels, "positive labels": dataset.positive}
        | {"folds": folds, "split": split and files.sha256_file(split)}
        | {"what is given": sorted(set(fixed) & set(table)), "search ranges": table}
    )


def _splits(
    dataset: Dataset, split: Split, settings: TrainingSettings, folds: int | None, progress: Progress
) -> Sequence[Split]:
    """The splits that a trial trains and validates on, all with the test part of `split`."""
    if folds is None:
        return (split,)
    names = {member.name for part in USED for member in split.part(part)}
    used = dataclasses.replace(
        dataset, samples=tuple(sample for sample in dataset.samples if sample.name in names)
    )
    made, _ = make_folds(used, folds, seed=settings.seed, val=0.0, progress=progress)
    return [Split(fold.train, fold.test, split.test, split.grouped_by) for fold in made]


def _run_trial(
    study: optuna.Study,
    trial: optuna.Trial,
    title: str,
    dataset: Dataset,
    splits: Sequence[Split],
    settings: TrainingSettings,
    progress: Progress,
) -> None:
    """Train with `settings`, and record the outcome in the study."""

    def report(step: int, value: float) -> None:
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    params = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _values(trial.params).items())
    try:
        score = score_trial(dataset, splits, settings, report, title, progress)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        progress.note(f"{title}: pruned, below the median of earlier trials ({params})")
    except TrainingError:
        # Pruned, not failed, so that the sampler avoids these values.
        trial.set_user_attr("diverged", True)
        study.tell(trial, state=TrialState.PRUNED)
        progress.note(f"{title}: diverged ({params})")
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    else:
        for name, value in dataclasses.asdict(score).items():
            trial.set_user_attr(name, value)
        study.tell(trial, score.value)
        progress.note(f"{title}: validation AUC {score.auc:.4f}, loss {score.loss:.4f} ({params})")
    finally:
        # Keras holds references to the models that it built.
        keras.utils.clear_session()
        gc.collect()


def _values(params: dict[str, Any]) -> dict[str, Any]:
    """Values as used by the training: three digits, as in `space.Rate`. Optuna stores floats in full."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()
    }


def _write(
    study: optuna.Study, path: Path, settings: TrainingSettings, fixed: Collection[str]
) -> BestTrial | None:
    """Write `trials.csv` and `best.json`; returns the best trial, None while there is none."""
    rows = study.get_trials(deepcopy=False)
    names = list(ranges(settings.backbone))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "state", "value", "auc", "loss", *names, "seconds"])
    for row in rows:
        table.writerow(_row(row, names))
    files.write_text(path / TRIALS, text.getvalue())
    if not any(row.state == TrialState.COMPLETE for row in rows):
        return None
    first = study.best_trial
    score = documents.build(TrialScore, first.user_attrs)
    chosen = propose(optuna.trial.FixedTrial(first.params), settings, fixed)
    best = BestTrial(first.number, score.value, score.auc, score.loss, chosen)
    files.write_json(path / BEST, best.to_dict())
    return best


def _row(trial: FrozenTrial, names: Sequence[str]) -> list[Any]:
    """A row of `trials.csv`, with empty cells for missing values."""
    state = {
        TrialState.COMPLETE: "finished",
        TrialState.PRUNED: "diverged" if trial.user_attrs.get("diverged") else "pruned",
    }.get(trial.state, "failed")
    params = _values(trial.params)
    score = [trial.user_attrs.get(name, "") for name in ("value", "auc", "loss")]
    seconds = "" if trial.duration is None else f"{trial.duration.total_seconds():.1f}"
    return [trial.number, state, *score, *(params.get(name, "") for name in names), seconds]
