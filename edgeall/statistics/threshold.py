"""Chooses the score from which a verdict is positive, and the band of scores to refer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeall.errors import DatasetError

Floats = npt.NDArray[np.float64]


def choose_threshold(positive: Sequence[bool], scores: Sequence[float]) -> float:
    """The threshold of greatest sensitivity + specificity - 1 (Youden's J), for validation images.

    It lies midway between two neighbouring scores, at the largest distance from both. Of equally good thresholds the
    nearest to 0.5 is taken, then the lower. It is 0.5 where no threshold is better than chance.
    Source: Youden, Cancer 3 (1950).

    Args:
        positive: truth, (n,).
        scores: probabilities of a positive label in [0, 1], (n,).

    Raises:
        DatasetError: all images are of one class.
    """
    from sklearn.metrics import roc_curve

    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    if truth.all() or not truth.any():
        raise DatasetError(
            "a threshold needs validation images of both classes: give a larger validation part"
        )
    false_rate, true_rate, steps = roc_curve(truth, values, drop_intermediate=False)
    # Steps are the scores in descending order: at step i, all scores from it upwards are positive. The first is above
    # all scores.
    upper, lower = steps[1:-1], steps[2:]
    gain = np.round((true_rate - false_rate)[1:-1], 12)
    if not len(gain) or gain.max() <= 0:
        return 0.5
    middle = (upper + lower) / 2
    # Halfway between adjacent floating-point numbers rounds to one of them; "score >= threshold" needs the upper.
    middle = np.where(middle > lower, middle, upper)
    best = [float(value) for value in middle[gain == gain.max()]]
    return min(best, key=lambda value: (abs(value - 0.5), value))


def matching_threshold(called: Sequence[bool], scores: Sequence[float], near: float) -> float:
    """The threshold at which another model's scores give the most verdicts equal to `called`.

    It transfers a decision to a model with a similar ranking of images, without the truth. The threshold lies midway
    between two neighbouring scores. Of equally good ones the nearest to `near` is taken.

    Args:
        called: verdicts to keep, (n,), n >= 1.
        scores: the other model's, in [0, 1], (n,).
        near: the threshold that gave `called`.
    """
    order = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")
    values = np.asarray(scores, dtype=np.float64)[order]
    positive = np.asarray(called, dtype=bool)[order]
    # At cut i, the scores from i on are positive.
    kept = (
        positive.sum()
        - np.concatenate([[0], np.cumsum(positive)])
        + np.concatenate([[0], np.cumsum(~positive)])
    )
    lower, upper = np.concatenate([[0.0], values]), np.concatenate([values, [1.0]])
    apart = lower < upper
    apart[0] = True
    middle = (lower + upper) / 2
    # Halfway between adjacent floating-point numbers rounds to one of them; "score >= threshold" needs the upper.
    middle = np.where(middle > lower, middle, upper)
    good = apart & (kept == kept[apart].max())
    ends = zip(lower[good], upper[good], middle[good], strict=True)
    if any(low < near <= high for low, high, _ in ends):
        return float(near)
    return min((float(value) for value in middle[good]), key=lambda value: (abs(value - near), value))


def choose_band(
    positive: Sequence[bool],
    scores: Sequence[float],
    threshold: float,
    min_sensitivity: float,
    min_specificity: float,
) -> tuple[float, float] | None:
    """The referral band: scores [low, high) that a human decides, chosen on validation images.

    Below `low` lie at most 1 - `min_sensitivity` of the positives, and from `high` on at most 1 - `min_specificity` of
    the negatives. The band is the narrowest such one that contains the threshold; None where none is needed.

    Args:
        positive, scores: as for `choose_threshold`.
        min_sensitivity, min_specificity: required shares in [0, 1]; a referred image counts as correct.
    """
    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    low = min(threshold, _least(values[truth], values, 1 - min_sensitivity))
    high = max(threshold, _greatest(values[~truth], values, 1 - min_specificity))
    return (low, high) if low < high else None


def _least(positives: Floats, every: Floats, share: float) -> float:
    """The greatest cut with at most `share` of the positives below it, midway to the next lower score."""
    allowed = _allowed(positives, share)
    if allowed >= len(positives):
        return 1.0
    kept = np.sort(positives)[allowed]
    lower = every[every < kept]
    return float((kept + lower.max()) / 2) if len(lower) else float(kept)


def _greatest(negatives: Floats, every: Floats, share: float) -> float:
    """The least cut with at most `share` of the negatives at it or above, midway to the next greater score."""
    allowed = _allowed(negatives, share)
    if allowed >= len(negatives):
        return 0.0
    kept = np.sort(negatives)[::-1][allowed]
    greater = every[every > kept]
    middle = (kept + greater.min()) / 2 if len(greater) else kept
    # Halfway between adjacent floating-point numbers rounds to one of them. The cut must be above the kept score.
    return min(1.0, float(max(middle, np.nextafter(kept, 2.0))))


def _allowed(scores: Floats, share: float) -> int:
    # The tolerance makes 1 - 0.95 of 20 exactly one image.
    return int(np.floor(share * len(scores) + 1e-9))
