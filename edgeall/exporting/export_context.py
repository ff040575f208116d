"""What the exports of one run share, and the two ways to make a candidate: conversion, and writing the shared model."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeall import documents
from edgeall.artifact import Decision, Golden, Noise, Parity, files_of
from edgeall.errors import EdgeallError
from edgeall.exporting import gate, int8_cache, shared_int8
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.export_plan import Task
from edgeall.exporting.exporter import exporter
from edgeall.exporting.intermediates import Intermediates
from edgeall.exporting.own_decision import own_decision
from edgeall.exporting.paired_scores import PairedScores, pair_scores
from edgeall.exporting.source_models import ALSO, SHIFTED, VALIDATION, Sources
from edgeall.exporting.worker_pool import WorkerPool
from edgeall.progress import Progress
from edgeall.runs import Member

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Candidate:
    """A bare model file that was evaluated in its engine.

    Attributes:
        attempt: its row in the table of methods.
        left_in_float: operators that an INT8 model computes in float.
        shared: whether it is the INT8 model that formats share.
        decision: its own threshold and referral band.
        outputs: class probabilities (n, k) for each set of images (`Sources.sets`).
        images: its scores of the validation images, paired with the Keras model's.
        logit_scale: factor of the logits by temperature scaling.
        golden: its answers to drawn pictures.
    """

    attempt: Attempt
    file: Path
    left_in_float: tuple[str, ...]
    shared: bool
    decision: Decision
    outputs: dict[str, Floats]
    images: PairedScores
    logit_scale: float = 1.0
    golden: Golden | None = None

    @property
    def parity(self) -> Parity:
        assert self.attempt.parity is not None
        return self.attempt.parity

    def with_parity(self, parity: Parity) -> "Candidate":
        """The same candidate with another parity."""
        return dataclasses.replace(self, attempt=dataclasses.replace(self.attempt, parity=parity))


@dataclass(frozen=True)
class ExportContext:
    """What the exports of one run share.

    Attributes:
        folder: the work folder.
        validation: the validation images of the gate, in the order of all outputs.
        changed: the change of each image of the set "shifted".
        noise: changes of the float score under changes of the picture that nobody sees; None where not measured.
        data: where the run's images are now. None: where they were at training.
    """

    workers: WorkerPool
    folder: Path
    sources: Sources
    intermediates: Intermediates
    validation: Sequence[Member]
    changed: Sequence[str]
    noise: Noise | None
    data: Path | None
    progress: Progress

    def convert(self, task: Task) -> Candidate:
        """Convert by the recipe, and evaluate.

        Raises:
            ExportError: an intermediate could not be made, the converter or the engine failed, or the outputs are not
                those of a model.
        """
        method = own_method(task)
        self.intermediates.ensure(exporter(task.recipe.format).NEEDS)
        file = self._new_file(task, f"own-{method}")
        images = str(calibration_file(self.folder, task).resolve()) if task.calibration else None
        _, seconds = self.workers.run_step(
            "convert",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            calibration=images,
            out=str(file.resolve()),
        )
        return self._evaluate(task, method, file, seconds, simulation=None)

    def write(self, task: Task, method: str) -> Candidate:
        """Write the shared INT8 model of a method in the task's format, and evaluate.

        Raises:
            ExportError: as `convert`.
        """
        assert task.shared is not None
        model = int8_cache.model_file(task.run, task.shared, method)
        file = self._new_file(task, method)
        _, seconds = self.workers.run_step(
            "write",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            model=str(model.resolve()),
            out=str(file.resolve()),
        )
        return self._evaluate(task, method, file, seconds, simulation=shared_int8.simulated(model))

    def _new_file(self, task: Task, method: str) -> Path:
        own = self.folder / f"{task.recipe.name}-{method}"
        own.mkdir()
        return own / task.path.name

    def _evaluate(
        self, task: Task, method: str, file: Path, converting: float, simulation: tuple[Floats, float] | None
    ) -> Candidate:
        """`simulation`: outputs of the simulated shared model for validation images, and its factor of logits."""
        simulated, logit_scale = simulation or (None, 1.0)
        saved = file.with_name("outputs.npz")
        report, evaluating = self.workers.run_step(
            "evaluate",
            task.run,
            self.folder,
            recipe=task.recipe.to_dict(),
            out=str(file.resolve()),
            outputs=str(saved.resolve()),
            threads=self.workers.threads,
        )
        outputs = _arrays(saved)
        decision = self._decision(task, outputs[VALIDATION] if simulated is None else simulated)
        # As many images as this recipe asks for; any first few are representative.
        images = self.pair(VALIDATION, outputs, decision, task).first(task.recipe.parity.images)
        parity = gate.judge(images, task.recipe.parity)
        if simulated is not None and task.recipe.parity.agreement is not None:
            alike = pair_scores(
                images.truth.tolist(),
                images.subjects,
                simulated[: len(images)],
                outputs[VALIDATION][: len(images)],
                decision,
                decision,
            )
            criterion = gate.agreement(alike, task.recipe.parity.agreement, "the simulated INT8 model")
            parity = gate.with_criterion(parity, criterion)
        size = sum(each.stat().st_size for each in files_of(file))
        attempt = Attempt(
            method,
            "engine",
            dataclasses.replace(parity, noise=self.noise),
            round(converting + evaluating, 2),
            size_bytes=size,
        )
        left = tuple(report["left_in_float"])
        golden = documents.build(Golden, report["golden"])
        return Candidate(
            attempt, file, left, simulated is not None, decision, outputs, images, logit_scale, golden
        )

    def _decision(self, task: Task, outputs: Floats) -> Decision:
        """The decision of the artifact. INT8 has its own; the shared model has one for all formats."""
        if task.recipe.precision != "int8":
            return task.run.decision
        reference, scores = _arrays(self.sources.reference)[VALIDATION], task.run.decision.scores
        return own_decision(task.run, scores(reference), scores(outputs))

    def pair(self, name: str, outputs: dict[str, Floats], decision: Decision, task: Task) -> PairedScores:
        """Outputs for a set of images, paired with the Keras model's. Only validation images have labels."""
        labels = task.run.decision.labels
        reference = _arrays(self.sources.reference)[name]
        truth = [0] * len(reference)
        subjects: list[str | None] = [None] * len(reference)
        if name == VALIDATION:
            truth = [labels.index(member.label) for member in self.validation]
            subjects = [member.subject for member in self.validation]
        return pair_scores(truth, subjects, reference, outputs[name], task.run.decision, decision)

    def picture_kinds(self, name: str) -> npt.NDArray[np.str_]:
        """The kind of picture of each image of a set, (n,)."""
        if name == SHIFTED:
            return np.array(self.changed)
        count = len(np.load(self.sources.images(name), mmap_mode="r", allow_pickle=False))
        return np.full(count, "other pictures" if name == ALSO else name)


def own_method(task: Task) -> str:
    """Name of the recipe's own method."""
    if task.recipe.precision != "int8":
        return task.recipe.precision
    return task.recipe.calibration.method if task.recipe.calibration else "dynamic"


def calibration_file(folder: Path, task: Task) -> Path:
    """The file of a task's decoded calibration images."""
    settings = task.recipe.calibration
    assert settings is not None
    return folder / f"calibration-{settings.images}-{settings.seed}.npy"


def report_error(progress: Progress, what: str, error: EdgeallError) -> None:
    """Show an error, and the last lines of the converter's output."""
    progress.note(f"{what}: {error}")
    for line in getattr(error, "__notes__", []):
        progress.note(f"    {line}")


def _arrays(path: Path) -> dict[str, Floats]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
