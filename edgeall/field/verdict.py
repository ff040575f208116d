"""Verdicts from class probabilities."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.values import dataclass

VerdictOutcome = Literal["positive", "negative", "refer"]
Outcome = Literal["positive", "negative", "refer", "refuse"]
"""Decisions on a picture: those of a verdict, and "refuse" for a picture that gets none."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class Verdict:
    """An artifact's verdict on one image.

    Attributes:
        decision: "positive", "negative", or "refer" (a human decides) for a score in the artifact's referral band.
        score: probability of a positive label, in [0, 1]: the sum over the positive labels.
        label: most probable label among those that agree with the decision; among all labels for "refer". With a
            threshold other than 0.5 it can differ from the most probable label of all.
        probability: of `label`, in [0, 1].
    """

    decision: VerdictOutcome
    score: float
    label: str
    probability: float


def decide(score: float, decision: Decision) -> VerdictOutcome:
    """The decision for a score: by the referral band first, then by the threshold."""
    if decision.refer is not None and decision.refer[0] <= score < decision.refer[1]:
        return "refer"
    return "positive" if score >= decision.threshold else "negative"


def verdict_of(probabilities: npt.NDArray[np.floating], decision: Decision) -> Verdict:
    """The verdict for one image's class probabilities, (classes,)."""
    score = min(float(decision.scores(probabilities[None])[0]), 1.0)
    outcome = decide(score, decision)
    eligible = [
        index
        for index, label in enumerate(decision.labels)
        if outcome == "refer" or (label in decision.positive) == (outcome == "positive")
    ]
    best = max(eligible, key=lambda index: float(probabilities[index]))
    return Verdict(outcome, score, decision.labels[best], float(probabilities[best]))
