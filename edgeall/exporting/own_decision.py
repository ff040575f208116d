"""The threshold and the referral band of an INT8 model, chosen on its own scores as training chose the float model's.

Rounding moves scores as a whole more than it changes their order. The float model's threshold then cuts the INT8
scores elsewhere; their own threshold does not (`docs/int8.md`).
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Decision
from edgeall.runs import Run
from edgeall.statistics import choose_band, choose_threshold


def own_decision(run: Run, positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> Decision:
    """The decision of `run` with threshold and band of these scores of validation images, (n,) in [0, 1].

    Where the user gave the threshold, it stays. So does all where validation images are of one class.
    """
    settings, decision = run.settings, run.decision
    if positive.all() or not positive.any():
        return decision
    truth, values = positive.tolist(), scores.tolist()
    threshold = decision.threshold
    if "threshold" in settings and settings["threshold"] is None:
        threshold = choose_threshold(truth, values)
    band = decision.refer
    wanted = (settings.get("min_sensitivity"), settings.get("min_specificity"))
    if band is not None and wanted[0] is not None and wanted[1] is not None:
        band = choose_band(truth, values, threshold, wanted[0], wanted[1])
    elif band is not None:
        band = (min(band[0], threshold), max(band[1], threshold))
    return dataclasses.replace(decision, threshold=float(threshold), refer=band)
