"""Cross-validation: k runs with disjoint test parts, and their pooled test predictions."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score

from edgeall import evaluating, files, predictions, runs
from edgeall.artifact import Decision
from edgeall.cluster import WorkersKilled, connect
from edgeall.datasets import Dataset, make_folds
from edgeall.errors import RunError, UsageError
from edgeall.predictions import Predictions
from edgeall.progress import Progress
from edgeall.runs import Run, Split
from edgeall.statistics import is_positive, positive_score
from edgeall.training.finetune import caveats, fine_tune
from edgeall.training.fold_task import FoldContext, lock_of, train_fold_there
from edgeall.training.initial_weights import origin_of_file
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings
from edgeall.training.workers import Conditions, portable_weights, processor, processor_note

SUFFIX = ".folds"
"""Suffix of the folder with the runs of a cross-validation."""
DOCUMENT = runs.POOLED


@dataclass(frozen=True)
class Pooled:
    """Pooled figures of k models, each on its own test part.

    Attributes:
        runs: one for each fold.
        metrics: of all images out of fold, each at its own fold's threshold. Each model is calibrated on its own
            validation images; the pooled probabilities are not calibrated again.
        fold_aucs: AUC of each fold's test part; None where it has one class only.
    """

    path: Path
    runs: tuple[Run, ...]
    metrics: dict[str, Any]
    fold_aucs: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document `pooled.json`, which `edgeall train --folds --json` also prints."""
        first = self.runs[0]
        decision = dataclasses.replace(first.decision, threshold=0.5, refer=None)
        return {
            "name": self.path.name,
            "backbone": first.backbone,
            "head": first.head,
            "weights": first.weights,
            "k": len(self.runs),
            "runs": [str(run.path.relative_to(self.path)) for run in self.runs],
            "split": {"grouped_by": first.split.grouped_by, "test": self.metrics["n"]},
            # predictions.csv has each fold's threshold; there is no common one.
            "decision": dataclasses.asdict(decision) | {"threshold": None},
            "fold_aucs": list(self.fold_aucs),
            "test": self.metrics,
        }


def cross_validate(
    dataset: Dataset,
    settings: TrainingSettings,
    k: int,
    path: Path,
    overwrite: bool,
    scheduler: str | None,
    progress: Progress,
) -> Pooled:
    """Train and pool under the folder `path`; see `edgeall.training.cross_validate`."""
    if (path / DOCUMENT).exists() and not overwrite:
        raise UsageError(f"{path} exists already: give another name, or --overwrite to replace it")
    splits, unreadable = make_folds(dataset, k, seed=settings.seed, progress=progress)
    for image in unreadable:
        progress.note(f"left out {image.name}: {image.reason}")
    known = [
        None if overwrite else finished(_folder(path, fold), dataset, split, settings)
        for fold, split in enumerate(splits, start=1)
    ]
    if scheduler is not None:
        _train_on_workers(dataset, splits, settings, path, overwrite, known, scheduler, progress)
        known = [
            run or _seen(_folder(path, fold), dataset, split, settings)
            for fold, (run, split) in enumerate(zip(known, splits, strict=True), start=1)
        ]
    done = []
    for fold, (run, split) in enumerate(zip(known, splits, strict=True), start=1):
        if scheduler is None:
            progress.note(f"fold {fold} of {k}{': trained before' if run is not None else ''}")
        done.append(run or fine_tune(dataset, split, settings, _folder(path, fold), True, progress))
    return _pool(path, tuple(done))


def _train_on_workers(
    dataset: Dataset,
    splits: Sequence[Split],
    settings: TrainingSettings,
    path: Path,
    overwrite: bool,
    known: Sequence[Run | None],
    scheduler: str,
    progress: Progress,
) -> None:
    """Train the folds that are not `known` on the workers of the scheduler at this address.

    The fold of a worker that is lost is taken up by another one, from its checkpoint.
    """
    if all(run is not None for run in known):
        return
    weights = portable_weights(settings)
    with connect(scheduler, progress) as cluster:
        context = FoldContext(dataset, settings, overwrite, Conditions.here(), weights)
        shared = cluster.share(context)
        tasks = {}
        for fold, (run, split) in enumerate(zip(known, splits, strict=True), start=1):
            if run is None:
                task = cluster.submit(train_fold_there, shared, split, _folder(path, fold).absolute())
                tasks[task] = f"fold {fold} of {len(splits)}"
            else:
                progress.note(f"fold {fold} of {len(splits)}: trained before")
        processors = {processor()}
        with progress.stage("folds", len(tasks)) as advance:
            for task in cluster.completed(tasks):
                try:
                    answer = task.result()
                except WorkersKilled as error:
                    raise WorkersKilled(
                        f"{tasks[task]}: {error}, as by a lack of memory; the same command goes on with what is missing"
                    ) from None
                progress.note(f"{tasks[task]}: trained by {answer.worker}")
                if note := processor_note(answer, processors):
                    progress.note(note)
                advance(1)
    for fold in range(1, len(splits) + 1):
        lock_of(_folder(path, fold)).unlink(missing_ok=True)


def _seen(folder: Path, dataset: Dataset, split: Split, settings: TrainingSettings) -> Run:
    """The run that a worker has written.

    Raises:
        RunError: it is not here.
    """
    run = finished(folder, dataset, split, settings)
    if run is None:
        raise RunError(
            f"{folder}: is not what a worker has just trained; workers need the folder of runs under the same path, "
            "as on a shared file system"
        )
    return run


def _folder(path: Path, fold: int) -> Path:
    return path / f"fold-{fold}"


def finished(folder: Path, dataset: Dataset, split: Split, settings: TrainingSettings) -> Run | None:
    """The fold's run, where `folder` has one with these settings, images, positive labels and initial weights."""
    if not (folder / "run.json").exists():
        return None
    try:
        run = runs.load(folder)
    except RunError:
        return None
    if run.split != split or run.settings != settings.to_dict():
        return None
    # Positive labels are asked for at each training, and are no part of the settings.
    if (run.decision.labels, run.decision.positive) != (dataset.labels, dataset.positive):
        return None
    # A file of weights can have another content since, under the same name.
    from_file = settings.weights not in (IMAGENET, RANDOM)
    same = not from_file or (run.weights, run.licence) == origin_of_file(Path(settings.weights))
    return run if same else None


def _pool(path: Path, done: tuple[Run, ...]) -> Pooled:
    first = done[0]
    tests = [predictions.of_run(run)["test"] for run in done]
    predicted = predictions.joined(tests)
    decision = Decision(first.decision.labels, first.decision.positive)
    evaluation = evaluating.evaluate(predicted, decision)
    aucs = tuple(_auc(part, decision) for part in tests)
    metrics = (
        {"of": "the Keras models, out of fold"}
        | evaluation.metrics
        | {"loss": evaluation.loss, "mse": evaluation.mse}
    )
    pooled = Pooled(path, done, metrics, aucs)
    predictions.write(path / predictions.FILE, {predictions.POOLED: predicted}, decision.labels)
    notes = [
        f"{len(done)} models of {first.backbone}, head {first.head}, each tested on images that it was not trained "
        f"on; from {first.weights}.",
        *caveats(first),
        "AUC by fold: " + ", ".join("-" if auc is None else f"{auc:.3f}" for auc in aucs) + ".",
    ]
    evaluating.write(path, path.name, decision, {"pooled": evaluation}, first.params, (), notes)
    files.write_json(path / DOCUMENT, pooled.to_dict())
    return pooled


def _auc(predicted: Predictions, decision: Decision) -> float | None:
    positive = is_positive(predicted.truth, decision)
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, positive_score(predicted.probabilities, decision)))
