"""Figures of a classifier report, computed from predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import classification_report, confusion_matrix, roc_curve

from edgeall.artifact import Decision
from edgeall.predictions import Predictions
from edgeall.statistics import classification_metrics, is_positive, log_losses, positive_score

FOLDER = "evaluation"
MEGABYTE = 2**20
"""Bytes, as in Keras' model summaries."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Evaluation of one part of a split, or of pooled folds.

    Attributes:
        metrics: `edgeall.statistics.Metrics.to_dict()`: accuracy, sensitivity, AUC and more with intervals; `threshold`
            is None where each fold has its own.
        loss: mean cross-entropy without class weights, in nats.
        mse: mean squared error of the probabilities against 0 and 1, over images and classes.
        report: precision, recall, F1 and support of each class, and their macro and weighted averages.
        confusion: rows are the truth, columns the verdict, in the order of the labels.
        roc: "fpr", "tpr", "thresholds" of the positive score; the first threshold is None, above all scores.
    """

    metrics: dict[str, Any]
    loss: float
    mse: float
    report: dict[str, Any]
    confusion: list[list[int]]
    roc: dict[str, list[Any]]

    @property
    def referral(self) -> dict[str, Any] | None:
        """Figures of the referral band; None without one."""
        band: dict[str, Any] | None = self.metrics["referral"]
        return band

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the metrics, then the rest."""
        return self.metrics | {
            "loss": self.loss,
            "mse": self.mse,
            "classification_report": self.report,
            "confusion_matrix": self.confusion,
            "roc": self.roc,
        }


def evaluate(predicted: Predictions, decision: Decision) -> Evaluation:
    """The figures of published comparisons, with intervals.

    The class of an image is the verdict at its threshold with two classes, and the most probable one with more.

    Raises:
        ValueError: no image, or predictions that do not match the labels.
    """
    labels, truth = decision.labels, predicted.truth
    metrics = classification_metrics(
        truth, predicted.probabilities, decision, predicted.groups, thresholds=predicted.thresholds
    )
    shared = np.unique(predicted.thresholds)
    scores = positive_score(predicted.probabilities, decision)
    chosen = _chosen(predicted, scores, decision)
    every = list(range(len(labels)))
    one_hot = np.eye(len(labels))[truth]
    return Evaluation(
        metrics=metrics.to_dict() | {"threshold": float(shared[0]) if len(shared) == 1 else None},
        loss=float(log_losses(predicted.probabilities, truth).mean()),
        mse=float(np.mean((predicted.probabilities - one_hot) ** 2)),
        report=classification_report(
            truth, chosen, labels=every, target_names=labels, output_dict=True, zero_division=0
        ),
        confusion=[[int(n) for n in row] for row in confusion_matrix(truth, chosen, labels=every)],
        roc=_roc(is_positive(truth, decision), scores),
    )


def parameters_in_mb(params: Mapping[str, int]) -> dict[str, float]:
    """Sizes of float32 parameters in MB of 2**20 bytes."""
    return {name: 4 * count / MEGABYTE for name, count in params.items()}


def _chosen(predicted: Predictions, scores: npt.NDArray[np.float64], decision: Decision) -> Integers:
    if len(decision.labels) > 2:
        return np.asarray(predicted.probabilities.argmax(axis=1), dtype=np.int64)
    positive = decision.positive_indices[0]
    return np.where(scores >= predicted.thresholds, positive, 1 - positive).astype(np.int64)


def _roc(positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> dict[str, list[Any]]:
    if positive.all() or not positive.any():
        return {"fpr": [], "tpr": [], "thresholds": []}
    fpr, tpr, thresholds = roc_curve(positive, scores)
    # scikit-learn's first threshold is infinite, which JSON cannot represent.
    finite = [None if not np.isfinite(value) else float(value) for value in thresholds]
    return {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": finite}
