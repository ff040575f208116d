"""Candidates for each artifact: they are made, judged and timed, and the best one becomes the artifact.

An INT8 candidate comes from the format's own converter and calibration, or from the INT8 model that all formats share
(`int8_methods`), whose weights, scales and zero points are the same in each format.

Candidates are ranked by the outcome of the gate, then by time. Of equal ones the shared model wins: engines then give
the same outputs, and of unproven candidates it is the better one on subjects that no choice saw
(`benchmarks/results/int8-defaults.md`). Then they are ranked by whether point estimates keep the limits, and by size.

Between engines the shared model differs by rounding alone. Where it fails in none and passes in one, it counts as
passed in all. Where it fails and no candidate passes, the next method is made, and candidates are compared again.
"""

import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall.errors import EdgeallError, ExportError, WorkerLost
from edgeall.exporting import calibration_images, gate, int8_cache, speed
from edgeall.exporting.attempts import NO_IMAGES, Attempt
from edgeall.exporting.export_context import (
    Candidate,
    ExportContext,
    calibration_file,
    own_method,
    report_error,
)
from edgeall.exporting.export_plan import FailedTask, Task
from edgeall.exporting.int8_methods import METHODS
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import Tolerance, load_recipe
from edgeall.exporting.shift_agreement import with_shifts

Finish = Callable[[Task, Candidate, Sequence[Attempt]], Exported]
Results = dict[Path, Exported | FailedTask]

_SAME_TIME = 1.05
"""Candidates whose times differ by a smaller factor count as equally fast."""
_RANK = {"passed": 0, "unproven": 1, "failed": 2}


def make_each(tasks: Sequence[Task], context: ExportContext, finish: Finish) -> Results:
    """Artifacts with a single candidate, each finished as soon as it is evaluated."""

    def make(task: Task) -> Exported | FailedTask:
        try:
            candidate = context.convert(task)
        except ExportError as error:
            report_error(context.progress, f"{task.run.name} {task.recipe.name}", error)
            return FailedTask(task.run.name, task.recipe.name, str(error))
        return finish(task, candidate, [candidate.attempt])

    if not tasks:
        return {}
    with ThreadPoolExecutor(len(tasks)) as pool:
        return dict(zip([task.path for task in tasks], pool.map(make, tasks), strict=True))


def compare(tasks: Sequence[Task], context: ExportContext, finish: Finish) -> Results:
    """INT8 artifacts of one run that may share a model: the best candidate of each.

    If a worker is lost, all fail: the lost candidate might have been the best.
    """
    if not tasks:
        return {}
    comparison = _Comparison(context, tasks)
    try:
        comparison.make()
        comparison.time()
    except WorkerLost as lost:
        return {task.path: FailedTask(task.run.name, task.recipe.name, str(lost)) for task in tasks}
    results: Results = {}
    for task in tasks:
        log, found = comparison.log(task), comparison.candidates[task.path]
        if found:
            results[task.path] = finish(task, best(found, task.recipe.parity, comparison.proven), log)
        else:
            results[task.path] = FailedTask(task.run.name, task.recipe.name, _reasons(log))
    return results


def best(candidates: Sequence[Candidate], tolerance: Tolerance, proven: Collection[str] = ()) -> Candidate:
    """The first in the ranking of this module.

    `proven`: methods whose shared model fails in no format and passes in one.
    """
    times = [each.attempt.speed.ratio for each in candidates if each.attempt.speed is not None]
    fastest = min(times, default=1.0)

    def rank(candidate: Candidate) -> tuple[int, float, bool, bool, int]:
        measured = candidate.attempt.speed
        slower = measured is not None and measured.ratio > _SAME_TIME * fastest
        time = measured.ratio if measured is not None and slower else 0.0
        passes = candidate.shared and candidate.attempt.method in proven
        outcome = "passed" if passes else candidate.parity.word
        exceeds = outcome != "passed" and not gate.within(candidate.parity, tolerance)
        return _RANK[outcome], time, not candidate.shared, exceeds, candidate.attempt.size_bytes or 0

    return min(candidates, key=rank)


@dataclass
class _Comparison:
    context: ExportContext
    tasks: Sequence[Task]
    candidates: dict[Path, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[Path, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self) -> None:
        methods = self.tasks[0].methods
        own = [task for task in self.tasks if task.calibrates]
        with ThreadPoolExecutor(1) as pool:
            # The shared model is made while the formats' converters calibrate.
            first = pool.submit(self._make_shared, methods[0]) if methods else None
            self._make_candidates(own, self.context.convert, "own calibration")
            if first is not None:
                first.result()
        self._compare_on_shifts()
        for method in methods[1:]:
            if all(self._acceptable(task) for task in self.tasks):
                return
            self._make_shared(method)
            self._compare_on_shifts()

    @property
    def proven(self) -> set[str]:
        """Methods whose shared model fails in no format and passes in one."""
        words = defaultdict(set)
        for candidate in (each for found in self.candidates.values() for each in found if each.shared):
            words[candidate.attempt.method].add(candidate.parity.word)
        return {method for method, found in words.items() if "passed" in found and "failed" not in found}

    def _acceptable(self, task: Task) -> bool:
        """Whether a candidate passes, or the shared model does not fail; without a shared model, any candidate."""
        found = self.candidates[task.path]
        common = [each for each in found if each.shared] or found
        return any(each.parity.word == "passed" for each in found) or any(
            each.parity.word != "failed" for each in common
        )

    def _make_shared(self, method: str) -> None:
        """Make the shared model by a method, and a candidate of each format from it."""
        task = self.tasks[0]
        try:
            self.context.workers.run_step(
                "quantize",
                task.run,
                self.context.folder,
                alone=True,
                material=self._int8_inputs(method),
                method=method,
                truth=[task.run.decision.labels.index(member.label) for member in self.context.validation],
            )
        except WorkerLost:
            raise
        except ExportError as error:
            report_error(self.context.progress, f"{task.run.name} INT8, {method}", error)
            with self.lock:
                for each in self.tasks:
                    self.errors[each.path].append(Attempt(method, "simulation", None, 0.0, str(error)))
            return
        self._make_candidates(self.tasks, lambda task: self.context.write(task, method), method)

    def _make_candidates(self, tasks: Sequence[Task], make: Callable[[Task], Candidate], method: str) -> None:
        def attempt(task: Task) -> None:
            try:
                candidate = make(task)
            except WorkerLost:
                raise
            except ExportError as error:
                # The converter's output goes to the terminal; the log has the error alone.
                report_error(self.context.progress, f"{task.run.name} {task.recipe.name}, {method}", error)
                with self.lock:
                    name = method if method in task.methods else own_method(task)
                    self.errors[task.path].append(Attempt(name, "engine", None, 0.0, str(error)))
                return
            with self.lock:
                self.candidates[task.path].append(candidate)
            self.context.progress.note(f"{task.run.name} {task.recipe.name}, {candidate.attempt.in_words()}")

        if not tasks:
            return
        with ThreadPoolExecutor(len(tasks)) as pool:
            list(pool.map(attempt, tasks))

    def log(self, task: Task) -> list[Attempt]:
        """The table of methods: the format's own calibration first, then those of the shared model in their order."""
        order = [own_method(task), *task.methods]
        rows = [each.attempt for each in self.candidates[task.path]] + self.errors[task.path]
        return sorted(rows, key=lambda row: order.index(row.method))

    def _compare_on_shifts(self) -> None:
        """Compare candidates with the format's own calibration on shifted and other pictures."""
        for task in self.tasks:
            found = self.candidates[task.path]
            own = next((each for each in found if not each.shared), None)
            self.candidates[task.path] = [
                each if each.parity.shifts else with_shifts(each, own, task, self.context) for each in found
            ]

    def time(self) -> None:
        """Time the candidates of each format and its float32 artifact, if there is one."""
        for task in self.tasks:
            found = self.candidates[task.path]
            reference = speed.float32_artifact(task.run, task.recipe.format, task.model)
            if not found or reference is None:
                continue
            float32 = load_recipe(f"{task.recipe.format}-fp32").to_dict()
            report, _ = self.context.workers.run_step(
                "time",
                task.run,
                self.context.folder,
                recipes=[float32] + [task.recipe.to_dict()] * len(found),
                files=[str(reference.resolve())] + [str(each.file.resolve()) for each in found],
            )
            before, *after = report["seconds"]
            self.candidates[task.path] = [
                dataclasses.replace(
                    each,
                    attempt=dataclasses.replace(
                        each.attempt, speed=speed.relative_speed(seconds, before, speed.processor())
                    ),
                )
                for each, seconds in zip(found, after, strict=True)
            ]

    def _int8_inputs(self, method: str) -> dict[str, Any]:
        task, folder = self.tasks[0], self.context.folder
        settings = task.recipe.fine_tuning
        assert settings is not None
        assert task.shared is not None
        training, classes = None, list[int]()
        if METHODS[method].trains and task.run.split.train:
            chosen = calibration_images.select(task.run.split.train, settings.images, settings.seed)
            training = folder / f"training-{settings.images}-{settings.seed}.npy"
            try:
                if not training.exists():
                    calibration_images.decode(task.run, "train", chosen, training, self.context.data)
                classes = [task.run.decision.labels.index(member.label) for member in chosen]
            except (EdgeallError, ValueError) as error:
                self.context.progress.note(f"{task.run.name} INT8, {method}: {NO_IMAGES} ({error})")
                training = None
        return {
            "folder": str((task.run.exports / int8_cache.FOLDER).resolve()),
            "key": task.shared,
            "calibration": str(calibration_file(folder, task).resolve()),
            "training": None if training is None else str(training.resolve()),
            "classes": classes,
            "fine_tuning": dataclasses.asdict(settings),
        }


def _reasons(log: Sequence[Attempt]) -> str:
    """Why no candidate could be made: each error once, with the first method that it stopped."""
    found: dict[str, str] = {}
    for each in log:
        if each.error:
            found.setdefault(each.error, each.method)
    if len(found) < 2:
        return next(iter(found), "no method was tried")
    return "; ".join(f"{method}: {error}" for error, method in found.items())
