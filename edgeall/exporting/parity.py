"""Does an artifact, in its own engine, still answer as the Keras model does?"""

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision, Parity
from edgeall.errors import ExportError
from edgeall.exporting.recipes import Tolerance

_LIVELY = 0.05
"""A Keras model whose scores spread wider than this over the images should not become a constant one."""


def compare(
    reference: npt.NDArray[np.float32],
    answers: npt.NDArray[np.float32],
    decision: Decision,
    tolerance: Tolerance,
) -> Parity:
    """Class probabilities, (n, k) each: the Keras model's and the artifact's on the same images.

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
    agreement = float(np.mean((score >= decision.threshold) == (expected >= decision.threshold)))
    mean, largest = float(difference.mean()), float(difference.max())
    passed = (
        mean <= tolerance.mean_abs_diff
        and (tolerance.max_abs_diff is None or largest <= tolerance.max_abs_diff)
        and (tolerance.agreement is None or agreement >= tolerance.agreement)
    )
    return Parity(len(score), agreement, largest, mean, passed)
