"""Compares preprocessings, and orders of the labels, by a model's scores on labelled images.

The model predicts the same images under each known preprocessing. Images count as independent even where subjects are
known, because two preprocessings differ in the pixels and not in the subjects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.stats import mannwhitneyu
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score

from edgeall.artifact import Decision
from edgeall.errors import UsageError
from edgeall.importing.preprocessing import Preprocessing
from edgeall.progress import Progress
from edgeall.statistics import (
    classification_metrics,
    compare_auc,
    is_positive,
    mcnemar_exact,
    positive_score,
)

Probabilities = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

SIGNIFICANCE = 0.05
"""Family-wise level: each comparison is tested at this divided by their number (Bonferroni)."""

NEGLIGIBLE = 0.02
"""Share of images on which two resize filters may give different verdicts without a warning."""

FAR = {"accuracy": 0.10, "auc": 0.05}
"""Least significant improvement by another preprocessing that gives a warning."""


@dataclass(frozen=True)
class FitScore:
    """A model's scores on some images with one preprocessing, with outputs matched to labels in the best order.

    The matching keeps a wrong order of labels from making the right preprocessing look like the worst.

    Attributes:
        matched: output column of each label.
        called: index of the most probable label of each image, (n,).
        correct: whether that is the image's label, (n,).
        scores: probability of a positive label, in 0..1, (n,).
    """

    preprocessing: Preprocessing
    matched: tuple[int, ...]
    called: Classes
    correct: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    accuracy: float
    balanced_accuracy: float
    auc: float

    @classmethod
    def of(
        cls, preprocessing: Preprocessing, table: Probabilities, truth: Classes, decision: Decision
    ) -> "FitScore":
        """From class probabilities (n, k) of images that are positive and negative."""
        matched = _matched(table, truth, decision)
        called = table[:, matched].argmax(axis=1)
        scores = positive_score(table[:, matched], decision)
        return cls(
            preprocessing,
            matched,
            called,
            called == truth,
            scores,
            float((called == truth).mean()),
            float(balanced_accuracy_score(truth, called)),
            float(roc_auc_score(is_positive(truth, decision), scores)),
        )

    @property
    def as_labelled(self) -> bool:
        """Whether the given order of labels matches the outputs best."""
        return self.matched == tuple(sorted(self.matched))

    @property
    def merit(self) -> float:
        return self.auc + self.balanced_accuracy

    @property
    def plausibility(self) -> tuple[float, bool, bool]:
        """Sort key: merit in steps of 0.04, then the usual order of channels, then the given order of labels."""
        return round(self.merit / 0.04), not self.preprocessing.unusual_order, self.as_labelled

    def to_dict(self) -> dict[str, Any]:
        return {
            "preprocessing": self.preprocessing.name,
            "channel_order": self.preprocessing.order,
            "fit": self.preprocessing.fit,
            "filter": self.preprocessing.filter,
            "accuracy": self.accuracy,
            "auc": self.auc,
        }

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.2f}, AUC {self.auc:.2f}"


@dataclass(frozen=True)
class PreprocessingFit:
    """Scores of several preprocessings on the same images, whose classes are `truth`, (n,)."""

    fits: tuple[FitScore, ...]
    truth: Classes
    decision: Decision

    @classmethod
    def score(
        cls,
        preprocessings: Sequence[Preprocessing],
        predict: Callable[[Preprocessing], Probabilities],
        truth: Classes,
        decision: Decision,
        progress: Progress,
        what: str = "preprocessings",
    ) -> "PreprocessingFit":
        """Scores each preprocessing; `what` names them in the progress display."""
        fits = []
        with progress.stage(f"trying {what}", len(preprocessings)) as advance:
            for preprocessing in preprocessings:
                fits.append(FitScore.of(preprocessing, predict(preprocessing), truth, decision))
                advance(1)
        return cls(tuple(fits), truth, decision)

    def best(self) -> tuple[FitScore, list[FitScore]]:
        """The best fit, and the fits that are not significantly worse with labels in the same order.

        The best has the highest sum of AUC and balanced accuracy; of nearly equal ones the most usual is taken.

        Raises:
            UsageError: even the best is not significantly better than chance.
        """
        # max returns the first of equals, in the order of the candidates.
        best = max(self.fits, key=lambda fit: fit.plausibility)
        if self._chance(best) >= SIGNIFICANCE / len(self.fits):
            raise UsageError(
                f"the model classifies these {len(self.truth)} images no better than chance with any known "
                f"preprocessing (best: {best.preprocessing}, {best}); give the preprocessing of its training images "
                "with --preprocessing and --resize-filter"
            )
        others = [fit for fit in self.fits if fit is not best and fit.matched == best.matched]
        return best, [fit for fit in others if not self._better(best, fit, 0.0, 0.0)]

    def improved(self, default: FitScore) -> FitScore:
        """The best fit that is significantly better than `default`; `default` where none is."""
        better = [fit for fit in self.fits if fit is not default and self._better(fit, default, 0.0, 0.0)]
        return max(better, key=lambda fit: fit.merit, default=default)

    def rivals(self, chosen: FitScore) -> list[tuple[FitScore, int]]:
        """Fits that are not significantly worse than `chosen`, with their number of different verdicts.

        Fits with at most a share of `NEGLIGIBLE` different verdicts are left out.
        """
        found = [
            (fit, int((fit.called != chosen.called).sum()))
            for fit in self.fits
            if fit is not chosen and not self._better(chosen, fit, 0.0, 0.0)
        ]
        return [(fit, changed) for fit, changed in found if changed > NEGLIGIBLE * len(self.truth)]

    def agreeing_with_labels(self, chosen: FitScore) -> FitScore | None:
        """The best fit with the given order of labels that is not significantly worse than `chosen`."""
        as_good = [fit for fit in self.fits if fit.as_labelled and not self._better(chosen, fit, 0.0, 0.0)]
        return max(as_good, key=lambda fit: fit.plausibility, default=None)

    def far_better_than(self, chosen: FitScore) -> FitScore | None:
        """The best fit that is better than `chosen` both by `FAR` and significantly."""
        better = [
            fit
            for fit in self.fits
            if fit is not chosen and self._better(fit, chosen, FAR["accuracy"], FAR["auc"])
        ]
        return max(better, key=lambda fit: fit.merit, default=None)

    def _better(self, one: FitScore, other: FitScore, by_accuracy: float, by_auc: float) -> bool:
        """Whether accuracy (McNemar's exact test) or AUC (DeLong's paired test) is significantly higher.

        The difference is at least `by_accuracy` or `by_auc`, and the other figure is not lower by `FAR`.
        """
        level = SIGNIFICANCE / max(1, len(self.fits) - 1)
        accuracy, auc = one.accuracy - other.accuracy, one.auc - other.auc
        if (
            accuracy >= by_accuracy
            and auc > -FAR["auc"]
            and mcnemar_exact(one.correct, other.correct) < level
        ):
            return accuracy > 0
        if auc < max(by_auc, 1e-9) or accuracy <= -FAR["accuracy"]:
            return False
        positive = is_positive(self.truth, self.decision)
        paired = compare_auc(positive.tolist(), other.scores.tolist(), one.scores.tolist())
        if paired is None or paired.p_value is None:
            # A perfect or fully reversed ranking has no variance: there is an interval, but no p-value.
            return paired is not None and paired.delta.low is not None and paired.delta.low > 0
        return paired.p_value < level

    def _chance(self, fit: FitScore) -> float:
        """Two-sided p-value of the hypothesis AUC = 0.5, by Mann and Whitney (Ann. Math. Stat. 18, 1947)."""
        positive = is_positive(self.truth, self.decision)
        return float(mannwhitneyu(fit.scores[positive], fit.scores[~positive]).pvalue)


def contradicted_order(table: Probabilities, truth: Classes, decision: Decision) -> tuple[str, ...] | None:
    """The labels in the order that fits the images, where they contradict the given order; else None.

    With two labels, the order is contradicted where the AUC's 95% interval lies below 0.5. With more, it is where
    matching outputs to labels by the confusion matrix gets more images right, by McNemar's exact test at 0.01.
    """
    matched = _matched(table, truth, decision)
    if matched == tuple(range(len(decision.labels))):
        return None
    if len(decision.labels) == 2:
        auc = classification_metrics(truth, table, decision).auc
        contradicted = auc is not None and auc.high is not None and auc.high < 0.5
    else:
        before, after = (columns.argmax(axis=1) == truth for columns in (table, table[:, matched]))
        contradicted = mcnemar_exact(before, after) < 0.01
    label_of = dict(zip(matched, decision.labels, strict=True))
    return tuple(label_of[column] for column in range(len(matched))) if contradicted else None


def _matched(table: Probabilities, truth: Classes, decision: Decision) -> tuple[int, ...]:
    """Output column of each label: for two labels by an AUC over 0.5, for more by the most correct images."""
    if len(decision.labels) == 2:
        auc = roc_auc_score(is_positive(truth, decision), positive_score(table, decision))
        return (1, 0) if auc < 0.5 else (0, 1)
    counts = confusion_matrix(truth, table.argmax(axis=1), labels=range(len(decision.labels)))
    columns = linear_sum_assignment(-counts)[1]
    return tuple(int(column) for column in columns)
