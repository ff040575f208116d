"""A study on disk: the same trials however often it is interrupted, one writer at a time."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from edgeall.errors import RunError, UsageError
from edgeall.progress import SILENT
from edgeall.training import TrainingSettings
from edgeall.tuning.space import propose
from edgeall.tuning.study import DATABASE, ended_trials, locked, next_trial, open_study, warnings_to

SETTINGS = TrainingSettings("mobilenetv2")


def carry_on(folder: Path, trials: int) -> list[dict[str, Any]]:
    """Go on to `trials`, each worth what its rates say; returns the parameters of those that count."""
    study = open_study(folder, {"seed": 3})
    while len(ended_trials(study)) < trials:
        trial = next_trial(study, 3)
        proposed = propose(trial, SETTINGS, ())
        study.tell(trial, -abs(proposed.head_rate - 0.002) - (proposed.fine_tune == "none"))
    return [trial.params for trial in ended_trials(study)]


def test_an_interrupted_study_asks_the_same(tmp_path: Path) -> None:
    """Past the first ten trials, which are drawn at random: those after them are modelled."""
    (tmp_path / "once").mkdir()
    (tmp_path / "often").mkdir()
    with warnings_to(SILENT):
        at_once = carry_on(tmp_path / "once", 14)
        carry_on(tmp_path / "often", 4)
        # What a kill leaves behind: a trial that runs for ever.
        study = open_study(tmp_path / "often", {"seed": 3})
        propose(next_trial(study, 3), SETTINGS, ())
        carry_on(tmp_path / "often", 12)
        went_on = carry_on(tmp_path / "often", 14)
        states = [trial.state for trial in open_study(tmp_path / "often", {"seed": 3}).get_trials()]
    assert went_on == at_once
    assert states.count(TrialState.FAIL) == 1
    assert TrialState.RUNNING not in states
    assert len({str(params) for params in at_once}) == 14


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
