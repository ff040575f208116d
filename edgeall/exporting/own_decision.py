"""The threshold and the referral band of an INT8 model, chosen on its own scores to keep the float model's verdicts.

Quantization shifts all scores more than it changes their order, so that the float threshold does not fit INT8 scores.
The INT8 threshold matches the float model's verdicts and not the labels: on unseen images both are equally accurate,
and matching verdicts keeps more of them (`docs/int8.md`).
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.runs import Run
from edgeall.statistics import matching_threshold

Scores = npt.NDArray[np.float64]


def own_decision(run: Run, reference: Scores, scores: Scores) -> Decision:
    """The decision of `run` with threshold and band for `scores`. A threshold that the user gave stays.

    Args:
        reference, scores: of the float and the INT8 model for the same images, (n,) in [0, 1].
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
