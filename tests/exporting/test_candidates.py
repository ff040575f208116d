"""Which of the candidates becomes the artifact: decided from what was measured, whatever measured it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_run import DECISION, draw, make_run

from edgeall.artifact import FORMATS, Parity
from edgeall.errors import ExportError, WorkerLost
from edgeall.exporting import candidates, load_recipe
from edgeall.exporting.attempts import Attempt, Speed
from edgeall.exporting.export_context import Candidate
from edgeall.exporting.export_plan import FailedTask, Options, Task, plan
from edgeall.exporting.paired_scores import pair_scores
from edgeall.exporting.recipes import Tolerance
from edgeall.progress import SILENT

LIMITS = Tolerance(images=10, auc_fall=0.01, auc_fall_bound=0.03, log_loss_rise=0.05)
PASSED: dict[str, bool | None] = {"passed": True, "failed": False, "unproven": None}


def candidate(
    method: str, outcome: str = "passed", *, ratio: float | None = None, size: int = 100, area: float = 0.0
) -> Candidate:
    parity = Parity(10, 1.0, 0.0, 0.0, PASSED[outcome], auc_delta=area, outcome=outcome)  # type: ignore[arg-type]
    speed = None if ratio is None else Speed(ratio, ratio, ratio, "a processor", 1.0)
    attempt = Attempt(method, "engine", parity, 1.0, size_bytes=size, speed=speed)
    empty = pair_scores([0, 1], [None] * 2, np.eye(2), np.eye(2), DECISION, DECISION)
    return Candidate(attempt, Path("file"), (), method != "min-max", DECISION, {}, empty)


def best(*given: Candidate) -> str:
    return candidates.best(given, LIMITS).attempt.method


def test_the_gate_comes_first() -> None:
    slow = candidate("bias-correction", "passed", ratio=0.9)
    assert best(candidate("min-max", "unproven", ratio=0.4), slow) == "bias-correction"
    assert best(candidate("min-max", "failed"), candidate("bias-correction", "unproven")) == "bias-correction"


def test_of_unproven_ones_the_shared_model_then_that_which_keeps_the_limits_as_measured() -> None:
    far = candidate("bias-correction", "unproven", area=-0.05)
    assert best(candidate("min-max", "unproven", area=0.0), far) == "bias-correction"
    assert best(far, candidate("fine-tuning", "unproven", area=-0.009)) == "fine-tuning"


def test_then_time() -> None:
    assert best(candidate("min-max", ratio=0.40), candidate("bias-correction", ratio=0.43)) == "min-max"


def test_of_equally_fast_ones_the_shared_model_then_the_smaller() -> None:
    assert best(candidate("min-max", ratio=0.40, size=50), candidate("bias-correction", ratio=0.41)) == (
        "bias-correction"
    )
    assert best(candidate("bias-correction", size=100), candidate("fine-tuning", size=90)) == "fine-tuning"


@dataclasses.dataclass
class Measurements:
    """Stands where a context does: outcomes of each format's own calibration, and of the shared model by method.

    None: it cannot be made.
    """

    own: dict[str, str | None]
    shared: dict[str, str | None]
    progress: Any = SILENT
    folder: Path = Path("work")
    data: Path | None = None
    validation: Sequence[Any] = ()
    asked: list[str] = dataclasses.field(default_factory=list)
    lost: bool = False
    in_engines: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def workers(self) -> "Measurements":
        return self

    def convert(self, task: Task) -> Candidate:
        return self._candidate("min-max", self.own[task.recipe.format])

    def write(self, task: Task, method: str) -> Candidate:
        if self.lost:
            raise WorkerLost("killed")
        return self._candidate(method, self.in_engines.get(task.recipe.format, self.shared[method]))

    def _candidate(self, method: str, outcome: str | None) -> Candidate:
        if outcome is None:
            raise ExportError(f"no {method}")
        return candidate(method, outcome)

    def run_step(
        self, step: str, run: object, folder: Path, *, method: str, **rest: object
    ) -> tuple[dict[str, Any], float]:
        self.asked.append(method)
        return {}, 1.0


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    draw(tmp_path / "data", {"all": 20, "healthy": 20})
    run = make_run(tmp_path / "run", tmp_path / "data")
    recipes = [load_recipe(f"{name}-int8") for name in FORMATS]
    # Training images would be decoded; nothing here looks at them.
    return [
        dataclasses.replace(
            task, run=dataclasses.replace(run, split=dataclasses.replace(run.split, train=()))
        )
        for task in plan(run, recipes, Options())
    ]


def decide(tasks: list[Task], measurements: Measurements) -> dict[str, tuple[str, list[str]] | str]:
    """By format: the method that was taken and all that were compared; or the error."""
    results: dict[str, tuple[str, list[str]] | str] = {}

    def finish(task: Task, taken: Candidate, log: Sequence[Attempt]) -> Any:
        results[task.recipe.format] = (taken.attempt.method, sorted(each.method for each in log))
        return SimpleNamespace()

    made = candidates.compare(tasks, measurements, finish)  # type: ignore[arg-type]
    for task in tasks:
        failed = made[task.path]
        if isinstance(failed, FailedTask):
            results[task.recipe.format] = failed.error
    return results


def all_formats(outcome: str | None) -> dict[str, str | None]:
    return dict.fromkeys(FORMATS, outcome)


def test_calibration_and_the_shared_model_are_always_compared(tasks: list[Task]) -> None:
    measurements = Measurements(all_formats("passed"), {"bias-correction": "passed"})
    both = ("bias-correction", ["bias-correction", "min-max"])
    assert decide(tasks, measurements) == dict.fromkeys(FORMATS, both)
    assert measurements.asked == ["bias-correction"]


def test_a_format_whose_own_calibration_is_better_proven_keeps_it(tasks: list[Task]) -> None:
    own = all_formats("unproven") | {"tflite": "passed"}
    results = decide(tasks, Measurements(own, {"bias-correction": "unproven"}))
    assert [results[name][0] for name in FORMATS] == ["min-max", "bias-correction", "bias-correction"]


def test_a_model_that_passes_in_one_engine_and_fails_in_none_is_taken_in_all(tasks: list[Task]) -> None:
    """Engines differ by rounding alone, and answer alike."""
    mixed = Measurements(all_formats("passed"), {"bias-correction": "passed"})
    mixed.in_engines = {"onnx": "unproven"}
    assert {result[0] for result in decide(tasks, mixed).values()} == {"bias-correction"}
    mixed.in_engines = {"onnx": "failed", "tflite": "unproven"}
    taken = decide(tasks, mixed)
    assert [taken[name][0] for name in ("onnx", "tflite", "openvino")] == [
        *("min-max", "min-max", "bias-correction")
    ]


def test_training_follows_where_the_shared_model_fails_and_nothing_passes(tasks: list[Task]) -> None:
    own = all_formats("failed") | {"tflite": "passed", "openvino": "unproven"}
    measurements = Measurements(own, {"bias-correction": "failed", "fine-tuning": "unproven"})
    results = decide(tasks, measurements)
    assert measurements.asked == ["bias-correction", "fine-tuning"]
    assert [results[name][0] for name in FORMATS] == ["min-max", "fine-tuning", "fine-tuning"]
    passing = Measurements(all_formats("passed"), {"bias-correction": "failed"})
    assert {result[0] for result in decide(tasks, passing).values()} == {"min-max"}
    assert passing.asked == ["bias-correction"]


def test_a_calibration_that_cannot_be_made_is_made_up_for(tasks: list[Task]) -> None:
    results = decide(tasks, Measurements(all_formats(None), {"bias-correction": "passed"}))
    assert {results[name][0] for name in FORMATS} == {"bias-correction"}


def test_what_cannot_be_made_in_any_way_is_a_failure_with_its_reasons(tasks: list[Task]) -> None:
    results = decide(tasks, Measurements(all_formats(None), {"bias-correction": None, "fine-tuning": None}))
    assert set(results.values()) == {
        "min-max: no min-max; bias-correction: no bias-correction; fine-tuning: no fine-tuning"
    }


def test_a_lost_worker_leaves_nothing_finished(tasks: list[Task]) -> None:
    """The better candidate may be the one that is not known."""
    measurements = Measurements(all_formats("passed"), {"bias-correction": "passed"}, lost=True)
    assert decide(tasks, measurements) == dict.fromkeys(FORMATS, "killed")
