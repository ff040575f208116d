"""What a model said of each image: `predictions.csv` of a run. Reads and writes it; imports no engine.

One row an image: `part,image,subject,label`, then a column `p:<label>` for each class, then `threshold`, the score
from which that image was called positive (one for a whole run; each fold's own where folds are pooled).
"""

import csv
import io
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeall import files, runs
from edgeall.errors import RunError
from edgeall.files import AnyPath
from edgeall.runs import Member, Run

FILE = "predictions.csv"
POOLED = "pooled"
"""The part of images out of fold."""

_FIRST = ("part", "image", "subject", "label")
_PARTS = (*runs.PARTS, POOLED)
MAX_BYTES = 32 << 20
"""Largest file that is read: about 370,000 images of two classes."""

_SUM_OFF = 1e-3
"""Probabilities of an image add up to 1 as far as float32 holds it, and calibration in float32 after it."""


@dataclass(frozen=True)
class Predictions:
    """Of n images and k classes.

    Attributes:
        images: names, relative to the data folder.
        subjects: of each image; None where unknown.
        truth: class indices, (n,) int64.
        probabilities: (n, k) float64, rows add up to 1.
        thresholds: score in [0, 1] from which each image is called positive, (n,) float64.
    """

    images: tuple[str, ...]
    subjects: tuple[str | None, ...]
    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]

    @property
    def groups(self) -> tuple[str | None, ...] | None:
        """Subjects where every image has one, else None: what statistics take."""
        return None if None in self.subjects else self.subjects


def joined(pieces: list[Predictions]) -> Predictions:
    """Several sets of predictions, one after the other."""
    return Predictions(
        tuple(name for piece in pieces for name in piece.images),
        tuple(subject for piece in pieces for subject in piece.subjects),
        np.concatenate([piece.truth for piece in pieces]),
        np.concatenate([piece.probabilities for piece in pieces]),
        np.concatenate([piece.thresholds for piece in pieces]),
    )


def write(path: AnyPath, parts: Mapping[str, Predictions], labels: tuple[str, ...]) -> None:
    """Write the file, whole or not at all."""
    path = Path(path)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*_FIRST, *(f"p:{label}" for label in labels), "threshold"])
    for part, said in parts.items():
        columns = zip(
            said.images,
            said.subjects,
            said.truth.tolist(),
            said.probabilities.tolist(),
            said.thresholds.tolist(),
            strict=True,
        )
        for image, subject, truth, probabilities, threshold in columns:
            rows.writerow([part, image, subject or "", labels[truth], *probabilities, threshold])
    files.write_text(path, text.getvalue())


def check_size(split: runs.Split, labels: tuple[str, ...]) -> None:
    """Raise `ValueError` where the predictions of a split's images could be larger than what is read back."""
    size = sum(
        len(f"{part},{member.name},{member.subject or ''},{member.label}".encode())
        + (len(labels) + 1) * _LONGEST_FIGURE
        for part in runs.PARTS
        for member in split.part(part)
    )
    if size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")


_LONGEST_FIGURE = len(",2.2250738585072014e-308")


def read(path: AnyPath, labels: tuple[str, ...]) -> dict[str, Predictions]:
    """Read it back, by part.

    Raises:
        RunError: missing, damaged, larger than `MAX_BYTES`, or of other labels.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(f"{path}: not there; train the run again to have its predictions")
    header = [*_FIRST, *(f"p:{label}" for label in labels), "threshold"]
    found: dict[str, _Part] = {}
    number = 1
    try:
        # In pieces: a text of wide letters takes four times its bytes.
        content = io.BytesIO(files.read_at_most(path, MAX_BYTES))
        rows = csv.reader(io.TextIOWrapper(content, encoding="utf-8", newline=""), strict=True)
        if next(rows, None) != header:
            raise RunError(f"{path}: its columns are not {','.join(header)}")
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header) or row[0] not in _PARTS or row[3] not in labels:
                raise RunError(
                    f"{path}: line {number} is damaged (cut, or of another part or label); train the run again"
                )
            found.setdefault(row[0], _Part()).add(row, labels)
        return {name: part.predictions(name, len(labels)) for name, part in found.items()}
    except csv.Error as error:
        raise RunError(f"{path}: line {number + 1} is damaged ({error}); train the run again") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: damaged ({error}); train the run again") from None


def of_run(run: Run) -> dict[str, Predictions]:
    """A run's predictions, by part: of each part's images exactly, as its split has them.

    Raises:
        RunError: missing, damaged, or of other images, labels, subjects or another threshold than the run's.
    """
    path = run.path / FILE
    said = read(path, run.decision.labels)
    for part in runs.PARTS:
        check_images(path, said.get(part), run.split.part(part), run.decision.labels, f"{part} ")
        if part in said and not (said[part].thresholds == run.decision.threshold).all():
            raise RunError(f"{path}: its threshold is not that of the run; train the run again")
    return said


def check_images(
    path: AnyPath,
    said: Predictions | None,
    members: Iterable[Member],
    labels: tuple[str, ...],
    part: str = "",
) -> None:
    """Raise `RunError` unless predictions are of these images, each once, under their labels and subjects."""
    wanted = {member.name: (member.label, member.subject) for member in members}
    found = (
        {}
        if said is None
        else {
            name: (labels[truth], subject)
            for name, truth, subject in zip(said.images, said.truth.tolist(), said.subjects, strict=True)
        }
    )
    if found == wanted:
        return
    lacking, foreign = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if lacking or foreign:
        which = f"without {lacking[0]}" if lacking else f"with {foreign[0]}"
        raise RunError(
            f"{path}: its {part}images are not those of the run ({len(found)}, not {len(wanted)}; {which}); "
            "train the run again"
        )
    name = next(name for name in wanted if found[name] != wanted[name])
    raise RunError(f"{path}: {name} has another label or subject than in the run; train the run again")


class _Part:
    """Columns of one part while rows are read: rows of text would take several times the file."""

    def __init__(self) -> None:
        self._images, self._subjects = list[str](), list[str | None]()
        self._truth, self._figures = array("q"), array("d")

    def add(self, row: list[str], labels: tuple[str, ...]) -> None:
        self._images.append(row[1])
        self._subjects.append(row[2] or None)
        self._truth.append(labels.index(row[3]))
        self._figures.extend(map(float, row[len(_FIRST) :]))

    def predictions(self, part: str, classes: int) -> Predictions:
        """Raises ValueError where a figure cannot be, or an image is twice."""
        table = np.array(self._figures, dtype=np.float64).reshape(-1, classes + 1)
        if len(set(self._images)) < len(self._images):
            raise ValueError(f"an image is twice in its part {part}")
        if not ((table >= 0.0) & (table <= 1.0)).all():
            raise ValueError("a probability or threshold is not within 0 and 1")
        if not (abs(table[:, :-1].sum(axis=1) - 1.0) <= _SUM_OFF).all():
            raise ValueError("the probabilities of an image do not add up to 1")
        return Predictions(
            tuple(self._images),
            tuple(self._subjects),
            np.array(self._truth, dtype=np.int64),
            table[:, :-1],
            table[:, -1],
        )
