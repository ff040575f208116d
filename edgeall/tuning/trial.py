"""One trial: a training with proposed settings, and its scores. Imports no engine before a trial is run."""

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgeall.datasets import Dataset
from edgeall.errors import TrainingError
from edgeall.progress import Progress
from edgeall.runs import Split
from edgeall.training import TrainingSettings
from edgeall.training.workers import Answer, Conditions, UntilUnwanted, answered, check_images, check_weights

if TYPE_CHECKING:
    from edgeall.cluster import Shared
    from edgeall.tuning.objective import TrialScore

STARTUP = 5
"""Finished trials before others are pruned by their median."""
WARM_UP = 5
"""Epochs of the head before a trial can be pruned, because low learning rates start slowly."""

Reports = Mapping[int, float]
"""A trial's value after each step, see `edgeall.tuning.objective.score_trial`."""


@dataclass(frozen=True)
class TrialContext:
    """What all trials of a study have in common."""

    dataset: Dataset
    splits: tuple[Split, ...]


@dataclass(frozen=True)
class TrialOutcome:
    """The end of a trial.

    Attributes:
        score: of a finished trial.
        reports: up to the end.
    """

    state: Literal["finished", "pruned", "diverged"]
    seconds: float
    score: "TrialScore | None" = None
    reports: Reports = field(default_factory=dict)


def run_trial(
    context: TrialContext,
    settings: TrainingSettings,
    finished: Sequence[Reports],
    title: str,
    progress: Progress,
) -> TrialOutcome:
    """Train with `settings`. The outcome depends on the arguments alone (on a CPU, with the same number of threads).

    Args:
        finished: reports of the trials that this one is compared with; it is pruned where it is below their median.
    """
    import keras
    import optuna

    from edgeall.tuning.objective import score_trial

    known = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(STARTUP, WARM_UP))
    for reports in finished:
        known.add_trial(optuna.trial.create_trial(value=0.0, intermediate_values=dict(reports)))
    trial, reported = known.ask(), dict[int, float]()

    def report(step: int, value: float) -> None:
        reported[step] = value
        trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    started = time.monotonic()

    def outcome(
        state: Literal["finished", "pruned", "diverged"], score: "TrialScore | None" = None
    ) -> TrialOutcome:
        return TrialOutcome(state, time.monotonic() - started, score, reported)

    try:
        score = score_trial(context.dataset, context.splits, settings, report, title, progress)
    except optuna.TrialPruned:
        return outcome("pruned")
    except TrainingError:
        return outcome("diverged")
    finally:
        # Keras holds references to the models that it built.
        keras.utils.clear_session()
        gc.collect()
    return outcome("finished", score)


@dataclass(frozen=True)
class RemoteTrials:
    """What a worker needs for the trials of a study.

    Attributes:
        weights: SHA-256 of the file of initial weights; None without one.
    """

    context: TrialContext
    conditions: Conditions
    weights: str | None


def run_trial_there(
    study: "Shared[RemoteTrials]", settings: TrainingSettings, finished: Sequence[Reports]
) -> Answer[TrialOutcome]:
    """`run_trial` on a worker.

    Raises:
        ClusterError: it cannot train as the client would.
        DatasetError, UsageError: it does not see the client's images or weights.
    """
    remote = study.get()
    context = remote.context
    for split in context.splits:
        # Not the test part, of which no image is read.
        check_images(context.dataset.root, (*split.train, *split.val))
    check_weights(settings, remote.weights)
    with remote.conditions.imposed():
        from edgeall.tuning.study import warnings_to

        progress = UntilUnwanted()
        progress.check()
        with warnings_to(progress):
            return answered(run_trial(context, settings, finished, "trial", progress))
