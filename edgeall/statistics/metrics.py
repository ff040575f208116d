"""Metrics of probabilities against the truth, each with its interval (see `edgeall.statistics.intervals`)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.statistics import figures
from edgeall.statistics.clustered import Bools, Floats, Integers, clusters
from edgeall.statistics.estimate import Estimate
from edgeall.statistics.intervals import brier, over_images, over_subjects, share

ECE_BINS = 10
_ONE_CLASS = ("ppv", "f1")
"""Figures that are defined where the truth has one class only."""
_SHARES = ("accuracy", "sensitivity", "specificity")


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of the most probable class, for more than two classes. Macro averages are unweighted means over classes.

    Attributes:
        confusion: rows are the truth, columns the most probable class, both in the order of `labels`.
        accuracy: share of images whose most probable class is correct.
        recalls: the same share among each class's images, in the order of `labels`; None for a class without images.
        auc: macro average of each class against the rest; None where a class has no image.
    """

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    precision: float
    recall: float
    f1: float
    auc: float | None
    recalls: tuple[Estimate | None, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `recall_by_class` by label, with intervals."""
        recalls = zip(self.labels, self.recalls, strict=True)
        return {
            "labels": list(self.labels),
            "recall_by_class": {label: None if of is None else of.to_dict() for label, of in recalls},
            "confusion": [list(row) for row in self.confusion],
            "accuracy": self.accuracy.to_dict(),
            "macro": {"precision": self.precision, "recall": self.recall, "f1": self.f1, "auc": self.auc},
        }


@dataclass(frozen=True)
class Referral:
    """Figures of a referral band, of which a human decides the images.

    Attributes:
        low, high: scores in [low, high) are referred.
        referred: share of all images.
        sensitivity, specificity: shares of positives not called negative and of negatives not called positive; a
            referred image counts as correct. A band is chosen by them.
        answered_sensitivity, answered_specificity: of the images outside of the band only; None without any.
    """

    low: float
    high: float
    referred: Estimate
    sensitivity: Estimate | None
    specificity: Estimate | None
    answered_sensitivity: Estimate | None
    answered_specificity: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; undefined is null."""
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value.to_dict() if isinstance(value, Estimate) else value for name, value in figures.items()
        }


@dataclass(frozen=True)
class Metrics:
    """Metrics of the verdict, positive or negative at the decision's threshold, and of its score.

    None means undefined: sensitivity without a positive image, specificity without a negative one, PPV where no image
    is called positive, F1 where no image is positive or called positive, and figures that compare the two classes
    (balanced accuracy, AUC, average precision, MCC) where the truth has one.

    Attributes:
        n: number of images.
        clusters: number of subjects; None where not known. Where they are known, intervals are for a new sample of
            subjects; else each image counts as independent, which is too narrow where several are of one person.
        ppv: positive predictive value, in machine learning also called precision; here precision is a number format.
        brier: mean squared error of the score, 0 is best.
        ece: expected calibration error of the score in `ECE_BINS` equal bins (Naeini, Cooper and Hauskrecht, AAAI
            2015), 0 is best. It has no interval: in small sets it is biased upwards, and a bootstrap doubles the bias.
        confusion: "tn", "fp", "fn", "tp".
        classes: for more than two classes.
        referral: where the decision has a band to refer to a human.
    """

    n: int
    clusters: int | None
    threshold: float
    confusion: dict[str, int]
    accuracy: Estimate
    balanced_accuracy: Estimate | None
    ppv: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    f1: Estimate | None
    auc: Estimate | None
    average_precision: Estimate | None
    mcc: Estimate | None
    brier: Estimate
    ece: float
    classes: ClassMetrics | None = None
    referral: Referral | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; undefined is null, and `intervals` names the method of each interval.

        `accuracy_over_subjects` and the like repeat `accuracy` where subjects are known, and are null where they are
        not: in older results `accuracy` counts images.
        """
        document: dict[str, Any] = {}
        methods = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Estimate):
                methods[field.name] = value.method
                value = value.to_dict()
            elif isinstance(value, ClassMetrics | Referral):
                value = value.to_dict()
            document[field.name] = value
        for name in _SHARES:
            document[f"{name}_over_subjects"] = None if self.clusters is None else document[name]
        return document | {"intervals": methods}


def positive_score(probabilities: npt.ArrayLike, decision: Decision) -> Floats:
    """Scores (n,) of class probabilities (n, k), which must fit the labels and be finite, else ValueError."""
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(decision.labels):
        raise ValueError(f"probabilities {table.shape} for {len(decision.labels)} labels")
    if not np.isfinite(table).all():
        raise ValueError("probabilities are not finite")
    return decision.scores(table)


def is_positive(truth: npt.ArrayLike, decision: Decision) -> Bools:
    """Whether each class index is that of a positive label, (n,)."""
    return np.isin(np.asarray(truth), decision.positive_indices)


def classification_metrics(
    truth: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    decision: Decision,
    groups: Sequence[str | None] | None = None,
    *,
    thresholds: npt.ArrayLike | None = None,
) -> Metrics:
    """Score predictions.

    Args:
        truth: class indices into `decision.labels`, (n,), n >= 1.
        probabilities: (n, k), rows add up to 1.
        groups: subject of each image where known.
        thresholds: of each image (n,), where images are from several models; default: the decision's.

    Raises:
        ValueError: shapes do not match, no image, or probabilities that are not finite.
    """
    from sklearn.metrics import confusion_matrix

    indices = np.asarray(truth, dtype=np.int64)
    scores = positive_score(probabilities, decision)
    if indices.shape != scores.shape or not len(indices):
        raise ValueError(f"{indices.shape} truths for {scores.shape} scores")
    positive = is_positive(indices, decision)
    called = np.asarray(scores >= np.asarray(decision.threshold if thresholds is None else thresholds))
    cluster = clusters(groups, len(indices))
    tn, fp, fn, tp = (int(cell) for cell in confusion_matrix(positive, called, labels=[False, True]).ravel())
    right = positive == called
    accuracy = share(right, cluster)
    assert accuracy is not None
    table = np.asarray(probabilities, dtype=np.float64)
    # Sums of floating-point probabilities can slightly exceed 1.
    clipped = np.clip(scores, 0.0, 1.0)
    return Metrics(
        n=len(indices),
        clusters=None if cluster is None else int(cluster.max()) + 1,
        threshold=decision.threshold,
        confusion={"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        accuracy=accuracy,
        sensitivity=share(right, cluster, positive),
        specificity=share(right, cluster, ~positive),
        ece=calibration_error(positive, scores),
        classes=_class_metrics(indices, table, decision.labels, cluster)
        if len(decision.labels) > 2
        else None,
        referral=None
        if decision.refer is None
        else _referral(positive, called, scores, decision.refer, cluster),
        brier=brier(positive, clipped, cluster),
        **_interval_metrics(positive, called, clipped, cluster),
    )


def calibration_error(positive: Bools, scores: Floats, bins: int = ECE_BINS) -> float:
    """Mean difference between the mean score and the share of positives over equal bins, weighted by their images."""
    bin_of = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    return float(np.abs(np.bincount(bin_of, weights=scores - positive, minlength=bins)).sum() / len(scores))


def _interval_metrics(
    positive: Bools, called: Bools, scores: Floats, cluster: Integers | None
) -> dict[str, Estimate | None]:
    found = {
        name: figure(positive, called) for name, figure in figures.OF_CALLS.items() if name in _ONE_CLASS
    }
    if positive.any() and not positive.all():
        found |= {name: figure(positive, called) for name, figure in figures.OF_CALLS.items()}
        found |= {name: figure(positive, scores) for name, figure in figures.OF_SCORES.items()}
    estimates: dict[str, Estimate | None] = dict.fromkeys([*figures.OF_CALLS, *figures.OF_SCORES])
    for name, figure in found.items():
        if figure is not None:
            estimates[name] = (
                over_images(name, figure, positive, called, scores)
                if cluster is None
                else over_subjects(figure, positive, cluster)
            )
    return estimates


def _referral(
    positive: Bools, called: Bools, scores: Floats, band: tuple[float, float], cluster: Integers | None
) -> Referral:
    referred = (scores >= band[0]) & (scores < band[1])
    right = called == positive
    of_all = share(referred, cluster)
    assert of_all is not None
    return Referral(
        *band,
        of_all,
        sensitivity=share(right | referred, cluster, positive),
        specificity=share(right | referred, cluster, ~positive),
        answered_sensitivity=share(right, cluster, positive & ~referred),
        answered_specificity=share(right, cluster, ~positive & ~referred),
    )


def _class_metrics(
    truth: Integers, probabilities: Floats, labels: tuple[str, ...], cluster: Integers | None
) -> ClassMetrics:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

    every = list(range(len(labels)))
    chosen = probabilities.argmax(axis=1)
    right = chosen == truth
    accuracy = share(right, cluster)
    assert accuracy is not None
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, chosen, labels=every, average="macro", zero_division=0
    )
    areas = [
        float(roc_auc_score(truth == k, probabilities[:, k])) for k in every if 0 < (truth == k).mean() < 1
    ]
    return ClassMetrics(
        labels=labels,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion_matrix(truth, chosen, labels=every)),
        accuracy=accuracy,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        auc=float(np.mean(areas)) if len(areas) == len(labels) else None,
        recalls=tuple(share(right, cluster, truth == k) for k in every),
    )
