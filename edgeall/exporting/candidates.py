"""Which method makes each artifact: all that are worth trying are made, judged, timed, and the best is taken.

INT8 of a format can come of its own converter's calibration or of the INT8 model that all formats share, whose weights,
scales and zero points are the same in each. Candidates are ranked by the gate, then by time. Of equal ones the shared
model is taken: engines then answer alike, and of unproven candidates it is the better one on people that no choice saw
(`benchmarks/results/int8-defaults.md`), whatever few validation images say. Then by whether figures keep the limits as
measured, and by size. In engines the shared model differs by rounding alone: where it fails in none, its rank in each
is the best that it has in any. Where it fails and nothing passes, it is trained (quantization-aware), and compared
again.
"""

import contextlib
import dataclasses
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeall import artifact
from edgeall.artifact import ShiftAgreement
from edgeall.errors import ArtifactError, EdgeallError, ExportError, WorkerLost
from edgeall.exporting import calibration_images, gate, int8_cache, manifest, speed
from edgeall.exporting.attempts import NO_IMAGES, Attempt
from edgeall.exporting.export_context import Candidate, ExportContext, calibration_file, own_method, tell
from edgeall.exporting.export_plan import FailedTask, Task
from edgeall.exporting.int8_methods import METHODS
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import Tolerance, load_recipe
from edgeall.exporting.source_models import VALIDATION
from edgeall.measuring.processor import cpu_model, features

Finish = Callable[[Task, Candidate, Sequence[Attempt]], Exported]
Results = dict[Path, Exported | FailedTask]

_SAME_TIME = 1.05
"""Candidates whose times differ by less than this factor count as equally fast."""
_RANK = {"passed": 0, "unproven": 1, "failed": 2}


def make_each(tasks: Sequence[Task], context: ExportContext, finish: Finish) -> Results:
    """Artifacts that have one way to be made, each finished as soon as it is examined."""

    def make(task: Task) -> Exported | FailedTask:
        try:
            candidate = context.convert(task)
        except ExportError as error:
            tell(context.progress, f"{task.run.name} {task.recipe.name}", error)
            return FailedTask(task.run.name, task.recipe.name, str(error))
        return finish(task, candidate, [candidate.attempt])

    if not tasks:
        return {}
    with ThreadPoolExecutor(len(tasks)) as pool:
        return dict(zip([task.path for task in tasks], pool.map(make, tasks), strict=True))


def compare(tasks: Sequence[Task], context: ExportContext, finish: Finish) -> Results:
    """INT8 artifacts of one run that may share a model: the best candidate of each.

    Where a worker was lost, none is finished: the better candidate might be the one that is not known.
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
    """The first by gate, by time, of the shared model, by figures as measured, by size.

    `proven`: methods of the shared model that fail in no format and pass in one.
    """
    times = [each.attempt.speed.ratio for each in candidates if each.attempt.speed is not None]
    fastest = min(times, default=1.0)

    def rank(candidate: Candidate) -> tuple[int, float, bool, bool, int]:
        measured = candidate.attempt.speed
        slower = measured is not None and measured.ratio > _SAME_TIME * fastest
        time = measured.ratio if measured is not None and slower else 0.0
        passes = candidate.shared and candidate.attempt.method in proven
        outcome = "passed" if passes else candidate.parity.word
        beyond = outcome != "passed" and not gate.within(candidate.parity, tolerance)
        return _RANK[outcome], time, not candidate.shared, beyond, candidate.attempt.size_bytes or 0

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
            # The shared model is made while formats calibrate.
            first = pool.submit(self._share, methods[0]) if methods else None
            self._try(own, self.context.convert, "own calibration")
            if first is not None:
                first.result()
        self._judge_shifts()
        for method in methods[1:]:
            if all(self._good(task) for task in self.tasks):
                return
            self._share(method)
            self._judge_shifts()

    @property
    def proven(self) -> set[str]:
        """Methods of the shared model that fail in no format and pass in one."""
        words = defaultdict(set)
        for candidate in (each for found in self.candidates.values() for each in found if each.shared):
            words[candidate.attempt.method].add(candidate.parity.word)
        return {method for method, found in words.items() if "passed" in found and "failed" not in found}

    def _good(self, task: Task) -> bool:
        """Whether a candidate passes, or the shared model, or what there is without one, does not fail."""
        found = self.candidates[task.path]
        common = [each for each in found if each.shared] or found
        return any(each.parity.word == "passed" for each in found) or any(
            each.parity.word != "failed" for each in common
        )

    def _share(self, method: str) -> None:
        """Make the shared model by a method, and write it in every format."""
        task = self.tasks[0]
        try:
            self.context.workers.do(
                "quantize",
                task.run,
                self.context.folder,
                alone=True,
                material=self._material(method),
                method=method,
                truth=[task.run.decision.labels.index(member.label) for member in self.context.validation],
            )
        except WorkerLost:
            raise
        except ExportError as error:
            tell(self.context.progress, f"{task.run.name} INT8, {method}", error)
            with self.lock:
                for each in self.tasks:
                    self.errors[each.path].append(Attempt(method, "simulation", None, 0.0, str(error)))
            return
        self._try(self.tasks, lambda task: self.context.write(task, method), method)

    def _try(self, tasks: Sequence[Task], make: Callable[[Task], Candidate], method: str) -> None:
        def attempt(task: Task) -> None:
            try:
                candidate = make(task)
            except WorkerLost:
                raise
            except ExportError as error:
                # An answer to the converter's words is for the terminal; the log keeps the line.
                tell(self.context.progress, f"{task.run.name} {task.recipe.name}, {method}", error)
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
        """The table of methods: the format's own first, then those of the shared model in their order."""
        order = [own_method(task), *task.methods]
        rows = [each.attempt for each in self.candidates[task.path]] + self.errors[task.path]
        return sorted(rows, key=lambda row: order.index(row.method))

    def _judge_shifts(self) -> None:
        """Hold candidates on changed and other pictures to what the format's own calibration keeps there."""
        for task in self.tasks:
            found = self.candidates[task.path]
            own = next((each for each in found if not each.shared), None)
            self.candidates[task.path] = [
                each if each.parity.shifts else _on_shifts(each, own, task, self.context) for each in found
            ]

    def time(self) -> None:
        """Time the candidates of each format beside its float32 artifact, where there is one."""
        for task in self.tasks:
            found = self.candidates[task.path]
            reference = _float32(task)
            if not found or reference is None:
                continue
            float32 = load_recipe(f"{task.recipe.format}-fp32").to_dict()
            report, _ = self.context.workers.do(
                "clock",
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
                        each.attempt, speed=speed.beside(seconds, before, processor())
                    ),
                )
                for each, seconds in zip(found, after, strict=True)
            ]

    def _material(self, method: str) -> dict[str, Any]:
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


def _on_shifts(candidate: Candidate, own: Candidate | None, task: Task, context: ExportContext) -> Candidate:
    """The candidate with its agreement on changed and other pictures; failed where it keeps less than `own`."""
    rows: list[ShiftAgreement] = []
    parity = candidate.parity
    for name in candidate.answers:
        if name == VALIDATION:
            continue
        mine = context.paired(name, candidate.answers, candidate.decision, task)
        theirs = None if own is None else context.paired(name, own.answers, own.decision, task)
        kinds = context.pictures_of(name)
        for kind in dict.fromkeys(kinds.tolist()):
            of = mine.clear & (kinds == kind)
            rows.append(
                ShiftAgreement(
                    kind,
                    int(of.sum()),
                    float(mine.same[of].mean()) if of.any() else None,
                    float(theirs.same[of].mean()) if theirs is not None and of.any() else None,
                )
            )
        if theirs is not None and candidate is not own:
            clear = mine.clear
            what = "changed pictures" if name == "shifted" else "the other pictures"
            parity = gate.with_clause(parity, gate.never_below(mine.same[clear], theirs.same[clear], what))
    return candidate.judged(dataclasses.replace(parity, shifts=tuple(rows)))


def processor() -> str:
    """This machine's, with what decides how fast it multiplies in INT8."""
    known = [flag for flag in features() if "vnni" in flag or flag in ("amx_int8", "asimddp", "i8mm")]
    return f"{cpu_model() or 'unknown processor'} ({', '.join(known) or 'no INT8 dot product'})"


def _float32(task: Task) -> Path | None:
    """The run's float32 artifact of the same format and model."""
    for entry in manifest.read(task.run).values():
        of_same = entry.format == task.recipe.format and entry.precision == "float32"
        if of_same and entry.path.is_file():
            # A damaged one is nothing to be timed beside.
            with contextlib.suppress(ArtifactError):
                if artifact.read(entry.path).metadata.provenance.model_sha256 == task.model:
                    return entry.path
    return None


def _reasons(log: Sequence[Attempt]) -> str:
    """Why nothing came of any attempt: each reason once, with the method that it stopped first."""
    found: dict[str, str] = {}
    for each in log:
        if each.error:
            found.setdefault(each.error, each.method)
    if len(found) < 2:
        return next(iter(found), "nothing was tried")
    return "; ".join(f"{method}: {error}" for error, method in found.items())
