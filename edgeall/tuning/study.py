"""An Optuna study in a folder, `study.db`: one writer at a time, reproducible trials after interruptions."""

import json
import logging
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from edgeall.errors import RunError, UsageError
from edgeall.progress import Progress

DATABASE = "study.db"
LOCK = ".lock"
_IDENTITY = "edgeall"

STARTUP = 5
"""Finished trials before others are pruned by their median."""
WARM_UP = 5
"""Epochs of the head before a trial can be pruned, because low learning rates start slowly."""

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
            pruner=optuna.pruners.MedianPruner(STARTUP, WARM_UP),
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


def ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that ended, pruned or not."""
    return study.get_trials(states=ENDED)


def next_trial(study: optuna.Study, seed: int) -> Trial:
    """Start the next trial.

    It depends only on the seed and the trials before it. The sampler is seeded anew for each trial, so that a resumed
    study has the same trials as an uninterrupted one.
    """
    trial_seed = np.random.SeedSequence([seed, len(ended_trials(study))]).generate_state(1)[0]
    # Trials do not run in parallel, so no constant liar is needed. Parameters that some trials lack are modelled by
    # group.
    study.sampler = optuna.samplers.TPESampler(
        seed=int(trial_seed), multivariate=True, group=True, constant_liar=False
    )
    return study.ask()


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
