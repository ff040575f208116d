"""Which of the attempts becomes the artifact: decided from what was measured, whatever measured it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from small_run import draw, make_run

from edgeall.artifact import FORMATS, Parity
from edgeall.errors import ExportError
from edgeall.exporting import ladder, load_recipe
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.export_context import Candidate
from edgeall.exporting.plan import Failure, Options, Task, plan
from edgeall.progress import SILENT

LIMIT = 0.02
METHODS = ("mse", "bias-correction", "fine-tuning")


def measured(mean: float) -> Parity:
    return Parity(10, 1.0, mean, mean, mean <= LIMIT)


@dataclasses.dataclass
class Measurements:
    """Stands where a room does: mean differences of each format's own calibration, and of the shared model.

    None: it cannot be made.
    """

    own: dict[str, float | None]
    simulated: dict[str, float]
    in_engines: dict[tuple[str, str], float] = dataclasses.field(default_factory=dict)
    progress: Any = SILENT
    folder: Path = Path("work")
    data: Path | None = None
    truth: Sequence[bool] = ()
    asked: list[str] = dataclasses.field(default_factory=list)

    @property
    def workers(self) -> "Measurements":
        return self

    def convert(self, task: Task) -> Candidate:
        return self._candidate(task, "min-max", self.own[task.recipe.format], shared=False)

    def write(self, task: Task, method: str, model: Path) -> Candidate:
        default = self.simulated[method]
        return self._candidate(
            task, method, self.in_engines.get((task.recipe.format, method), default), shared=True
        )

    def _candidate(self, task: Task, method: str, mean: float | None, shared: bool) -> Candidate:
        if mean is None:
            raise ExportError(f"no {method} for {task.recipe.format}")
        return Candidate(Attempt(method, "engine", measured(mean), 1.0), Path("file"), (), shared)

    def do(
        self, step: str, run: object, folder: Path, *, methods: list[str], **rest: object
    ) -> tuple[dict[str, Any], float]:
        """Step "quantize": as far as the first that passes."""
        made: list[dict[str, Any]] = []
        for method in methods:
            self.asked.append(method)
            made.append(
                dataclasses.asdict(Attempt(method, "simulation", measured(self.simulated[method]), 1.0))
            )
            if self.simulated[method] <= LIMIT:
                break
        return {"attempts": made}, 1.0


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    draw(tmp_path / "data", {"all": 20, "healthy": 20})
    run = make_run(tmp_path / "run", tmp_path / "data")
    recipes = [dataclasses.replace(load_recipe(f"{name}-int8"), fallbacks=METHODS) for name in FORMATS]
    # Fine-tuning's images would be decoded; nothing here looks at them.
    return [
        dataclasses.replace(
            task, run=dataclasses.replace(run, split=dataclasses.replace(run.split, train=()))
        )
        for task in plan(run, recipes, Options())
    ]


Results = dict[str, tuple[str, bool, list[str]] | str]


def decide(tasks: list[Task], measurements: Measurements) -> Results:
    """By format: method, whether it is of the shared model, and the log; or the error."""
    results: Results = {}

    def finish(task: Task, candidate: Candidate, log: Sequence[Attempt]) -> Any:
        results[task.recipe.format] = (
            candidate.attempt.method,
            candidate.shared,
            [f"{each.method} {each.measured_in}" for each in log],
        )

    made = ladder.make(tasks, measurements, finish)  # type: ignore[arg-type]
    for task in tasks:
        failed = made[task.path]
        if isinstance(failed, Failure):
            results[task.recipe.format] = failed.error
    return results


def all_formats(mean: float) -> dict[str, float | None]:
    return dict.fromkeys(FORMATS, mean)


def test_calibration_that_passes_everywhere_is_enough(tasks: list[Task]) -> None:
    measurements = Measurements(all_formats(0.01), {})
    assert decide(tasks, measurements) == dict.fromkeys(FORMATS, ("min-max", False, ["min-max engine"]))
    assert not measurements.asked


def test_where_one_format_needs_the_shared_model_all_take_it(tasks: list[Task]) -> None:
    measurements = Measurements(all_formats(0.001) | {"onnx": 0.5}, {"mse": 0.1, "bias-correction": 0.015})
    results = decide(tasks, measurements)
    log = ["min-max engine", "mse simulation", "bias-correction simulation", "bias-correction engine"]
    assert results == dict.fromkeys(FORMATS, ("bias-correction", True, log))
    assert measurements.asked == ["mse", "bias-correction"]


def test_a_model_that_one_engine_refuses_is_not_the_last(tasks: list[Task]) -> None:
    simulated = {"mse": 0.019, "bias-correction": 0.3, "fine-tuning": 0.01}
    results = decide(tasks, Measurements(all_formats(0.5), simulated, {("openvino", "mse"): 0.021}))
    assert {result[0] for result in results.values()} == {"fine-tuning"}


def test_a_format_keeps_what_passes_where_no_shared_model_does(tasks: list[Task]) -> None:
    simulated = {"mse": 0.2, "bias-correction": 0.05, "fine-tuning": 0.1}
    results = decide(tasks, Measurements({"tflite": 0.019, "onnx": 0.04, "openvino": 0.5}, simulated))
    assert results["tflite"][:2] == ("min-max", False)
    # Of what fails, the nearest, in its engine.
    assert results["onnx"][:2] == ("min-max", False)
    assert results["openvino"][:2] == ("bias-correction", True)


def test_a_calibration_that_cannot_be_made_may_be_made_up_for(tasks: list[Task]) -> None:
    results = decide(tasks, Measurements(all_formats(0.01) | {"tflite": None}, {"mse": 0.01}))
    assert {result[0] for result in results.values()} == {"mse"}


def test_what_cannot_be_made_in_any_way_is_a_failure_with_its_reason(tasks: list[Task]) -> None:
    alone = [dataclasses.replace(task, methods=()) for task in tasks]
    results = decide(alone[:1], Measurements({"tflite": None}, {}))
    assert results == {"tflite": "no min-max for tflite"}


def test_fine_tuning_at_once_tries_nothing_else(tasks: list[Task]) -> None:
    at_once = [dataclasses.replace(task, methods=("fine-tuning",), calibrates=False) for task in tasks]
    results = decide(at_once, Measurements({}, {"fine-tuning": 0.01}))
    log = ["fine-tuning simulation", "fine-tuning engine"]
    assert results == dict.fromkeys(FORMATS, ("fine-tuning", True, log))
