"""Choosing the score from which a verdict is positive."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_curve

from edgeall.errors import DatasetError


def choose_threshold(positive: Sequence[bool], scores: Sequence[float]) -> float:
    """The threshold of greatest sensitivity + specificity - 1 (Youden's J), for validation images.

    It lies midway between two neighbouring scores, where new scores are least likely to be decided by chance; of
    equal ones the nearest to 0.5 is taken, then the lower. 0.5 where no threshold does better than chance.
    Source: Youden, Cancer 3 (1950).

    Args:
        positive: truth, (n,).
        scores: probabilities of a finding in [0, 1], (n,).

    Raises:
        DatasetError: the images are all of one class.
    """
    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    if truth.all() or not truth.any():
        raise DatasetError(
            "a threshold needs validation images of both classes: give a larger validation part"
        )
    false_rate, true_rate, steps = roc_curve(truth, values, drop_intermediate=False)
    # Steps are the scores, falling: step i calls all from it upwards. The first, above all scores, calls none.
    upper, lower = steps[1:-1], steps[2:]
    gain = np.round((true_rate - false_rate)[1:-1], 12)
    if not len(gain) or gain.max() <= 0:
        return 0.5
    middle = (upper + lower) / 2
    # Halfway between adjacent floating-point numbers rounds to one of them; "score >= threshold" needs the upper.
    middle = np.where(middle > lower, middle, upper)
    best = [float(value) for value in middle[gain == gain.max()]]
    return min(best, key=lambda value: (abs(value - 0.5), value))
