"""Which interval each figure of a classifier carries, and the closed forms.

Where subjects are unknown, images count as independent:

- accuracy, sensitivity, specificity, positive predictive value: Wilson.
- F1: Wilson on F* = tp / (tp + fp + fn), carried over (Lam, Gopal and Qian, arXiv 2309.14621).
- balanced accuracy: its two Wilson intervals combined (Newcombe, Statistics in Medicine 20, 2001; Zou and Donner,
  ibid. 27, 2008).
- ROC-AUC: DeLong on the logit scale; Newcombe's score interval at 0 and 1.
- average precision, MCC: bootstrap over images within their class.
- Brier score: Wilson's. A squared error within [0, 1] varies no more than a proportion, so this is wide rather than
  narrow, where a bootstrap of some twenty images misses a rare large error.

Where subjects are known: Wilson as above, with `accuracy_over_subjects` beside it; all others by bootstrap over them.

A bootstrap of a perfect result repeats it and would claim [1, 1]. There a closed form takes over, with subjects for
its counts where they are known: the fewest independent observations that the images can amount to. It is the one
above; for average precision Wilson's over the positives (after Boyd, Eng and Page, ECML 2013), for MCC its values
at the ends of sensitivity's and specificity's intervals (conservative).
"""

import math
from dataclasses import dataclass

import numpy as np

from edgeall.statistics.estimate import Estimate, wilson
from edgeall.statistics.resampling import Bools, Floats, Integers, matthews
from edgeall.statistics.roc import delong_interval, newcombe_interval


@dataclass(frozen=True)
class Intervals:
    """Intervals without resampling, with images or, where known, subjects for counts."""

    positive: Bools
    called: Bools
    scores: Floats
    cluster: Integers | None

    def choose(self, name: str, value: float, ends: tuple[float, float] | None) -> Estimate:
        independent = self.cluster is None
        if independent and name == "auc":
            return delong_interval(self.positive, self.scores)
        closed = independent and name in ("f1", "balanced_accuracy", "brier")
        if closed or ends is None or ends[1] - ends[0] < 1e-12:
            low, high = getattr(self, f"_{name}")(value)
            method = "closed form" if independent else "closed form, subjects counted"
        else:
            low, high = ends
            method = "bootstrap over images" if independent else "bootstrap over subjects"
        least = -1.0 if name == "mcc" else 0.0
        # Summed floating-point weights may come out a hair over 1.
        value = min(value, 1.0)
        return Estimate(value, max(least, min(low, value)), min(1.0, max(high, value)), method)

    def _count(self, chosen: Bools) -> int:
        return int(chosen.sum()) if self.cluster is None else len(np.unique(self.cluster[chosen]))

    def _rates(self) -> tuple[tuple[float, float, float], ...]:
        """Sensitivity and specificity, each with its ends."""
        truth, called = self.positive, self.called
        rates = (float(called[truth].mean()), float((~called[~truth]).mean()))
        counts = (self._count(truth), self._count(~truth))
        return tuple((rate, *wilson(rate, count)) for rate, count in zip(rates, counts, strict=True))

    def _f1(self, value: float) -> tuple[float, float]:
        overlap = value / (2 - value)
        low, high = wilson(overlap, self._count(self.positive | self.called))
        return 2 * low / (1 + low), 2 * high / (1 + high)

    def _balanced_accuracy(self, value: float) -> tuple[float, float]:
        (a, a_low, a_high), (b, b_low, b_high) = self._rates()
        return value - math.hypot(a - a_low, b - b_low) / 2, value + math.hypot(a_high - a, b_high - b) / 2

    def _mcc(self, value: float) -> tuple[float, float]:
        (_, a_low, a_high), (_, b_low, b_high) = self._rates()
        share = float(self.positive.mean())

        def at(a: float, b: float) -> float:
            cells = (share * a, (1 - share) * (1 - b), share * (1 - a), (1 - share) * b)
            return float(matthews(*map(np.float64, cells)))

        return at(a_low, b_low), at(a_high, b_high)

    def _auc(self, value: float) -> tuple[float, float]:
        return newcombe_interval(value, self._count(self.positive), self._count(~self.positive))

    def _average_precision(self, value: float) -> tuple[float, float]:
        return wilson(value, self._count(self.positive))

    def _brier(self, value: float) -> tuple[float, float]:
        return wilson(value, self._count(np.ones_like(self.positive)))
