"""The interval of a share. It needs the standard library alone, so that field devices compute it too."""

import math

Z = 1.959963984540054
"""Quantile of the standard normal distribution that bounds a 95 % interval on both sides."""


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share in [0, 1] of `n` > 0 independent trials, which need not be whole.

    Source: Wilson, JASA 22 (1927); recommended for small n by Brown, Cai and DasGupta, Statistical Science 16 (2001).

    Returns:
        Its ends, in [0, 1]; the share lies between them.
    """
    spread = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    # Rounding must not push an end past the share itself at 0 and 1.
    return max(0.0, min(share, centre - spread)), min(1.0, max(share, centre + spread))
