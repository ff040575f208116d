"""Calibration of logits: the maximum-likelihood scale (and offset), and cross-entropy.

A temperature is 1 / scale. Sources: temperature: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural
networks, ICML 2017; softened targets and the offset: Platt, Probabilistic outputs for support vector machines (1999).
"""

import numpy as np
import numpy.typing as npt
import scipy

from edgeall.statistics.clustered import Floats, Integers

SCALES = (0.05, 20.0)
"""Least and greatest scale."""

LEAST = 1e-7
"""Least probability in a logarithm, which limits an image's loss to 16.1 nats."""

_OFFSETS = (-20.0, 20.0)


def fit_scale(logits: Floats, truth: Integers) -> float:
    """The scale of the logits with the highest likelihood of `truth`, in `SCALES`.

    Targets are softened as by Platt, to (n + 1) / (n + 2) for n images of a class, so that a few well separated images
    do not drive all probabilities to 0 and 1.

    Args:
        logits: of a single sigmoid output (n, 1), or before softmax (n, k).
        truth: class indices (n,).
    """
    return float(_fit(logits, truth, np.array([1.0]))[0])


def fit_scale_and_offset(logits: Floats, truth: Integers) -> tuple[float, float]:
    """Platt's method for two classes: `fit_scale` with an additional offset of the second class's logit."""
    scale, offset = _fit(logits, truth, np.array([1.0, 0.0]))
    return float(scale), float(offset)


def mean_log_loss(logits: Floats, truth: Integers, scale: float = 1.0, offset: float = 0.0) -> float:
    """Mean cross-entropy of `scale * logits + offset` with the truth, in nats; unlike `log_losses`, not clipped."""
    two = _two_columns(logits)
    return _cross_entropy(_changed(two, scale, offset), np.eye(two.shape[1])[truth])


def log_losses(probabilities: npt.NDArray[np.floating], truth: Integers) -> Floats:
    """Cross-entropy of each image, (n,), in nats: -log of the probability of its class, clipped to at least `LEAST`.

    Args:
        probabilities: of each class, (n, k).
        truth: class indices (n,).
    """
    of_truth = np.asarray(probabilities, dtype=np.float64)[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(of_truth, LEAST, 1.0)))


def _fit(logits: Floats, truth: Integers, start: Floats) -> Floats:
    two = _two_columns(np.asarray(logits, dtype=np.float64))
    targets = _softened(truth, two.shape[1])

    def loss(parameters: Floats) -> float:
        return _cross_entropy(_changed(two, *parameters), targets)

    bounds = [SCALES, _OFFSETS][: len(start)]
    return np.asarray(scipy.optimize.minimize(loss, start, method="L-BFGS-B", bounds=bounds).x)


def _two_columns(logits: Floats) -> Floats:
    """The logit of a single sigmoid output as the second of two softmax logits."""
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def _changed(two: Floats, scale: float, offset: float = 0.0) -> Floats:
    changed = two * scale
    if offset:
        changed[:, 1] += offset
    return changed


def _softened(truth: Integers, classes: int) -> Floats:
    counts = np.bincount(truth, minlength=classes)
    right = (counts + 1) / (counts + 2)
    targets = np.repeat((1 - right[truth])[:, None] / (classes - 1), classes, axis=1)
    targets[np.arange(len(truth)), truth] = right[truth]
    return np.asarray(targets)


def _cross_entropy(two: Floats, targets: Floats) -> float:
    return float(-(targets * scipy.special.log_softmax(two, axis=1)).sum(axis=1).mean())
