"""An Optuna study in a folder, `study.db`: one writer at a time, reproducible trials after interruptions."""

import json
import logging
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from edgeall.errors import RunError, UsageError
from edgeall.progress import Progress
from edgeall.tuning.space import Sampler

T = TypeVar("T")

DATABASE = "study.db"
LOCK = ".lock"
_IDENTITY = "edgeall"

_INDEX = "index"
_AT_ONCE = "trials at once"

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
"""States that count as trials. A killed trial is marked as failed and does not count."""


def open_study(folder: Path, identity: dict[str, Any]) -> optuna.Study:
    """Open or create the study in `folder`, and mark trials of a killed process as failed.

    Raises:
        RunError: damaged.
        UsageError: the study has another `identity`.
    """
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{folder / DATABASE}",
            study_name="edgeall",
            direction="maximize",
            load_if_exists=True,
        )
        known = study.user_attrs.get(_IDENTITY)
        # Stored as JSON, where tuples become lists.
        identity = json.loads(json.dumps(identity))
        if known is None:
            study.set_user_attr(_IDENTITY, identity)
        elif changed := [key for key, value in identity.items() if known.get(key) != value]:
            raise UsageError(
                f"{folder} holds a study that differs in {', '.join(changed)}: "
                "give another --name, or --overwrite to replace it"
            )
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
    except (SQLAlchemyError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RunError(
            f"{folder / DATABASE}: cannot be read ({reason}); give another --name, or --overwrite to replace it"
        ) from None
    return study


def trials_at_once(study: optuna.Study, asked: int | None, default: int) -> int:
    """How many trials of the study are in flight at once: what it was begun with, else `asked`, else `default`.

    Raises:
        UsageError: `asked` is another number than that of the study.
    """
    known = study.user_attrs.get(_AT_ONCE)
    if known is None:
        # Studies of earlier versions have one at a time.
        known = 1 if study.get_trials(deepcopy=False) else asked or default
        study.set_user_attr(_AT_ONCE, known)
    if asked is not None and asked != known:
        raise UsageError(
            f"the study was begun with {known} trials at once, which decides what is tried: "
            "give another --name, or --overwrite to replace it"
        )
    return int(known)


def ended_trials(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Trials that ended, pruned or not, by their index."""
    return {index: trial for index, trial in _trials(study).items() if trial.state in ENDED}


def _trials(study: optuna.Study) -> dict[int, FrozenTrial]:
    """All but failed trials by their index, in its order: the place in the sequence of trials that count.

    Trials of earlier versions have no index; it is their place among each other.
    """
    counted = study.get_trials(deepcopy=False, states=(*ENDED, TrialState.RUNNING))
    by_index = {trial.user_attrs.get(_INDEX, place): trial for place, trial in enumerate(counted)}
    return dict(sorted(by_index.items()))


def next_index(study: optuna.Study, trials: int, at_once: int) -> int | None:
    """The index of the next trial of `trials`; None where it has to wait for others, or all are begun."""
    known = _trials(study)
    index = next((index for index in range(trials) if index not in known), None)
    if index is None or any(known[before].state not in ENDED for before in range(index - at_once + 1)):
        return None
    return index


def start_trial(
    study: optuna.Study, seed: int, index: int, at_once: int, propose: Callable[[Sampler], T]
) -> tuple[Trial, T]:
    """Start the trial `index`; returns it, and what `propose` makes of it.

    What it proposes depends on the seed, the index, `at_once`, and the trials before it: on the ends of those that are
    `at_once` or more before it, and on the proposals of the others, whether they have ended or not. It is therefore the
    same whatever the order in which trials end, and after an interruption. The sampler is seeded anew for each trial.
    """
    view = optuna.create_study(direction="maximize")
    for before, known in _trials(study).items():
        if before < index:
            view.add_trial(known if before <= index - at_once else _without_end(known))
    # A constant liar keeps away from proposals whose ends are not known. Parameters that some trials lack are modelled
    # by group.
    view.sampler = optuna.samplers.TPESampler(
        seed=int(np.random.SeedSequence([seed, index]).generate_state(1)[0]),
        multivariate=True,
        group=True,
        constant_liar=at_once > 1,
    )
    proposed = view.ask()
    propose(proposed)
    study.sampler = optuna.samplers.PartialFixedSampler(proposed.params, optuna.samplers.RandomSampler())
    trial = study.ask()
    trial.set_user_attr(_INDEX, index)
    return trial, propose(trial)


def compared_trials(study: optuna.Study, index: int, at_once: int) -> list[dict[int, float]]:
    """Values by step of the finished trials that the trial `index` is compared with, to be pruned."""
    return [
        dict(trial.intermediate_values)
        for before, trial in ended_trials(study).items()
        if before <= index - at_once and trial.state == TrialState.COMPLETE
    ]


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """The first of those with the highest value; None while none is finished."""
    finished = [trial for trial in ended_trials(study).values() if trial.state == TrialState.COMPLETE]
    return max(finished, key=lambda trial: trial.value or 0.0, default=None)


def _without_end(trial: FrozenTrial) -> FrozenTrial:
    return optuna.trial.create_trial(
        state=TrialState.RUNNING, params=trial.params, distributions=trial.distributions
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock `folder` against other tuning processes. The operating system releases the lock when the process ends.

    Raises:
        UsageError: another process holds the lock.
    """
    with closing(sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise UsageError(
                f"{folder} is being tuned by another process: wait for it, or give another --name"
            ) from None
        yield


class _ToProgress(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.note(f"optuna: {record.getMessage()}")


@contextmanager
def warnings_to(progress: Progress) -> Iterator[None]:
    """Send Optuna's warnings to `progress`, and print nothing else of Optuna's.

    TensorFlow's warning about many models in one process is suppressed, since tuning has to build them.
    """
    handler, logger = _ToProgress(progress), logging.getLogger("optuna")
    engine = logging.getLogger("tensorflow")
    verbosity, level = optuna.logging.get_verbosity(), engine.level
    optuna.logging.disable_default_handler()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logger.addHandler(handler)
    engine.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        engine.setLevel(level)
        logger.removeHandler(handler)
        optuna.logging.set_verbosity(verbosity)
        optuna.logging.enable_default_handler()
