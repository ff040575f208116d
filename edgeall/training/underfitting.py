"""Whether a trained model knows at least its own training images, in the mode in which it is used."""

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import mannwhitneyu

from edgeall.artifact import Decision
from edgeall.predictions import Predictions
from edgeall.statistics import is_positive, positive_score

SIGNIFICANCE = 0.05
LEAST_AUC = 0.6
"""Below it a model hardly ranks the images that it learned from better than chance, significantly or not."""

FAR = 0.10
"""Training sees augmented images under dropout, so its accuracy is usually the lower one. A model that is this much
worse at inference answers differently there."""


def doubts(
    said: Predictions, decision: Decision, history: Sequence[Mapping[str, Any]], patience: int
) -> list[str]:
    """Reasons not to trust a model, a sentence each; none for a model that learned its training images.

    Args:
        said: what the finished model says of its training images, at inference.
        history: rows of `history.csv`; those of the last phase are looked at.
        patience: of that phase: 0 keeps its last epoch, anything else its best on validation images.
    """
    found = []
    positive = is_positive(said.truth, decision)
    scores = positive_score(said.probabilities, decision)
    # The question is of these images alone, so that each counts. Mann and Whitney, Ann. Math. Stat. 18 (1947).
    test = mannwhitneyu(scores[positive], scores[~positive], alternative="greater")
    area = test.statistic / (positive.sum() * (~positive).sum())
    if test.pvalue >= SIGNIFICANCE or area < LEAST_AUC:
        found.append(
            f"the model does not tell its own training images apart: AUC {area:.3f} on {len(scores)} of them, "
            f"where 0.5 is chance (p = {test.pvalue:.2g}); train longer, or with pretrained weights"
        )
    called = scores >= said.thresholds
    if called.all() or not called.any():
        verdict = "positive" if called.all() else "negative"
        found.append(f"the model calls every one of its {len(scores)} training images {verdict}")
    in_training, at_inference = _kept_accuracy(history, patience), _accuracy(said, scores, decision)
    if in_training is not None and in_training - at_inference > FAR:
        found.append(
            f"the model answers differently at inference: accuracy {at_inference:.3f} on its training images, where "
            f"training itself saw {in_training:.3f}. BatchNorm statistics that few steps have not settled do this; "
            "train for more steps, or keep BatchNorm frozen (the default recipe)"
        )
    return found


def _kept_accuracy(history: Sequence[Mapping[str, Any]], patience: int) -> float | None:
    """Accuracy on training images while the kept epoch went on; None where no epoch did."""
    if not history:
        return None
    rows = [row for row in history if row["phase"] == history[-1]["phase"]]
    kept = max(rows, key=lambda row: (row["val_auc"], -row["val_loss"])) if patience else rows[-1]
    accuracy: float | None = kept["accuracy"]
    return accuracy


def _accuracy(said: Predictions, scores: Any, decision: Decision) -> float:
    """By the most probable class or, of two classes, at the model's own threshold, whichever is higher."""
    right = (said.probabilities.argmax(axis=1) == said.truth).mean()
    if len(decision.labels) > 2:
        return float(right)
    called = scores >= said.thresholds
    return float(max(right, (called == is_positive(said.truth, decision)).mean()))
