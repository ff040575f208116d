"""Does an artifact, in its own engine, still answer as the Keras model does?"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision, Parity
from edgeall.errors import ExportError
from edgeall.exporting.recipes import Tolerance

_LIVELY = 0.05
"""A Keras model whose scores spread wider than this over the images should not become a constant one."""
_ROUNDING = 1e-12


def compare(
    reference: npt.NDArray[np.float32],
    answers: npt.NDArray[np.float32],
    decision: Decision,
    tolerance: Tolerance,
    truth: Sequence[bool] | None = None,
) -> Parity:
    """Class probabilities, (n, k) each: the Keras model's and the artifact's on the same images.

    Of more than two classes each is held to the limits that the score is held to: the score adds up the classes with a
    finding, and does not tell if two of them are exchanged.

    With `truth`, whether each image shows a finding, the changes of accuracy and AUC are measured too, the latter with
    an interval for these images (DeLong, paired): how two models differ on them, not how either does on other subjects.
    A limit on the AUC is on its change as measured; the end of the interval no model keeps on few images. Images of one
    class have no AUC, and the limit is then skipped: `auc_delta` is None.

    Raises:
        ExportError: the artifact's answers are NaN, infinite or no probabilities, or all the same where the
            model's are not: what was written is no model at all, and no tolerance applies.
    """
    if answers.shape != reference.shape:
        raise ExportError(f"answers of shape {answers.shape} where the Keras model gives {reference.shape}")
    if not np.isfinite(answers).all():
        raise ExportError("answers NaN or infinity")
    if answers.min() < -0.01 or answers.max() > 1.01:
        raise ExportError("answers outside 0 to 1: no probabilities")
    columns = decision.positive_indices
    expected = reference[:, columns].sum(axis=1, dtype=np.float64)
    score = answers[:, columns].sum(axis=1, dtype=np.float64)
    if len(score) > 1 and np.ptp(score) == 0 and np.ptp(expected) > _LIVELY:
        raise ExportError(f"answers {score[0]:.3f} whatever the image is")
    difference = np.abs(score - expected)
    calls = [values >= decision.threshold for values in (score, expected)]
    agreement = float(np.mean(calls[0] == calls[1]))
    mean, largest = float(difference.mean()), float(difference.max())
    accuracy, area = _changes(expected, score, calls, truth)
    fall = -area[0] if area and area[0] is not None else None
    measured = [(agreement, largest, mean)]
    classes = _classes(reference, answers)
    if classes is not None:
        measured.append(classes)
    passed = all(_near(*figures, tolerance) for figures in measured) and (
        tolerance.auc_fall is None or fall is None or fall <= tolerance.auc_fall + _ROUNDING
    )
    parity = Parity(len(score), agreement, largest, mean, passed, accuracy, *area)
    if classes is None:
        return parity
    return dataclasses.replace(
        parity, class_agreement=classes[0], class_max_abs_diff=classes[1], class_mean_abs_diff=classes[2]
    )


def _near(agreement: float, largest: float, mean: float, tolerance: Tolerance) -> bool:
    return (
        mean <= tolerance.mean_abs_diff
        and (tolerance.max_abs_diff is None or largest <= tolerance.max_abs_diff)
        and (tolerance.agreement is None or agreement >= tolerance.agreement)
    )


def _classes(
    reference: npt.NDArray[np.float32], answers: npt.NDArray[np.float32]
) -> tuple[float, float, float] | None:
    """Share of equal classes, and the largest and the mean difference of the class that differs most.

    None of two classes, whose probabilities the score tells.
    """
    if reference.shape[1] < 3:
        return None
    difference = np.abs(answers.astype(np.float64) - reference)
    agreement = float(np.mean(answers.argmax(axis=1) == reference.argmax(axis=1)))
    return agreement, float(difference.max()), float(difference.mean(axis=0).max())


def _changes(
    expected: npt.NDArray[np.float64],
    score: npt.NDArray[np.float64],
    calls: list[npt.NDArray[np.bool_]],
    truth: Sequence[bool] | None,
) -> tuple[float | None, tuple[float | None, ...]]:
    """Of accuracy, and of the AUC with the ends of its interval."""
    if truth is None:
        return None, ()
    from scipy.stats import rankdata

    from edgeall import statistics

    positive = np.asarray(truth, dtype=bool)
    accuracy = float(np.mean(calls[0] == positive) - np.mean(calls[1] == positive))
    if positive.all() or not positive.any():
        return accuracy, ()
    if np.array_equal(rankdata(expected), rankdata(score)):
        return accuracy, (0.0, 0.0, 0.0)
    # As statistics has it, the second less the first.
    area = statistics.compare_auc(positive.tolist(), expected.tolist(), score.tolist())
    return accuracy, () if area is None else (area.delta.value, area.delta.low, area.delta.high)
