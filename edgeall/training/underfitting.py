"""Whether a trained model fits its own training images at inference."""

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import mannwhitneyu

from edgeall.artifact import Decision
from edgeall.predictions import Predictions
from edgeall.statistics import is_positive, positive_score

SIGNIFICANCE = 0.05
LEAST_AUC = 0.6
"""Least AUC on training images. Below it a model is hardly better than chance, whether significantly or not."""

FAR = 0.10
"""Largest drop of accuracy from training to inference. Accuracy in training is usually the lower one, because of
augmentation and dropout."""


def doubts(
    predicted: Predictions, decision: Decision, history: Sequence[Mapping[str, Any]], patience: int
) -> list[str]:
    """Reasons not to trust a model, a sentence each; empty for a model that fits its training images.

    Args:
        predicted: predictions of the finished model for its training images, at inference.
        history: rows of `history.csv`, of which the last phase's are used.
        patience: of that phase: with 0 its last epoch was kept, else its best on validation images.
    """
    found = []
    positive = is_positive(predicted.truth, decision)
    scores = positive_score(predicted.probabilities, decision)
    # Images count as independent, since the claim is about these images only.
    # Source: Mann and Whitney, Ann. Math. Stat. 18 (1947).
    test = mannwhitneyu(scores[positive], scores[~positive], alternative="greater")
    area = test.statistic / (positive.sum() * (~positive).sum())
    if test.pvalue >= SIGNIFICANCE or area < LEAST_AUC:
        found.append(
            f"the model does not separate its own training images: AUC {area:.3f} on {len(scores)} of them, "
            f"where 0.5 is chance (p = {test.pvalue:.2g}); train longer, or with pretrained weights"
        )
    called = scores >= predicted.thresholds
    if called.all() or not called.any():
        verdict = "positive" if called.all() else "negative"
        found.append(f"the model classifies all of its {len(scores)} training images as {verdict}")
    in_training, at_inference = _kept_accuracy(history, patience), _accuracy(predicted, scores, decision)
    if in_training is not None and in_training - at_inference > FAR:
        found.append(
            f"the model is worse at inference than in training: accuracy {at_inference:.3f} on its training images, "
            f"where training reported {in_training:.3f}. A cause is BatchNorm statistics after too few steps; train "
            "for more steps, or keep BatchNorm frozen (the default recipe)"
        )
    return found


def _kept_accuracy(history: Sequence[Mapping[str, Any]], patience: int) -> float | None:
    """Accuracy on training images during the kept epoch; None where that is epoch 0."""
    if not history:
        return None
    rows = [row for row in history if row["phase"] == history[-1]["phase"]]
    kept = max(rows, key=lambda row: (row["val_auc"], -row["val_loss"])) if patience else rows[-1]
    accuracy: float | None = kept["accuracy"]
    return accuracy


def _accuracy(predicted: Predictions, scores: Any, decision: Decision) -> float:
    """Accuracy by the most probable class or, for two classes, by the model's threshold, whichever is higher."""
    correct = (predicted.probabilities.argmax(axis=1) == predicted.truth).mean()
    if len(decision.labels) > 2:
        return float(correct)
    called = scores >= predicted.thresholds
    return float(max(correct, (called == is_positive(predicted.truth, decision)).mean()))
