"""What an artifact's probabilities are worth against the truth, each figure with its interval.

Point values come from scikit-learn, intervals from `edgeall.statistics.intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

from edgeall.artifact import Decision
from edgeall.statistics.estimate import CONFIDENCE, Estimate, Z, proportion, wilson
from edgeall.statistics.intervals import Intervals
from edgeall.statistics.resampling import (
    Bools,
    Floats,
    Integers,
    bootstrap,
    clusters,
    confusion_metrics,
    ranking_metrics,
    weighted_mean,
)

ECE_BINS = 10


@dataclass(frozen=True)
class ClassMetrics:
    """Of the most probable class, for more than two classes. Macro: the plain mean over classes.

    Attributes:
        confusion: rows are the truth, columns the most probable class, both in the order of `labels`.
        accuracy: share of images whose most probable class is theirs.
        auc: macro average of each class against the rest; None where a class has no image.
    """

    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    precision: float
    recall: float
    f1: float
    auc: float | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "confusion": [list(row) for row in self.confusion],
            "accuracy": self.accuracy.to_dict(),
            "macro": {"precision": self.precision, "recall": self.recall, "f1": self.f1, "auc": self.auc},
        }


@dataclass(frozen=True)
class Metrics:
    """Of the verdict positive or negative at the decision's threshold, and of the score behind it.

    None means undefined: sensitivity without a positive image, specificity without a negative one, PPV where
    nothing was called positive, F1 where nothing is or was called positive, and whatever compares the two classes
    (balanced accuracy, AUC, average precision, MCC) where the truth holds one.

    Attributes:
        n: images.
        clusters: subjects among them, None where not known. Images of one subject resemble each other, so with few
            subjects the Wilson intervals, which count images as independent, are too narrow.
        accuracy_over_subjects, sensitivity_over_subjects, specificity_over_subjects: the same shares with Wilson's
            interval at the effective number of images, n divided by the variance inflation of the subjects, with
            Student's t for their number (Korn and Graubard, Survey Methodology 24, 1998). None where subjects are
            not known.
        ppv: positive predictive value, which machine learning calls precision: in edgeall that is a number format.
        brier: mean squared error of the score, 0 is best.
        ece: expected calibration error of the score in `ECE_BINS` equal bins (Naeini, Cooper and Hauskrecht, AAAI
            2015), 0 is best. No interval: in small sets it is biased upwards, and a bootstrap doubles the bias.
        confusion: "tn", "fp", "fn", "tp".
        classes: for more than two classes.
    """

    n: int
    clusters: int | None
    threshold: float
    confusion: dict[str, int]
    accuracy: Estimate
    accuracy_over_subjects: Estimate | None
    balanced_accuracy: Estimate | None
    ppv: Estimate | None
    sensitivity: Estimate | None
    sensitivity_over_subjects: Estimate | None
    specificity: Estimate | None
    specificity_over_subjects: Estimate | None
    f1: Estimate | None
    auc: Estimate | None
    average_precision: Estimate | None
    mcc: Estimate | None
    brier: Estimate
    ece: float
    classes: ClassMetrics | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; undefined is null, and `intervals` names the method of each interval."""
        document: dict[str, Any] = {}
        methods = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Estimate):
                methods[field.name] = value.method
                value = value.to_dict()
            elif isinstance(value, ClassMetrics):
                value = value.to_dict()
            document[field.name] = value
        return document | {"intervals": methods}


def positive_score(probabilities: npt.ArrayLike, decision: Decision) -> Floats:
    """The summed probability of the positive labels, (n,), from class probabilities (n, k)."""
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(decision.labels):
        raise ValueError(f"probabilities {table.shape} for {len(decision.labels)} labels")
    if not np.isfinite(table).all():
        raise ValueError("probabilities are not finite")
    return np.asarray(table[:, decision.positive_indices].sum(axis=1))


def is_positive(truth: npt.ArrayLike, decision: Decision) -> Bools:
    """Which class indices (n,) are those of positive labels."""
    return np.isin(np.asarray(truth), decision.positive_indices)


def classification_metrics(
    truth: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    decision: Decision,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
    *,
    thresholds: npt.ArrayLike | None = None,
) -> Metrics:
    """Score predictions.

    Args:
        truth: class indices into `decision.labels`, (n,), n >= 1.
        probabilities: (n, k), rows add up to 1.
        groups: subject of each image where known.
        seed: of the bootstrap; the same seed gives the same intervals.
        thresholds: of each image (n,), where they come from several models; default: the decision's.

    Raises:
        ValueError: shapes do not fit, no image, or probabilities that are not finite.
    """
    indices = np.asarray(truth, dtype=np.int64)
    scores = positive_score(probabilities, decision)
    if indices.shape != scores.shape or not len(indices):
        raise ValueError(f"{indices.shape} truths for {scores.shape} scores")
    positive = is_positive(indices, decision)
    called = np.asarray(scores >= np.asarray(decision.threshold if thresholds is None else thresholds))
    cluster = clusters(groups, len(indices))
    tn, fp, fn, tp = (int(cell) for cell in confusion_matrix(positive, called, labels=[False, True]).ravel())
    right = positive == called
    accuracy = proportion(tp + tn, len(indices))
    assert accuracy is not None
    table = np.asarray(probabilities, dtype=np.float64)
    return Metrics(
        n=len(indices),
        clusters=None if cluster is None else int(cluster.max()) + 1,
        threshold=decision.threshold,
        confusion={"tn": tn, "fp": fp, "fn": fn, "tp": tp},
        accuracy=accuracy,
        accuracy_over_subjects=None if cluster is None else over_subjects(right, cluster),
        ppv=proportion(tp, tp + fp),
        sensitivity=proportion(tp, tp + fn),
        sensitivity_over_subjects=_over_those(right, cluster, positive),
        specificity=proportion(tn, tn + fp),
        specificity_over_subjects=_over_those(right, cluster, ~positive),
        ece=calibration_error(positive, scores),
        classes=_class_metrics(indices, table, decision.labels) if len(decision.labels) > 2 else None,
        **_interval_metrics(positive, called, np.clip(scores, 0.0, 1.0), cluster, seed),
    )


def over_subjects(right: Bools, cluster: Integers) -> Estimate:
    """A share of images with Wilson's interval at their effective number, given each image's subject."""
    n, share = len(right), float(right.mean())
    totals = np.bincount(cluster, weights=right - share)
    count = len(totals)
    variance = float(count / max(count - 1, 1) * (totals**2).sum() / n**2)
    # Without variation the inflation is unknown: a subject then counts as one observation.
    effective = min(n, share * (1 - share) / variance) if variance > 0 else count
    # The inflation is itself estimated from so many subjects.
    effective *= (Z / student.ppf(0.5 + CONFIDENCE / 2, max(count - 1, 1))) ** 2
    return Estimate(share, *wilson(share, effective), f"Wilson, {effective:.0f} effective images")


def _over_those(right: Bools, cluster: Integers | None, those: Bools) -> Estimate | None:
    if cluster is None or not those.any():
        return None
    return over_subjects(right[those], np.unique(cluster[those], return_inverse=True)[1])


def calibration_error(positive: Bools, scores: Floats, bins: int = ECE_BINS) -> float:
    """Mean distance of the mean score from the share of positives over equal bins, weighted by their images."""
    bin_of = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    return float(np.abs(np.bincount(bin_of, weights=scores - positive, minlength=bins)).sum() / len(scores))


def _interval_metrics(
    positive: Bools, called: Bools, scores: Floats, cluster: Integers | None, seed: int
) -> dict[str, Any]:
    one_class = bool(positive.all() or not positive.any())
    no_f1 = not (positive.any() or called.any())
    points: dict[str, float | None] = {
        "f1": None if no_f1 else float(f1_score(positive, called, zero_division=0)),
        "balanced_accuracy": None
        if one_class
        else float((called[positive].mean() + (~called[~positive]).mean()) / 2),
        "auc": None if one_class else float(roc_auc_score(positive, scores)),
        "average_precision": None if one_class else float(average_precision_score(positive, scores)),
        "mcc": None if one_class else float(matthews_corrcoef(positive, called)),
        "brier": float(brier_score_loss(positive, scores, pos_label=True)),
    }
    functions = {
        **confusion_metrics(positive, called),
        **ranking_metrics(positive, scores),
        "brier": weighted_mean((scores - positive) ** 2),
    }
    ends = bootstrap(
        {name: functions[name] for name, value in points.items() if value is not None},
        positive,
        cluster,
        seed,
    )
    closed = Intervals(positive, called, scores, cluster)
    return {
        name: None if value is None else closed.choose(name, value, ends[name])
        for name, value in points.items()
    }


def _class_metrics(truth: Integers, probabilities: Floats, labels: tuple[str, ...]) -> ClassMetrics:
    every = list(range(len(labels)))
    chosen = probabilities.argmax(axis=1)
    accuracy = proportion(int((chosen == truth).sum()), len(truth))
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
    )
