"""The threshold and the referral band of an INT8 model: those that keep the float model's verdicts on its own scores.

Rounding moves scores as a whole more than it changes their order. The float model's threshold then cuts the INT8
scores elsewhere; one that is chosen on INT8 scores does not. It is chosen by the float model's verdicts and not by the
truth: on images that chose neither, both ways are as accurate, and this one keeps more verdicts (`docs/int8.md`).
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.runs import Run
from edgeall.statistics import matching_threshold

Scores = npt.NDArray[np.float64]


def own_decision(run: Run, reference: Scores, scores: Scores) -> Decision:
    """The decision of `run` with a threshold and band for `scores`; both scores of the same images, (n,) in [0, 1].

    A threshold that the user gave stays.

    Args:
        reference: the float model's.
    """

    def moved(cut: float) -> float:
        return matching_threshold((reference >= cut).tolist(), scores.tolist(), cut)

    decision = run.decision
    given = run.settings.get("threshold", decision.threshold) is not None
    threshold = decision.threshold if given else moved(decision.threshold)
    band = decision.refer
    if band is not None:
        band = (min(moved(band[0]), threshold), max(moved(band[1]), threshold))
    return dataclasses.replace(decision, threshold=threshold, refer=band)
