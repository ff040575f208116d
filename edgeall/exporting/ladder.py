"""How the artifacts of a run come to be: each recipe's own way first, then its fallbacks, in order.

Those of INT8 are all of one INT8 model, whose weights, scales and zero points are written into every format. Where one
format needs it, all take it: engines that answer alike are worth more than a figure that is a little better in one of
them. A format keeps its own calibration only where that passes the gate and no shared model does. Those of float16 are
conversions anew, of each artifact by itself.
"""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edgeall.artifact import Parity
from edgeall.errors import EdgeallError, ExportError, WorkerLost
from edgeall.exporting import calibration_images, int8_cache, manifest
from edgeall.exporting.attempts import ALL_FALLBACKS, NO_IMAGES, Attempt
from edgeall.exporting.export_context import Candidate, ExportContext, calibration_file, own_method, tell
from edgeall.exporting.manifest import Exported
from edgeall.exporting.plan import Failure, Task

Finish = Callable[[Task, Candidate, Sequence[Attempt]], Exported]


@dataclass
class _Ladder:
    """Attempts at artifacts that may share an INT8 model, or at a single one."""

    context: ExportContext
    tasks: Sequence[Task]
    candidates: dict[Path, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    log: dict[Path, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def try_each(self, tasks: Sequence[Task], make: Callable[[Task], Candidate], method: str) -> bool:
        """Whether what `make` makes of each task passes. A failure to make it is logged like one to pass.

        Raises:
            WorkerLost: what would have come of an attempt is not known, so nothing follows from it.
        """

        def attempt(task: Task) -> bool:
            try:
                candidate = make(task)
            except WorkerLost:
                raise
            except ExportError as error:
                # An answer to the converter's words is for the terminal; the log keeps the line.
                tell(self.context.progress, f"{task.run.name} {task.recipe.name} {method}", error)
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
        remaining, simulated = list(methods), list[Attempt]()
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
            if made[-1].passed and self._write(self.tasks, made[-1].method):
                return True
        # None passes everywhere. The nearest in simulation may still be the best there is.
        nearest = min(
            simulated, key=lambda each: each.parity.mean_abs_diff if each.parity else 1.0, default=None
        )
        lacking = [task for task in self.tasks if not self._has_passed(task)]
        if nearest is not None and not nearest.passed and lacking:
            self._write(lacking, nearest.method)
        return False

    def _write(self, tasks: Sequence[Task], method: str) -> bool:
        first = self.tasks[0]
        assert first.shared is not None
        model = int8_cache.model_file(first.run, first.shared, method)
        return self.try_each(tasks, lambda task: self.context.write(task, method, model), method)

    def _has_passed(self, task: Task) -> bool:
        return any(candidate.attempt.passed for candidate in self.candidates[task.path])

    def _log_all(self, attempt: Attempt) -> None:
        for task in self.tasks:
            self.log[task.path].append(attempt)
        self.context.progress.note(f"{self.tasks[0].run.name} INT8, {attempt.in_words()}")

    def _simulate(self, material: dict[str, Any], methods: list[str]) -> tuple[list[Attempt], Attempt | None]:
        first = self.tasks[0]
        try:
            report, _ = self.context.workers.do(
                "quantize",
                first.run,
                self.context.folder,
                alone=True,
                material=material,
                methods=methods,
                tolerances=[dataclasses.asdict(task.recipe.parity) for task in self.tasks],
                truth=self.context.truth,
            )
        except WorkerLost:
            raise
        except ExportError as error:
            tell(self.context.progress, f"{first.run.name} INT8", error)
            return [], Attempt(ALL_FALLBACKS, "simulation", None, 0.0, str(error))
        return [_attempt(each) for each in report["attempts"]], None

    def _material(self) -> dict[str, Any]:
        task, folder = self.tasks[0], self.context.folder
        settings = task.recipe.fine_tuning
        assert settings is not None
        assert task.shared is not None
        training, classes = None, list[int]()
        if "fine-tuning" in task.methods and task.run.split.train:
            chosen = calibration_images.select(task.run.split.train, settings.images, settings.seed)
            training = folder / f"training-{settings.images}-{settings.seed}.npy"
            try:
                if not training.exists():
                    calibration_images.decode(task.run, "train", chosen, training, self.context.data)
                classes = [task.run.decision.labels.index(member.label) for member in chosen]
            except (EdgeallError, ValueError) as error:
                self.context.progress.note(f"{task.run.name} INT8, fine-tuning: {NO_IMAGES} ({error})")
                training = None
        return {
            "folder": str((task.run.exports / int8_cache.FOLDER).resolve()),
            "key": task.shared,
            "calibration": str(calibration_file(folder, task).resolve()),
            "training": None if training is None else str(training.resolve()),
            "classes": classes,
            "fine_tuning": dataclasses.asdict(settings),
        }


def make(tasks: Sequence[Task], context: ExportContext, finish: Finish) -> dict[Path, Exported | Failure]:
    """The artifacts of tasks that may share a model; a task that may not comes alone.

    Where a worker was lost, none is finished: what passed till then might have had to give way, and what failed might
    have been made up for.
    """
    ladder = _Ladder(context, tasks)
    try:
        _climb(ladder)
    except WorkerLost as lost:
        return {task.path: Failure(task.run.name, task.recipe.name, str(lost)) for task in tasks}
    results: dict[Path, Exported | Failure] = {}
    for task in tasks:
        found, log = ladder.candidates[task.path], ladder.log[task.path]
        if found:
            results[task.path] = finish(task, _chosen(found), log)
        else:
            results[task.path] = Failure(task.run.name, task.recipe.name, _reasons(log))
    return results


def _reasons(log: Sequence[Attempt]) -> str:
    """Why nothing came of any attempt: each reason once, with the method that it stopped first."""
    found: dict[str, str] = {}
    for each in log:
        if each.error:
            found.setdefault(each.error, each.method)
    if len(found) < 2:
        return next(iter(found), "nothing was tried")
    return "; ".join(f"{method}: {error}" for error, method in found.items())


def _climb(ladder: _Ladder) -> None:
    first, context = ladder.tasks[0], ladder.context
    methods = list(first.methods)
    if first.shared is None:
        for way in (own_method(first), *methods):
            if ladder.try_each(ladder.tasks, partial(context.convert, method=way), way):
                break
        return
    taken = _method_of_others(first)
    if taken in methods and ladder.climb([taken]):
        return
    if first.calibrates and ladder.try_each(ladder.tasks, context.convert, own_method(first)):
        return
    ladder.climb([method for method in methods if method != taken])


def _chosen(found: Sequence[Candidate]) -> Candidate:
    """The shared model that passed last, if one did; else the nearest."""
    passing = [each for each in found if each.shared and each.attempt.passed]
    return passing[-1] if passing else min(found, key=lambda each: each.rank)


def _method_of_others(task: Task) -> str | None:
    """The method of the shared model that good artifacts of this run are of already."""
    if task.shared is None:
        return None
    for each in manifest.read(task.run).values():
        if each.method and each.parity.passed and each.shared == int8_cache.name_of(task.shared, each.method):
            return each.method
    return None


def _attempt(document: dict[str, Any]) -> Attempt:
    parity = document["parity"]
    return Attempt(**document | {"parity": None if parity is None else Parity(**parity)})
