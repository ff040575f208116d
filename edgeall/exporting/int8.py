"""How the INT8 artifacts of a run come to be: each format's own calibration first, then the fallbacks, in order.

Fallbacks are all of one INT8 model, whose weights, scales and zero points are written into every format. Where one
format needs it, all take it: engines that answer alike are worth more than a figure that is a little better in one of
them. A format keeps its own calibration only where that passes the gate and no shared model does.
"""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall.artifact import Parity
from edgeall.errors import EdgeallError, ExportError
from edgeall.exporting import calibration, manifest
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.manifest import Exported
from edgeall.exporting.plan import Failure, Task
from edgeall.exporting.shared import NO_IMAGES
from edgeall.exporting.workshop import Workshop
from edgeall.progress import Progress

CACHE = ".int8"
"""Folder beside the artifacts, where shared INT8 models are kept."""


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
class Room:
    """What the exports of one run work with.

    Attributes:
        folder: for what is not finished.
        truth: of each validation image, whether it shows a finding.
    """

    workshop: Workshop
    folder: Path
    truth: list[bool]
    data: Path | None
    progress: Progress

    def convert(self, task: Task) -> Candidate:
        """The recipe's own conversion, examined.

        Raises:
            ExportError: the converter or the engine failed, or what came out is no model.
        """
        file = self._place(task, "own")
        images = str(calibration_file(self.folder, task).resolve()) if task.calibration else None
        _, seconds = self.workshop.do(
            "convert",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            calibration=images,
            out=str(file.resolve()),
        )
        return self._examine(task, own_method(task), file, seconds, shared=False)

    def write(self, task: Task, method: str, model: Path) -> Candidate:
        """The shared model in the task's format, examined.

        Raises:
            ExportError: as `convert`.
        """
        file = self._place(task, method)
        _, seconds = self.workshop.do(
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
        report, examining = self.workshop.do(
            "examine",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            out=str(file.resolve()),
            threads=self.workshop.threads,
            truth=self.truth,
        )
        parity = Parity(**report["parity"])
        attempt = Attempt(method, "engine", parity, round(converting + examining, 2))
        return Candidate(attempt, file, tuple(report["left_in_float"]), shared)


Finish = Callable[[Task, Candidate, Sequence[Attempt]], Exported]


@dataclass
class _Ladder:
    """Attempts at the INT8 artifacts of one shared key."""

    room: Room
    tasks: Sequence[Task]
    candidates: dict[Path, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    log: dict[Path, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def try_each(self, tasks: Sequence[Task], make: Callable[[Task], Candidate], method: str) -> bool:
        """Whether what `make` makes of each task passes. A failure to make it is logged like one to pass."""

        def attempt(task: Task) -> bool:
            try:
                candidate = make(task)
            except ExportError as error:
                # An answer to the converter's words is for the terminal; the log keeps the line.
                tell(self.room.progress, f"{task.run.name} {task.recipe.name} {method}", error)
                with self.lock:
                    self.log[task.path].append(Attempt(method, "engine", None, 0.0, str(error)))
                return False
            with self.lock:
                self.candidates[task.path].append(candidate)
                self.log[task.path].append(candidate.attempt)
            return candidate.attempt.passed

        with ThreadPoolExecutor(max(1, len(tasks))) as pool:
            return all(list(pool.map(attempt, tasks)))

    def climb(self, methods: Sequence[str]) -> bool:
        """Try methods of the shared model until one passes in every format's engine; whether one did."""
        if not methods:
            return False
        first, remaining, simulated = self.tasks[0], list(methods), list[Attempt]()
        material = self._material()
        while remaining:
            made, error = self._simulate(material, remaining)
            if error is not None:
                self._log_all(error)
                break
            remaining = remaining[len(made) :]
            for attempt in made:
                self._log_all(attempt)
            simulated += [attempt for attempt in made if attempt.parity is not None]
            if made[-1].passed and self._write(first, self.tasks, made[-1].method, material):
                return True
        # None passes everywhere. The nearest in simulation may still be the best there is.
        nearest = min(
            simulated, key=lambda each: each.parity.mean_abs_diff if each.parity else 1.0, default=None
        )
        lacking = [task for task in self.tasks if not self._has_passed(task)]
        if nearest is not None and not nearest.passed and lacking:
            self._write(first, lacking, nearest.method, material)
        return False

    def _write(self, first: Task, tasks: Sequence[Task], method: str, material: dict[str, Any]) -> bool:
        model = Path(material["cache"]).with_name(f"{Path(material['cache']).name}-{method}.npz")
        return self.try_each(tasks, lambda task: self.room.write(task, method, model), method)

    def _has_passed(self, task: Task) -> bool:
        return any(candidate.attempt.passed for candidate in self.candidates[task.path])

    def _log_all(self, attempt: Attempt) -> None:
        for task in self.tasks:
            self.log[task.path].append(attempt)
        self.room.progress.note(f"{self.tasks[0].run.name} INT8, {attempt.in_words()}")

    def _simulate(self, material: dict[str, Any], methods: list[str]) -> tuple[list[Attempt], Attempt | None]:
        first = self.tasks[0]
        try:
            report, _ = self.room.workshop.do(
                "quantize",
                first.run,
                self.room.folder,
                alone=True,
                material=material,
                methods=methods,
                tolerances=[dataclasses.asdict(task.recipe.parity) for task in self.tasks],
                truth=self.room.truth,
            )
        except ExportError as error:
            tell(self.room.progress, f"{first.run.name} INT8", error)
            return [], Attempt(methods[0], "simulation", None, 0.0, str(error))
        return [_attempt(each) for each in report["attempts"]], None

    def _material(self) -> dict[str, Any]:
        task, folder = self.tasks[0], self.room.folder
        settings = task.recipe.fine_tuning
        assert settings is not None
        assert task.shared is not None
        training, classes = None, list[int]()
        if "fine-tuning" in task.methods and task.run.split.train:
            chosen = calibration.select(task.run.split.train, settings.images, settings.seed)
            training = folder / f"training-{settings.images}-{settings.seed}.npy"
            try:
                if not training.exists():
                    calibration.decode(task.run, "train", chosen, training, self.room.data)
                classes = [task.run.decision.labels.index(member.label) for member in chosen]
            except (EdgeallError, ValueError) as error:
                self.room.progress.note(f"{task.run.name} INT8, fine-tuning: {NO_IMAGES} ({error})")
                training = None
        return {
            "cache": str((task.run.exports / CACHE / task.shared[:20]).resolve()),
            "calibration": str(calibration_file(folder, task).resolve()),
            "training": None if training is None else str(training.resolve()),
            "classes": classes,
            "fine_tuning": dataclasses.asdict(settings),
        }


def make(tasks: Sequence[Task], room: Room, finish: Finish) -> dict[Path, Exported | Failure]:
    """The INT8 artifacts of tasks that may share a model; a task that may not comes alone."""
    ladder = _Ladder(room, tasks)
    _climb(ladder)
    results: dict[Path, Exported | Failure] = {}
    for task in tasks:
        found, log = ladder.candidates[task.path], ladder.log[task.path]
        if found:
            results[task.path] = finish(task, _chosen(found), log)
        else:
            error = next((each.error for each in reversed(log) if each.error), "nothing was tried")
            results[task.path] = Failure(task.run.name, task.recipe.name, error)
    return results


def _climb(ladder: _Ladder) -> None:
    first, room = ladder.tasks[0], ladder.room
    methods = list(first.methods)
    taken = _method_of_others(first)
    if taken in methods and ladder.climb([taken]):
        return
    if first.calibrates and ladder.try_each(ladder.tasks, room.convert, own_method(first)):
        return
    ladder.climb([method for method in methods if method != taken])


def _chosen(found: Sequence[Candidate]) -> Candidate:
    """The shared model that passed last, if one did; else the nearest."""
    passing = [each for each in found if each.shared and each.attempt.passed]
    return passing[-1] if passing else min(found, key=lambda each: each.rank)


def _method_of_others(task: Task) -> str | None:
    """The method of the shared model that artifacts of this run are of already."""
    known = manifest.read(task.run).values()
    return next((each.method for each in known if each.shared == task.shared and each.shared), None)


def _attempt(document: dict[str, Any]) -> Attempt:
    parity = document["parity"]
    return Attempt(**document | {"parity": None if parity is None else Parity(**parity)})


def own_method(task: Task) -> str:
    """What the recipe's own way is called in the log."""
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
