"""A study on disk: the same trials however often it is interrupted, one writer at a time."""

import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from edgeall.errors import RunError, UsageError
from edgeall.progress import SILENT
from edgeall.training import TrainingSettings
from edgeall.tuning.space import Sampler, propose
from edgeall.tuning.study import (
    DATABASE,
    ended_trials,
    locked,
    next_index,
    open_study,
    start_trial,
    trials_at_once,
    warnings_to,
)

SETTINGS = TrainingSettings("mobilenetv2")


def propose_all(sampler: Sampler) -> TrainingSettings:
    return propose(sampler, SETTINGS, ())


def worth(proposed: TrainingSettings) -> float:
    return -abs(proposed.head_rate - 0.002) - (proposed.fine_tune == "none")


def carry_on(folder: Path, trials: int, at_once: int = 1) -> list[dict[str, Any]]:
    """Go on to `trials`, each worth what its rates say; returns the parameters of those that count."""
    study = open_study(folder, {"seed": 3})
    while (index := next_index(study, trials, at_once)) is not None:
        trial, proposed = start_trial(study, 3, index, at_once, propose_all)
        study.tell(trial, worth(proposed))
    return [trial.params for trial in ended_trials(study).values()]


def on_workers(folder: Path, trials: int, at_once: int, workers: int, order: random.Random) -> None:
    """As `carry_on`, where `workers` take started trials and end them in any order."""
    study = open_study(folder, {"seed": 3})
    waiting: list[tuple[optuna.Trial, TrainingSettings]] = []
    while len(ended_trials(study)) < trials:
        while (index := next_index(study, trials, at_once)) is not None:
            waiting.append(start_trial(study, 3, index, at_once, propose_all))
        assert len(waiting) <= at_once
        trial, proposed = waiting.pop(order.randrange(min(workers, len(waiting))))
        study.tell(trial, worth(proposed))


def test_an_interrupted_study_asks_the_same(tmp_path: Path) -> None:
    """Past the first ten trials, which are drawn at random: those after them are modelled."""
    (tmp_path / "once").mkdir()
    (tmp_path / "often").mkdir()
    with warnings_to(SILENT):
        at_once = carry_on(tmp_path / "once", 14)
        carry_on(tmp_path / "often", 4)
        # What a kill leaves behind: a trial that runs for ever.
        study = open_study(tmp_path / "often", {"seed": 3})
        start_trial(study, 3, 4, 1, propose_all)
        carry_on(tmp_path / "often", 12)
        went_on = carry_on(tmp_path / "often", 14)
        states = [trial.state for trial in open_study(tmp_path / "often", {"seed": 3}).get_trials()]
    assert went_on == at_once
    assert states.count(TrialState.FAIL) == 1
    assert TrialState.RUNNING not in states
    assert len({str(params) for params in at_once}) == 14


def test_trials_at_once_are_the_same_in_whatever_order_they_end(tmp_path: Path) -> None:
    """Past the first ten, which are drawn at random, with three at once: alone, and by two or three workers."""
    found = []
    with warnings_to(SILENT):
        for name, workers in {"alone": 0, "two": 2, "three": 3}.items():
            (tmp_path / name).mkdir()
            if workers:
                on_workers(tmp_path / name, 16, 3, workers, random.Random(workers))
            found.append(carry_on(tmp_path / name, 16, 3))
        (tmp_path / "one").mkdir()
        one_at_once = carry_on(tmp_path / "one", 16)
    assert found[0] == found[1] == found[2]
    # What is modelled depends on how many are known; what is drawn does not.
    assert found[0][:10] == one_at_once[:10]
    assert found[0] != one_at_once


def test_trials_that_were_lost_are_proposed_again_and_those_after_them_stay(tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    (tmp_path / "lost").mkdir()
    with warnings_to(SILENT):
        at_once = carry_on(tmp_path / "once", 16, 3)
        carry_on(tmp_path / "lost", 12, 3)
        study = open_study(tmp_path / "lost", {"seed": 3})
        begun = [start_trial(study, 3, index, 3, propose_all) for index in (12, 13, 14)]
        # The last one ends, and the process with the other two.
        trial, proposed = begun[-1]
        study.tell(trial, worth(proposed))
        went_on = carry_on(tmp_path / "lost", 16, 3)
        states = [trial.state for trial in open_study(tmp_path / "lost", {"seed": 3}).get_trials()]
    assert went_on == at_once
    assert states.count(TrialState.FAIL) == 2
    assert states.count(TrialState.COMPLETE) == 16


def test_a_study_keeps_its_number_of_trials_at_once(tmp_path: Path) -> None:
    (tmp_path / "earlier").mkdir()
    with warnings_to(SILENT):
        study = open_study(tmp_path, {})
        assert trials_at_once(study, None, 4) == 4
        assert trials_at_once(study, None, 1) == 4
        with pytest.raises(UsageError, match="begun with 4 trials at once"):
            trials_at_once(study, 2, 1)
        # Of a version that had one at a time, and no index of trials.
        earlier = open_study(tmp_path / "earlier", {})
        for _ in range(3):
            earlier.tell(earlier.ask(), 1.0)
        assert trials_at_once(earlier, None, 4) == 1
        assert next_index(earlier, 5, 1) == 3


def test_what_is_told_to_a_terminal_is_told_to_progress_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings_to(SILENT):
        carry_on(tmp_path, 3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_a_study_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    with warnings_to(SILENT):
        open_study(tmp_path, {"seed": 3, "ranges": (1, 2)})
        open_study(tmp_path, {"seed": 3, "ranges": (1, 2)})
        with pytest.raises(UsageError, match="differs in seed: give another --name"):
            open_study(tmp_path, {"seed": 4, "ranges": (1, 2)})


def test_a_damaged_study_is_one_line(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 100)
    with warnings_to(SILENT), pytest.raises(RunError, match="cannot be read") as caught:
        open_study(tmp_path, {})
    assert "\n" not in str(caught.value)


def test_two_processes_do_not_tune_the_same(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UsageError, match="by another process"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
