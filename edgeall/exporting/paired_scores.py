"""Outputs of a float model and of an artifact for the same images, paired and checked."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.errors import ExportError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEAR = 0.1
"""Without a referral band, images with a float score this near the threshold are not clear."""
_MIN_SPREAD = 0.05
"""Range of the float model's scores above which constant outputs of the artifact are an error."""


@dataclass(frozen=True)
class PairedScores:
    """Outputs of the float model and of an artifact for the same n images.

    Attributes:
        truth: label index of each image, (n,).
        subjects: subject of each image; None where it is not known.
        reference, outputs: class probabilities (n, k) of the float model and of the artifact.
        positive: whether the label of each image is a finding, (n,).
        reference_score, score: probabilities of a finding, (n,).
        reference_called, called: verdicts at each model's own threshold, (n,).
        clear: whether the float model's score is outside its referral band or, without a band, further than `NEAR` from
            its threshold, (n,). With more than two classes its most probable class also leads by 2 `NEAR`.
    """

    truth: npt.NDArray[np.int64]
    subjects: tuple[str | None, ...]
    reference: Floats
    outputs: Floats
    positive: Bools
    reference_score: Floats
    score: Floats
    reference_called: Bools
    called: Bools
    clear: Bools

    def __len__(self) -> int:
        return len(self.truth)

    def first(self, count: int) -> "PairedScores":
        """The first `count` images."""
        return PairedScores(*(getattr(self, field.name)[:count] for field in dataclasses.fields(self)))

    @property
    def same(self) -> Bools:
        """Whether both models give the same verdict and, with more than two classes, the same class, (n,)."""
        same = self.called == self.reference_called
        if self.reference.shape[1] > 2:
            same &= self.reference.argmax(axis=1) == self.outputs.argmax(axis=1)
        return np.asarray(same)


def pair_scores(
    truth: Sequence[int],
    subjects: Sequence[str | None],
    reference: npt.NDArray[np.floating[Any]],
    outputs: npt.NDArray[np.floating[Any]],
    decision: Decision,
    own_decision: Decision,
) -> PairedScores:
    """Pair the outputs of a float model with those of an artifact.

    Args:
        truth: label index of each image.
        reference, outputs: class probabilities (n, k) of the float model and of the artifact.
        decision, own_decision: of the float model and of the artifact.

    Raises:
        ExportError: the artifact's outputs have another shape, are not finite, are not probabilities, or are constant
            where the float model's are not. Such a file is not a model, and no tolerance applies.
    """
    if outputs.shape != reference.shape:
        raise ExportError(
            f"its outputs have shape {outputs.shape}, those of the Keras model {reference.shape}"
        )
    if not np.isfinite(outputs).all():
        raise ExportError("its outputs contain NaN or infinity")
    if outputs.min() < -0.01 or outputs.max() > 1.01:
        raise ExportError("its outputs are outside 0 to 1: they are not probabilities")
    expected, score = decision.scores(reference), decision.scores(outputs)
    if len(score) > 1 and np.ptp(score) == 0 and np.ptp(expected) > _MIN_SPREAD:
        raise ExportError(f"its output is {score[0]:.3f} for every image")
    labels = np.asarray(truth, np.int64)
    return PairedScores(
        truth=labels,
        subjects=tuple(subjects),
        reference=reference.astype(np.float64),
        outputs=outputs.astype(np.float64),
        positive=np.isin(labels, decision.positive_indices),
        reference_score=expected,
        score=score,
        reference_called=expected >= decision.threshold,
        called=score >= own_decision.threshold,
        clear=_clear(expected, reference, decision),
    )


def _clear(score: Floats, reference: npt.NDArray[np.floating[Any]], decision: Decision) -> Bools:
    if decision.refer is not None:
        clear = (score < decision.refer[0]) | (score >= decision.refer[1])
    else:
        clear = np.abs(score - decision.threshold) > NEAR
    if reference.shape[1] > 2:
        best = np.sort(reference, axis=1)
        clear &= best[:, -1] - best[:, -2] > 2 * NEAR
    return np.asarray(clear)


def concatenate(parts: Sequence[PairedScores]) -> PairedScores:
    """The images of several models of one kind, such as the folds of a cross-validation, as one set.

    Probabilities are not rescaled: each model is calibrated on its own validation images.
    """
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(PairedScores)
        if field.name != "subjects"
    }
    return PairedScores(subjects=tuple(name for part in parts for name in part.subjects), **arrays)
