"""Probability calibration: a scale (and offset) of the logit, fitted on validation images.

The correction goes into the weights of the last layer, so that every export of the model is calibrated at no cost.
"""

from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgeall.errors import UsageError
from edgeall.statistics.temperature import fit_scale, fit_scale_and_offset, mean_log_loss
from edgeall.training.model import Classifier, compiled

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogitCalibration:
    """Logits become `scale * logit + offset`; a temperature is 1 / scale.

    Attributes:
        n: number of validation images.
        loss_before, loss_after: mean cross-entropy on them, in nats. The improvement is optimistic, because the
            calibration was fitted on the same images.
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
    """Output of the last layer before its activation, (n, 1) or (n, k), from its input (n, d)."""
    kernel, bias = (np.asarray(array, dtype=np.float64) for array in classifier.head[-1].get_weights())
    return np.asarray(penultimate.astype(np.float64) @ kernel + bias)


def penultimate_model(classifier: Classifier) -> Any:
    """The model up to the input of its last layer."""
    return compiled(keras.Model(classifier.model.inputs, classifier.head[-1].input))


def calibrate(
    classifier: Classifier, method: str, values: Doubles, truth: npt.NDArray[np.int64]
) -> LogitCalibration:
    """Fit the correction with the highest likelihood on validation logits `values`, and fold it into the last layer.

    The fits are those of `edgeall.statistics.temperature`.

    Args:
        method: one of `settings.CALIBRATIONS`.
        truth: class indices (n,).

    Raises:
        UsageError: Platt's method for more than two classes.
    """
    if method == "platt" and values.shape[1] > 1:
        raise UsageError("calibration 'platt' is for two classes; for more give: --calibration temperature")
    scale, offset = 1.0, 0.0
    if method == "platt":
        scale, offset = fit_scale_and_offset(values, truth)
    elif method == "temperature":
        scale = fit_scale(values, truth)
    if method != "none":
        kernel, bias = (np.asarray(array, dtype=np.float64) for array in classifier.head[-1].get_weights())
        changed = [kernel * scale, bias * scale + offset]
        classifier.head[-1].set_weights([array.astype(np.float32) for array in changed])
    return LogitCalibration(
        method, scale, offset, len(truth),
        mean_log_loss(values, truth), mean_log_loss(values, truth, scale, offset),
    )  # fmt: skip
