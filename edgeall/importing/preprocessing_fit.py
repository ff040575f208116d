"""What labelled images say of a preprocessing and of the order of the labels.

A model is asked about the same images prepared in each known way. Images are taken as independent even where subjects
are known: two preparations differ by what was done to pixels, not by whom the pixels came from.
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
"""Of all comparisons together: each is held to this divided by their number (Bonferroni)."""

TELLING = 0.02
"""Share of images that two resize filters may give different verdicts before it matters which one is right."""

FAR = {"accuracy": 0.10, "auc": 0.05}
"""By how much another preprocessing must be better, besides significantly, to be worth a warning."""


@dataclass(frozen=True)
class FitScore:
    """How a model does on some images with one preprocessing, its outputs matched to the labels as suits it best.

    So a wrong order of labels does not make the right preprocessing look like the worst.

    Attributes:
        matched: the column of the output that is taken for each label.
        called: the most probable label of each image, its number, (n,).
        correct: whether that is the image's, (n,).
        scores: probability of a finding, (n,).
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
        """From class probabilities (n, k) of images on both sides."""
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
        """Whether the outputs suit the labels best in the order given."""
        return self.matched == tuple(sorted(self.matched))

    @property
    def merit(self) -> float:
        return self.auc + self.balanced_accuracy

    @property
    def plausibility(self) -> tuple[float, bool, bool]:
        """Merit, in steps; of equal ones what needs no unusual order of channels or of labels is more plausible."""
        return round(self.merit / 0.04), not self.preprocessing.turned, self.as_labelled

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
    """The fits of several preprocessings on the same images, whose classes are `truth`."""

    fits: tuple[FitScore, ...]
    truth: Classes
    decision: Decision

    @classmethod
    def gather(
        cls,
        ways: Sequence[Preprocessing],
        predict: Callable[[Preprocessing], Probabilities],
        truth: Classes,
        decision: Decision,
        progress: Progress,
        what: str = "preprocessings",
    ) -> "PreprocessingFit":
        fits = []
        with progress.stage(f"trying {what}", len(ways)) as advance:
            for way in ways:
                fits.append(FitScore.of(way, predict(way), truth, decision))
                advance(1)
        return cls(tuple(fits), truth, decision)

    def best(self) -> tuple[FitScore, list[FitScore]]:
        """What the images speak for, and other fits that nothing here shows to be worse with labels in the same order.

        Chosen is the highest sum of AUC and balanced accuracy; of nearly equal ones the most usual.

        Raises:
            UsageError: not even with it does the model tell the images apart better than by chance.
        """
        # The first of equals, in the order of the candidates.
        best = max(self.fits, key=lambda fit: fit.plausibility)
        if self._chance(best) >= SIGNIFICANCE / len(self.fits):
            raise UsageError(
                f"with no known preprocessing does the model tell these {len(self.truth)} images apart (best: "
                f"{best.preprocessing}, {best}); say with --preprocessing and --resize-filter how its training images "
                "were prepared"
            )
        others = [fit for fit in self.fits if fit is not best and fit.matched == best.matched]
        return best, [fit for fit in others if not self._better(best, fit, 0.0, 0.0)]

    def improved(self, usual: FitScore) -> FitScore:
        """The best of those that are significantly better than `usual`, which is kept where none is."""
        better = [fit for fit in self.fits if fit is not usual and self._better(fit, usual, 0.0, 0.0)]
        return max(better, key=lambda fit: fit.merit, default=usual)

    def rivals(self, chosen: FitScore) -> list[tuple[FitScore, int]]:
        """Fits that nothing here shows to be worse than `chosen`, and on how many images they give another verdict,
        where that are more than `TELLING` of them.
        """
        found = [
            (fit, int((fit.called != chosen.called).sum()))
            for fit in self.fits
            if fit is not chosen and not self._better(chosen, fit, 0.0, 0.0)
        ]
        return [(fit, changed) for fit, changed in found if changed > TELLING * len(self.truth)]

    def agreeing_with_labels(self, chosen: FitScore) -> FitScore | None:
        """Another fit that is no worse, and better agrees with the order of the labels."""
        as_good = [fit for fit in self.fits if fit.as_labelled and not self._better(chosen, fit, 0.0, 0.0)]
        return max(as_good, key=lambda fit: fit.plausibility, default=None)

    def far_better_than(self, chosen: FitScore) -> FitScore | None:
        """The best of those that fit far better than `chosen`, by `FAR` and significantly."""
        better = [
            fit
            for fit in self.fits
            if fit is not chosen and self._better(fit, chosen, FAR["accuracy"], FAR["auc"])
        ]
        return max(better, key=lambda fit: fit.merit, default=None)

    def _better(self, one: FitScore, other: FitScore, by_accuracy: float, by_auc: float) -> bool:
        """Accuracy is higher by McNemar's exact test, or AUC by DeLong's paired one, and the other not much lower."""
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
            # A ranking without any variance, perfect or reversed, has an interval and no p-value.
            return paired is not None and paired.delta.low is not None and paired.delta.low > 0
        return paired.p_value < level

    def _chance(self, fit: FitScore) -> float:
        """Two-sided p-value of an AUC of 0.5, by Mann and Whitney (Ann. Math. Stat. 18, 1947)."""
        positive = is_positive(self.truth, self.decision)
        return float(mannwhitneyu(fit.scores[positive], fit.scores[~positive]).pvalue)


def contradicted_order(table: Probabilities, truth: Classes, decision: Decision) -> tuple[str, ...] | None:
    """The labels in the order that images say is right, where they contradict the one given; None where they do not.

    Of two labels: the AUC's 95% interval lies below 0.5. Of more: matching outputs to labels by the confusion matrix
    gets more images right, by McNemar's exact test at 0.01.
    """
    matched = _matched(table, truth, decision)
    if matched == tuple(range(len(decision.labels))):
        return None
    if len(decision.labels) == 2:
        auc = classification_metrics(truth, table, decision).auc
        sure = auc is not None and auc.high is not None and auc.high < 0.5
    else:
        before, after = (columns.argmax(axis=1) == truth for columns in (table, table[:, matched]))
        sure = mcnemar_exact(before, after) < 0.01
    label_of = dict(zip(matched, decision.labels, strict=True))
    return tuple(label_of[column] for column in range(len(matched))) if sure else None


def _matched(table: Probabilities, truth: Classes, decision: Decision) -> tuple[int, ...]:
    """Columns for the labels: of two, those with an AUC over 0.5; of more, those that get most images right."""
    if len(decision.labels) == 2:
        auc = roc_auc_score(is_positive(truth, decision), positive_score(table, decision))
        return (1, 0) if auc < 0.5 else (0, 1)
    counts = confusion_matrix(truth, table.argmax(axis=1), labels=range(len(decision.labels)))
    columns = linear_sum_assignment(-counts)[1]
    return tuple(int(column) for column in columns)
