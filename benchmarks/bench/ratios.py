"""The statistics of `make bench`: a ratio over interleaved rounds, and the slope of a growth."""

from collections.abc import Sequence
from statistics import median

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binom

from edgeall.statistics import CONFIDENCE, Estimate, ratio_over_rounds

LEAST_ROUNDS = 6
"""Fewest rounds of which order statistics give an interval: 1 - 2 * 0.5^6 = 96.9 %."""


def ratio(ours: Sequence[float], peers: Sequence[float]) -> Estimate:
    """The ratio of two figures over the same rounds, with its 95 % interval.

    From 6 rounds on: the median of the rounds' ratios, and the interval of order statistics, which assumes no
    distribution and which single disturbed rounds do not move (Conover, Practical Nonparametric Statistics, 3.2). With
    fewer: `edgeall.statistics.ratio_over_rounds`, whose interval is wide where rounds are few.
    """
    if len(ours) < LEAST_ROUNDS:
        few = ratio_over_rounds(ours, peers)
        assert few is not None, "no round"
        return few
    if len(ours) != len(peers):
        raise ValueError(f"rounds come in pairs, not {len(ours)} and {len(peers)}")
    ratios = sorted(a / b for a, b in zip(ours, peers, strict=True))
    reach = int(binom.ppf((1 - CONFIDENCE) / 2, len(ratios), 0.5))
    # `reach` is the least k with P(X <= k) >= 2.5 %; the k-th smallest and largest ratio leave out less than that.
    return Estimate(
        median(ratios), ratios[reach - 1], ratios[-reach], f"order statistics of {len(ratios)} rounds"
    )


def exact(ours: float, peers: float) -> Estimate:
    """A ratio of figures that do not vary, such as sizes."""
    value = ours / peers
    return Estimate(value, value, value, "does not vary")


def slope(sizes: Sequence[float], rounds: Sequence[Sequence[float]]) -> Estimate:
    """The exponent of growth: a figure grows as size^slope.

    In each round a straight line is fitted to the logarithms of the figures by least squares. The estimate is the mean
    of the rounds' slopes, its interval Student's over rounds; the rounds are the independent repetitions.

    Args:
        sizes: at least two.
        rounds: for each round a figure a size.
    """
    x = np.log(np.asarray(sizes, float))
    x -= x.mean()
    slopes = np.log(np.asarray(rounds, float)) @ x / (x @ x)
    centre = float(slopes.mean())
    if len(slopes) < 2:
        return Estimate(centre, None, None, "one round")
    half = float(stdtrit(len(slopes) - 1, 0.5 + CONFIDENCE / 2) * slopes.std(ddof=1) / np.sqrt(len(slopes)))
    return Estimate(centre, centre - half, centre + half, f"t-interval of {len(slopes)} rounds' slopes")
