"""An Optuna study in a folder: `study.db`, one writer at a time, the same trials however often it is interrupted."""

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
"""Epochs of the head before the first look: rates that start slowly may end well."""

COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
"""States that count. A trial that was killed is marked as failed, and is as good as never begun."""


def open_study(folder: Path, identity: dict[str, Any]) -> optuna.Study:
    """The study in `folder`, begun there where none is; trials that a kill left running are marked as failed.

    Raises:
        RunError: damaged.
        UsageError: it is a study of something else than `identity` says.
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
        # As JSON gives it back: tuples are lists.
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


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that came to an end, pruned or not."""
    return study.get_trials(states=COUNTED)


def ask(study: optuna.Study, seed: int) -> Trial:
    """Begin the next trial. What it will be depends on the seed and on the trials before it alone: each has random
    numbers of its own, so that it is the same in a study that goes on as in one that never stopped."""
    own = np.random.SeedSequence([seed, len(counted(study))]).generate_state(1)[0]
    # One process, one trial at a time: no need to lie about others that run. Parameters that some trials do not
    # have are modelled by group.
    study.sampler = optuna.samplers.TPESampler(
        seed=int(own), multivariate=True, group=True, constant_liar=False
    )
    return study.ask()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from tuning in `folder` meanwhile. The lock ends with the process, whatever ends it.

    Raises:
        UsageError: another is at it.
    """
    with closing(sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise UsageError(
                f"{folder} is being tuned by another process: wait for it, or give another --name"
            ) from None
        yield


class _Told(logging.Handler):
    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.note(f"optuna: {record.getMessage()}")


@contextmanager
def voice(progress: Progress) -> Iterator[None]:
    """Have Optuna tell its warnings to `progress`, and print nothing by itself. That one process builds many models
    is what tuning is, and no reason for TensorFlow to warn of it."""
    handler, logger = _Told(progress), logging.getLogger("optuna")
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
