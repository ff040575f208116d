"""From class probabilities to what a reader is told."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision

Outcome = Literal["positive", "negative", "refer"]


@dataclass(frozen=True)
class Verdict:
    """What an artifact says of one image.

    Attributes:
        decision: "positive" for a finding, "negative" for none, "refer" where the score lies in the artifact's
            referral band: a human decides.
        score: probability of a finding, in [0, 1]: the sum over the positive labels.
        label: most probable label among those that agree with the decision; of all labels for "refer". A threshold
            other than one half may make it another than the most probable of all.
        probability: of `label`.
    """

    decision: Outcome
    score: float
    label: str
    probability: float


def decide(score: float, decision: Decision) -> Outcome:
    """The decision for a score: the referral band comes first, then the threshold."""
    if decision.refer is not None and decision.refer[0] <= score < decision.refer[1]:
        return "refer"
    return "positive" if score >= decision.threshold else "negative"


def judge(probabilities: npt.NDArray[np.floating], decision: Decision) -> Verdict:
    """The verdict on one image's class probabilities (classes,)."""
    score = min(float(decision.scores(probabilities[None])[0]), 1.0)
    outcome = decide(score, decision)
    eligible = [
        index
        for index, label in enumerate(decision.labels)
        if outcome == "refer" or (label in decision.positive) == (outcome == "positive")
    ]
    best = max(eligible, key=lambda index: float(probabilities[index]))
    return Verdict(outcome, score, decision.labels[best], float(probabilities[best]))
