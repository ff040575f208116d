"""The images that come with an imported model: the user's labelled ones, else synthetic smears."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeall import files, runs
from edgeall.datasets import load_split, make_split, read_dataset, synthesize
from edgeall.errors import DatasetError, RunError
from edgeall.pixels import ByteImage, Resize, read_image
from edgeall.pixels.opening import read_whole
from edgeall.progress import Progress
from edgeall.runs import DataSource, Member, Split

FRACTIONS = (0.3, 0.3, 0.4)
"""Fractions of calibration, validation and test images. The model is trained already, so the test part is large."""

TRIAL = 64
"""Most images of a label on which preprocessings are tried."""

DRAWN = 24
_DRAWN_SIDES = (320, 240)


@dataclass(frozen=True)
class LabelledImages:
    """Images, their split, and where they come from.

    Attributes:
        positive: positive labels according to the dataset layout; empty where the layout does not define them.
        known: whether the user's split file states which images trained the model.
        drawn: whether the images are synthetic.
    """

    source: DataSource
    split: Split
    positive: tuple[str, ...] = ()
    known: bool = False
    drawn: bool = False

    def path(self, member: Member) -> Path:
        return self.source.root / member.name

    def trial(self, seed: int) -> tuple[Member, ...]:
        """A seeded choice of calibration and validation images, at most `TRIAL` a label; no test images."""
        members = self.split.val if self.known else (*self.split.train, *self.split.val)
        rng = np.random.default_rng(seed)
        chosen: list[Member] = []
        for label in sorted({member.label for member in members}):
            mine = sorted((m for m in members if m.label == label), key=lambda m: m.name)
            chosen += [mine[index] for index in sorted(rng.permutation(len(mine))[:TRIAL])]
        return tuple(chosen)

    def batches(self, members: Sequence[Member], to: Resize, batch: int = 32) -> Iterator[ByteImage]:
        """Decoded images, uint8 (n, to.size, to.size, 3), in order.

        Raises:
            ImageError: one cannot be decoded.
            RunError: one has changed since the split was made.
        """
        for start in range(0, len(members), batch):
            yield np.stack([self._read(member, to) for member in members[start : start + batch]])

    def _read(self, member: Member, to: Resize) -> ByteImage:
        content = read_whole(self.path(member))
        if hashlib.sha256(content).hexdigest() != member.sha256:
            raise RunError(f"{self.path(member)}: has changed since the split was made; make the split again")
        return read_image(content, to)


def given(
    data: Path,
    labels: tuple[str, ...],
    positive: Sequence[str] | None,
    split: Path | None,
    model: str,
    seed: int,
    progress: Progress,
) -> LabelledImages:
    """The labelled images under `data`, split anew or as in the file `split`.

    Args:
        model: SHA-256 of the model's file.

    Raises:
        DatasetError: no usable dataset, or other classes than `labels`.
    """
    dataset = read_dataset(data, positive)
    for note in dataset.notes:
        progress.note(note)
    if set(dataset.labels) != set(labels):
        raise DatasetError(
            f"{data}: its classes are {', '.join(dataset.labels)}, and --labels has {', '.join(labels)}; "
            "give the same names, in the order of the model's outputs"
        )
    if split is not None:
        loaded = load_split(split, dataset)
        trained_on = runs.fingerprint(loaded.train)
        return LabelledImages(
            DataSource(dataset.root, dataset.layout, trained_on), loaded, dataset.positive, known=True
        )
    made, unreadable = make_split(dataset, fractions=FRACTIONS, seed=seed, progress=progress)
    for image in unreadable:
        progress.note(f"left out {image.name}: {image.reason}")
    made = Split(made.train, made.val, made.test, grouped_by="unknown")
    return LabelledImages(
        DataSource(dataset.root, dataset.layout, f"unknown:{model}"), made, dataset.positive
    )


def drawn(
    folder: Path, root: Path, sides: tuple[str, str], model: str, seed: int, progress: Progress
) -> LabelledImages:
    """Synthetic smears in `folder`, for validation only.

    They show whether a float artifact computes the same as the Keras model. They are not calibration images: activation
    ranges from synthetic images can ruin an INT8 artifact, and validation on synthetic images would not show it.

    Args:
        root: where `folder` will be once the run is complete.
        sides: labels of a healthy and of a leukaemic smear.
    """
    half = DRAWN // 2
    synthesize(folder, seed=seed, healthy=half, leukaemia=DRAWN - half, size=_DRAWN_SIDES, progress=progress)
    members = tuple(
        Member(path.relative_to(folder).as_posix(), files.sha256_file(path), sides[path.stem.endswith("_1")])
        for path in sorted(folder.glob("im/*.jpg"))
    )
    source = DataSource(root, "ALL-IDB1 (synthetic)", f"unknown:{model}")
    return LabelledImages(source, Split((), members, (), grouped_by="unknown"), drawn=True)
