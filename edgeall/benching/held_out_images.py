"""Which images an artifact is scored on: never one that it learned or was tuned on, as far as anything can tell."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeall import files
from edgeall.artifact import Artifact, Decision
from edgeall.errors import DatasetError, UsageError
from edgeall.measuring.plan import PlannedImage
from edgeall.results.accuracy import SPLITS
from edgeall.runs import Member, Run


@dataclass(frozen=True)
class TestSet:
    """Images with their truth.

    Attributes:
        truth: index into the decision's labels of each image.
        subjects: of each image; None of all where one is not known, because intervals cannot count people then.
        grouped_by: one of `edgeall.results.document.SPLITS`.
        data: name of the layout they came in.
        notes: what a reader must know of the choice, a line each.
    """

    __test__ = False

    images: tuple[PlannedImage, ...]
    truth: tuple[int, ...]
    subjects: tuple[str | None, ...]
    grouped_by: str
    data: str
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Identity by content: names and hashes in order."""
        lines = "".join(f"{image.sha256} {image.name}\n" for image in self.images)
        return hashlib.sha256(lines.encode()).hexdigest()


def test_set(artifact: Artifact, run: Run | None, data: Path | None) -> TestSet:
    """The images for an artifact.

    Its run's held-out test split, checked by hash, under `data` if the images moved there; else all of `data`, another
    labelled folder, less what the run trained or chose on.

    Raises:
        UsageError: the artifact's run is not here, and no `data` was given.
        RunError: an image of the split is missing or altered.
        DatasetError: `data` cannot serve.
    """
    if run is not None and (data is None or _holds(data, run.split.test)):
        return _held_out(run, data)
    if data is None:
        raise UsageError(
            f"{artifact.path}: its run '{artifact.metadata.provenance.run}' is not here, so its test images are not "
            "known; give a labelled folder with --data DIR"
        )
    return _other(artifact, run, data)


test_set.__test__ = False  # type: ignore[attr-defined]


def _held_out(run: Run, data: Path | None) -> TestSet:
    members = run.split.test
    if not members:
        raise DatasetError(
            f"run {run.name} has no test images; train it again, or give others with --data DIR"
        )
    paths = run.images("test", data)
    return TestSet(
        images=tuple(
            PlannedImage(member.name, str(path.resolve()), member.sha256)
            for member, path in zip(members, paths, strict=True)
        ),
        truth=tuple(run.class_indices("test")),
        subjects=_of_all([member.subject for member in members]),
        grouped_by=run.split.grouped_by if run.split.grouped_by in SPLITS else "image",
        data=run.data.layout,
    )


def _holds(data: Path, members: tuple[Member, ...]) -> bool:
    """Whether the folder is where these images are now: at least one is there under its name, unaltered."""
    there = ((data / member.name, member.sha256) for member in members)
    return any(path.is_file() and files.sha256_file(path) == sha256 for path, sha256 in there)


def _other(artifact: Artifact, run: Run | None, data: Path) -> TestSet:
    from edgeall.datasets import read_dataset

    dataset = read_dataset(data)
    label_of = _label_map(dataset.labels, dataset.positive, artifact.metadata.decision, data)
    known = {} if run is None else {m.sha256: part for part in ("train", "val") for m in run.split.part(part)}
    images, truth, subjects, left_out = [], [], [], 0
    for sample in dataset.samples:
        sha256 = files.sha256_file(sample.path)
        if sha256 in known:
            left_out += 1
            continue
        images.append(PlannedImage(sample.name, str(sample.path.resolve()), sha256))
        truth.append(label_of[sample.label])
        subjects.append(sample.subject)
    if not images:
        raise DatasetError(
            f"{data}: every image there trained or tuned the model; none is left to test it on"
        )
    notes = [f"{artifact.path.name} is scored on {data}, not on its run's held-out images"]
    if left_out:
        notes.append(f"{data}: {left_out} images that trained or tuned the model are left out")
    if run is None:
        notes.append(f"{artifact.path.name}: its run is not here, so nothing tells whether {data} trained it")
    elif run.split.grouped_by == "unknown":
        notes.append(f"{artifact.path.name}: was imported, so nothing tells whether {data} trained it")
    return TestSet(
        images=tuple(images),
        truth=tuple(truth),
        subjects=_of_all(subjects),
        grouped_by="unknown" if run is None or run.split.grouped_by == "unknown" else "other",
        data=dataset.layout,
        notes=tuple(notes),
    )


def _of_all(subjects: Sequence[str | None]) -> tuple[str | None, ...]:
    """As they are where every image has one, as for a run's own predictions (`Predictions.groups`)."""
    return (None,) * len(subjects) if None in subjects else tuple(subjects)


def _label_map(
    labels: tuple[str, ...], positive: tuple[str, ...], decision: Decision, data: Path
) -> dict[str, int]:
    """From a folder's labels to the artifact's: by name; or, with two on each side, by what is a finding."""
    if set(labels) <= set(decision.labels):
        return {label: decision.labels.index(label) for label in labels}
    if len(decision.labels) == 2 and len(positive) in range(1, len(labels)):
        finding = decision.positive_indices[0]
        return {label: finding if label in positive else 1 - finding for label in labels}
    raise DatasetError(
        f"{data}: its classes {', '.join(labels)} are not those of the artifact ({', '.join(decision.labels)}); "
        "rename its folders"
    )
