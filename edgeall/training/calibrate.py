"""Probabilities that mean what they say: a scale (and offset) of the logit, chosen on validation images.

The correction goes into the weights of the last layer, so that the calibrated model stays a plain one and every
format, engine and device has it for nothing.
"""

from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from edgeall.errors import UsageError
from edgeall.training.model import Classifier, compiled

Doubles = npt.NDArray[np.float64]

_SCALES = (0.05, 20.0)


@dataclass(frozen=True)
class Calibration:
    """Logits become `scale * logit + offset`; a temperature is 1 / scale.

    Attributes:
        n: validation images that chose it.
        loss_before, loss_after: mean cross-entropy on them. It was chosen on these images: expect less elsewhere.
    """

    method: str
    scale: float
    offset: float
    n: int
    loss_before: float
    loss_after: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def logits(classifier: Classifier, penultimate: npt.NDArray[np.floating[Any]]) -> Doubles:
    """What the last layer gives before its activation, (n, 1) or (n, k), from what enters it (n, d)."""
    kernel, bias = (np.asarray(array, dtype=np.float64) for array in classifier.head[-1].get_weights())
    return np.asarray(penultimate.astype(np.float64) @ kernel + bias)


def below_last(classifier: Classifier) -> Any:
    """The model up to what enters its last layer."""
    return compiled(keras.Model(classifier.model.inputs, classifier.head[-1].input))


def calibrate(
    classifier: Classifier, method: str, values: Doubles, truth: npt.NDArray[np.int64]
) -> Calibration:
    """Choose the correction that makes validation logits `values` likeliest, and fold it into the last layer.

    Truths are softened as Platt did, so that a few well separated images do not make every answer certain: of n
    images of a class, (n + 1) / (n + 2). Sources: Platt, Probabilistic outputs for support vector machines (1999);
    temperature: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.

    Args:
        method: one of `settings.CALIBRATIONS`.
        truth: class indices (n,).

    Raises:
        UsageError: Platt's method for more than two classes.
    """
    two = _two_columns(values)
    if method == "platt" and values.shape[1] > 1:
        raise UsageError("calibration 'platt' is for two classes; for more give: --calibration temperature")
    scale, offset = 1.0, 0.0
    if method != "none":
        targets = _softened(truth, two.shape[1])
        free = np.array([1.0, 0.0] if method == "platt" else [1.0])

        def loss(parameters: Doubles) -> float:
            return _cross_entropy(_changed(two, *parameters), targets)

        bounds = [_SCALES, (-20.0, 20.0)][: len(free)]
        found = minimize(loss, free, method="L-BFGS-B", bounds=bounds).x
        scale, offset = float(found[0]), float(found[1]) if method == "platt" else 0.0
        kernel, bias = (np.asarray(array, dtype=np.float64) for array in classifier.head[-1].get_weights())
        changed = [kernel * scale, bias * scale + offset]
        classifier.head[-1].set_weights([array.astype(np.float32) for array in changed])
    exact = np.eye(two.shape[1])[truth]
    return Calibration(
        method, scale, offset, len(truth),
        _cross_entropy(two, exact), _cross_entropy(_changed(two, scale, offset), exact),
    )  # fmt: skip


def _two_columns(values: Doubles) -> Doubles:
    """A lone sigmoid's logit as the second of two softmax logits."""
    return np.concatenate([np.zeros_like(values), values], axis=1) if values.shape[1] == 1 else values


def _changed(two: Doubles, scale: float, offset: float = 0.0) -> Doubles:
    changed = two * scale
    if offset:
        changed[:, 1] += offset
    return changed


def _softened(truth: npt.NDArray[np.int64], classes: int) -> Doubles:
    counts = np.bincount(truth, minlength=classes)
    right = (counts + 1) / (counts + 2)
    targets = np.repeat((1 - right[truth])[:, None] / (classes - 1), classes, axis=1)
    targets[np.arange(len(truth)), truth] = right[truth]
    return np.asarray(targets)


def _cross_entropy(values: Doubles, targets: Doubles) -> float:
    return float(-(targets * log_softmax(values, axis=1)).sum(axis=1).mean())
