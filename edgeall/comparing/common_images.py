"""What a model said of each of its test images, and which images two models have in common."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.errors import UsageError
from edgeall.results.pairing import common_rows
from edgeall.statistics import Estimate, classification_metrics

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METRICS = ("accuracy", "class_accuracy", "sensitivity", "specificity", "auc")
"""In the order in which they are shown. `class_accuracy`: of the most probable class, for more than two classes."""

_DECISION = Decision(("negative", "positive"), ("positive",))


@dataclass(frozen=True, eq=False)
class Answers:
    """Of n test images, in one order.

    Attributes:
        names: of the images.
        hashes: SHA-256 of their bytes; None where not known.
        subjects: None where not known.
        positive: the truth, (n,).
        called: the verdict at the model's own threshold, (n,).
        scores: probability of a finding, (n,); None where only verdicts are known.
        chosen_right: for more than two classes, whether the most probable class is the true one, (n,); else None.
    """

    names: tuple[str, ...]
    hashes: tuple[str, ...] | None
    subjects: tuple[str | None, ...] | None
    positive: Bools
    called: Bools
    scores: Floats | None
    chosen_right: Bools | None = None

    @cached_property
    def figures(self) -> dict[str, Estimate]:
        """Each metric that is defined, with the interval that people are shown: over subjects where known."""
        scores = self.called.astype(np.float64) if self.scores is None else self.scores
        found = classification_metrics(
            self.positive.astype(np.int64),
            np.stack([1 - scores, scores], axis=1),
            _DECISION,
            self.subjects,
            # Each image's own verdict, wherever its threshold was.
            thresholds=np.where(self.called, scores, np.inf),
        )
        figures = {
            "accuracy": found.accuracy,
            "class_accuracy": self._class_accuracy,
            "sensitivity": found.sensitivity,
            "specificity": found.specificity,
            "auc": None if self.scores is None else found.auc,
        }
        return {name: figure for name, figure in figures.items() if figure is not None}

    @property
    def _class_accuracy(self) -> Estimate | None:
        if self.chosen_right is None:
            return None
        # As if every image were positive and called so when rightly named: its accuracy is the share of those.
        right = self.chosen_right
        found = classification_metrics(
            np.ones(len(right), np.int64), np.stack([~right, right], axis=1), _DECISION, self.subjects
        )
        return found.accuracy

    def take(self, rows: Integers) -> "Answers":
        """Some of the images, in the order of `rows`."""
        return Answers(
            tuple(self.names[row] for row in rows),
            None if self.hashes is None else tuple(self.hashes[row] for row in rows),
            None if self.subjects is None else tuple(self.subjects[row] for row in rows),
            self.positive[rows],
            self.called[rows],
            None if self.scores is None else self.scores[rows],
            None if self.chosen_right is None else self.chosen_right[rows],
        )


def common(a: Answers, b: Answers) -> tuple[Answers, Answers] | None:
    """What both said of the images that both were tested on, in one order; None where there are none.

    Images are the same where their bytes are, or, where hashes of one side are not known, their names.

    Raises:
        UsageError: the two disagree on what an image is.
    """
    by_hash = a.hashes is not None and b.hashes is not None
    rows = common_rows(*(one.hashes if by_hash and one.hashes else one.names for one in (a, b)))
    if not rows:
        return None
    shared = np.asarray(rows, dtype=np.int64)
    ours, theirs = a.take(shared[:, 0]), b.take(shared[:, 1])
    apart = np.flatnonzero(ours.positive != theirs.positive)
    if len(apart):
        name = ours.names[int(apart[0])]
        words = ["a finding" if one.positive[apart[0]] else "healthy" for one in (ours, theirs)]
        raise UsageError(
            f"{len(apart)} of {len(rows)} common test images have another truth on either side ({name}: {words[0]} "
            f"against {words[1]}): label the data alike, then train or bench again"
        )
    return ours, theirs
