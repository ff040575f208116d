"""Runs a search: its folder, its trials and its result files."""

import csv
import dataclasses
import io
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState

from edgeall import documents, files
from edgeall.cluster import Completed, Task, WorkersKilled, connect
from edgeall.datasets import Dataset, load_split, make_folds, save_split
from edgeall.errors import EdgeallError, UsageError
from edgeall.progress import Progress
from edgeall.runs import Split
from edgeall.training import choose_split, finetune
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings
from edgeall.training.workers import Answer, Conditions, portable_weights, processor, processor_note
from edgeall.tuning import study as studies
from edgeall.tuning.objective import TrialScore
from edgeall.tuning.plots import draw
from edgeall.tuning.result import BEST, SPLIT, TRIALS, BestTrial, Tuned
from edgeall.tuning.space import propose, ranges
from edgeall.tuning.trial import RemoteTrials, Reports, TrialContext, TrialOutcome, run_trial, run_trial_there

T = TypeVar("T")

USED = ("train", "val")
"""Parts of the split whose images are read."""


def study_name(dataset: Dataset, settings: TrainingSettings) -> str:
    """Default name of a study: backbone, data folder."""
    run = finetune.run_name(dataset, settings)
    return f"{settings.backbone}-{run.removeprefix(f'{settings.backbone}-{settings.head}-')}"


AT_ONCE = 4
"""Trials at once of a new study on a cluster. It is no function of the number of workers, which changes."""


def search(
    dataset: Dataset,
    settings: TrainingSettings,
    path: Path,
    trials: int,
    fixed: Collection[str],
    folds: int | None,
    split: Path | None,
    overwrite: bool,
    scheduler: str | None,
    at_once: int | None,
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
        at_once = studies.trials_at_once(study, at_once, 1 if scheduler is None else AT_ONCE)
        splits = tuple(_splits(dataset, chosen, settings, folds, progress))
        work = _Search(study, path, settings, fixed, trials, at_once, progress)
        context = TrialContext(dataset, splits)
        if scheduler is None:
            _run_here(work, context)
        else:
            _run_on_workers(work, context, scheduler)
        best = work.write()
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


@dataclasses.dataclass(frozen=True)
class _Started:
    """A trial that has begun.

    Attributes:
        finished: reports of the trials that it is compared with.
    """

    trial: optuna.Trial
    title: str
    settings: TrainingSettings
    finished: Sequence[Reports]

    @property
    def params(self) -> str:
        """What was proposed, in words."""
        values = _values(self.trial.params).items()
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values)


@dataclasses.dataclass(frozen=True)
class _Search:
    """The trials of a study, which this process alone begins and records, wherever they are run."""

    study: optuna.Study
    path: Path
    settings: TrainingSettings
    fixed: Collection[str]
    trials: int
    at_once: int
    progress: Progress

    def start(self) -> _Started | None:
        """Begin the next trial; None where it has to wait for others, or none is left."""
        index = studies.next_index(self.study, self.trials, self.at_once)
        if index is None:
            return None
        trial, settings = studies.start_trial(
            self.study, self.settings.seed, index, self.at_once,
            lambda sampler: propose(sampler, self.settings, self.fixed),
        )  # fmt: skip
        title = f"trial {trial.number} ({index + 1} of {self.trials})"
        return _Started(trial, title, settings, studies.compared_trials(self.study, index, self.at_once))

    def end(self, started: _Started, outcome: TrialOutcome) -> None:
        """Record the end of a trial."""
        trial, said = started.trial, f"{started.title}: "
        for step, value in outcome.reports.items():
            trial.report(value, step)
        trial.set_user_attr("seconds", round(outcome.seconds, 1))
        if outcome.score is not None:
            for name, value in dataclasses.asdict(outcome.score).items():
                trial.set_user_attr(name, value)
            self.study.tell(trial, outcome.score.value)
            said += f"validation AUC {outcome.score.auc:.4f}, loss {outcome.score.loss:.4f}"
        else:
            # One that diverged is pruned, not failed, so that the sampler avoids these values.
            diverged = outcome.state == "diverged"
            trial.set_user_attr("diverged", diverged)
            self.study.tell(trial, state=TrialState.PRUNED)
            said += "diverged" if diverged else "pruned, below the median of earlier trials"
        self.progress.note(f"{said} ({started.params})")
        self.write()

    def fail(self, started: _Started) -> None:
        """Record that a trial did not come to an end. It is run again under another number."""
        self.study.tell(started.trial, state=TrialState.FAIL)

    def write(self) -> BestTrial | None:
        """Write `trials.csv` and `best.json`; returns the best trial, None while there is none."""
        return _write(self.study, self.path, self.settings, self.fixed)


def _run_here(search: _Search, context: TrialContext) -> None:
    """Run the trials in this process, one after the other."""
    while (started := search.start()) is not None:
        try:
            outcome = run_trial(context, started.settings, started.finished, started.title, search.progress)
        except BaseException:
            search.fail(started)
            raise
        search.end(started, outcome)


def _run_on_workers(search: _Search, context: TrialContext, scheduler: str) -> None:
    """Run the trials on the workers of the scheduler at this address, as many at once as the study has.

    A trial whose worker is lost is run again by another one, and is recorded once: by this process, at its end.
    """
    remote = RemoteTrials(context, Conditions.here(), portable_weights(search.settings))
    running: dict[Task[Answer[TrialOutcome]], _Started] = {}
    search.progress.note(f"at most {search.at_once} trials at once: further workers have nothing to do")
    with connect(scheduler, search.progress) as cluster:
        shared = cluster.share(remote)
        completed: Completed[Answer[TrialOutcome]] = cluster.completed(())

        def start() -> None:
            while (started := search.start()) is not None:
                task = cluster.submit(run_trial_there, shared, started.settings, started.finished)
                running[task] = started
                completed.add(task)

        processors = {processor()}
        ended = len(studies.ended_trials(search.study))
        try:
            with search.progress.stage("trials", search.trials) as advance:
                advance(ended)
                start()
                for task in completed:
                    answer = _result(task, running[task].title)
                    search.end(running.pop(task), answer.value)
                    if note := processor_note(answer, processors):
                        search.progress.note(note)
                    advance(1)
                    start()
        finally:
            for started in running.values():
                search.fail(started)


def _result(task: Task[T], title: str) -> T:
    try:
        return task.result()
    except WorkersKilled as error:
        raise WorkersKilled(
            f"{title}: {error}, as by a lack of memory; the same command goes on with what is missing"
        ) from None


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


def _values(params: dict[str, Any]) -> dict[str, Any]:
    """Values as used by the training: three digits, as in `space.Rate`. Optuna stores floats in full."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()
    }


def _write(
    study: optuna.Study, path: Path, settings: TrainingSettings, fixed: Collection[str]
) -> BestTrial | None:
    """Write `trials.csv` and `best.json`; returns the best trial, None while there is none."""
    # Not those in flight, which have not failed.
    rows = [row for row in study.get_trials(deepcopy=False) if row.state != TrialState.RUNNING]
    names = list(ranges(settings.backbone))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["trial", "state", "value", "auc", "loss", *names, "seconds"])
    for row in rows:
        table.writerow(_row(row, names))
    files.write_text(path / TRIALS, text.getvalue())
    first = studies.best_trial(study)
    if first is None:
        return None
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
    duration = None if trial.duration is None else trial.duration.total_seconds()
    # A trial can wait for a worker. Those of earlier versions have no time of their own.
    seconds = trial.user_attrs.get("seconds", duration)
    shown = "" if seconds is None else f"{seconds:.1f}"
    return [trial.number, state, *score, *(params.get(name, "") for name in names), shown]
