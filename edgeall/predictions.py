"""What a model said of each image: `predictions.csv` of a run. Reads and writes it; imports no engine.

One row an image: `part,image,subject,label`, then a column `p:<label>` for each class, then `threshold`, the score
from which that image was called positive (one for a whole run; each fold's own where folds are pooled).
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeall import files
from edgeall.errors import RunError
from edgeall.files import AnyPath

FILE = "predictions.csv"
_FIRST = ("part", "image", "subject", "label")


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


def read(path: AnyPath, labels: tuple[str, ...]) -> dict[str, Predictions]:
    """Read it back, by part.

    Raises:
        RunError: missing, damaged, or of other labels.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(f"{path}: not there; train the run again to have its predictions")
    header = [*_FIRST, *(f"p:{label}" for label in labels), "threshold"]
    found: dict[str, list[list[str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != header:
            raise RunError(f"{path}: its columns are not {','.join(header)}")
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header) or row[3] not in labels:
                raise RunError(f"{path}: line {number} is damaged; train the run again")
            found.setdefault(row[0], []).append(row)
    try:
        return {part: _predictions(rows, labels) for part, rows in found.items()}
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error}); train the run again") from None


def _predictions(rows: list[list[str]], labels: tuple[str, ...]) -> Predictions:
    numbers = [[float(value) for value in row[len(_FIRST) :]] for row in rows]
    if not all(math.isfinite(value) for row in numbers for value in row):
        raise ValueError("a probability is no number")
    table = np.asarray(numbers, dtype=np.float64)
    return Predictions(
        tuple(row[1] for row in rows),
        tuple(row[2] or None for row in rows),
        np.asarray([labels.index(row[3]) for row in rows], dtype=np.int64),
        table[:, :-1],
        table[:, -1],
    )
