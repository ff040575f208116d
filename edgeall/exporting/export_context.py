"""Where the artifacts of one run are converted and examined: its workers, its folder, what is known of its images."""

from dataclasses import dataclass
from pathlib import Path

from edgeall.artifact import Parity
from edgeall.errors import EdgeallError
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.intermediates import Intermediates
from edgeall.exporting.plan import Task
from edgeall.exporting.small_layers import percent_of
from edgeall.exporting.worker import format_module
from edgeall.exporting.worker_pool import WorkerPool
from edgeall.progress import Progress


@dataclass(frozen=True)
class Candidate:
    """A bare model file that was examined in its engine. `shared`: whether it is of the shared model."""

    attempt: Attempt
    file: Path
    left_in_float: tuple[str, ...]
    shared: bool

    @property
    def rank(self) -> tuple[bool, float]:
        """Less is better."""
        parity = self.attempt.parity
        assert parity is not None
        return not parity.passed, parity.mean_abs_diff


@dataclass(frozen=True)
class ExportContext:
    """What the exports of one run work with.

    Attributes:
        folder: for what is not finished.
        intermediates: what formats are converted from.
        truth: of each validation image, whether it shows a finding.
    """

    workers: WorkerPool
    folder: Path
    intermediates: Intermediates
    truth: list[bool]
    data: Path | None
    progress: Progress

    def convert(self, task: Task, method: str | None = None) -> Candidate:
        """The recipe's own conversion, or another `method` of it, examined.

        Raises:
            ExportError: the converter or the engine failed, what came out is no model, or what the format is
                converted from could not be made.
        """
        method = method or own_method(task)
        self.intermediates.need(format_module(task.recipe.format).NEEDS)
        file = self._place(task, f"own-{method}")
        images = str(calibration_file(self.folder, task).resolve()) if task.calibration else None
        _, seconds = self.workers.do(
            "convert",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            calibration=images,
            out=str(file.resolve()),
            small_layers=percent_of(method),
        )
        return self._examine(task, method, file, seconds, shared=False)

    def write(self, task: Task, method: str, model: Path) -> Candidate:
        """The shared model in the task's format, examined.

        Raises:
            ExportError: as `convert`.
        """
        file = self._place(task, method)
        _, seconds = self.workers.do(
            "write",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            model=str(model.resolve()),
            out=str(file.resolve()),
        )
        return self._examine(task, method, file, seconds, shared=True)

    def _place(self, task: Task, method: str) -> Path:
        own = self.folder / f"{task.recipe.name}-{method}"
        own.mkdir()
        return own / task.path.name

    def _examine(self, task: Task, method: str, file: Path, converting: float, shared: bool) -> Candidate:
        report, examining = self.workers.do(
            "examine",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            out=str(file.resolve()),
            threads=self.workers.threads,
            truth=self.truth,
        )
        parity = Parity(**report["parity"])
        attempt = Attempt(method, "engine", parity, round(converting + examining, 2))
        return Candidate(attempt, file, tuple(report["left_in_float"]), shared)


def own_method(task: Task) -> str:
    """What the recipe's own way is called in the log."""
    if task.recipe.precision != "int8":
        return task.recipe.precision
    return task.recipe.calibration.method if task.recipe.calibration else "dynamic"


def calibration_file(folder: Path, task: Task) -> Path:
    """Where the calibration images of a task are decoded to."""
    settings = task.recipe.calibration
    assert settings is not None
    return folder / f"calibration-{settings.images}-{settings.seed}.npy"


def tell(progress: Progress, what: str, error: EdgeallError) -> None:
    """An error, and a converter's last words."""
    progress.note(f"{what}: {error}")
    for line in getattr(error, "__notes__", []):
        progress.note(f"    {line}")
