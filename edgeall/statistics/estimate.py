"""A figure with its interval, and the interval of a proportion."""

import math
from dataclasses import dataclass

from edgeall.wilson import Z, wilson

CONFIDENCE = 0.95
"""Confidence level of every interval."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval.

    Attributes:
        value: the figure as observed.
        low, high: ends of the interval; None where the data give none (for example with a single round).
        method: of the interval.
    """

    value: float
    low: float | None
    high: float | None
    method: str = ""

    def __post_init__(self) -> None:
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{number} is not finite: an undefined figure is None, not an Estimate")

    def to_dict(self) -> dict[str, float | None]:
        """JSON-ready: value, low, high."""
        return {"value": self.value, "low": self.low, "high": self.high}


def proportion(k: int, n: int) -> Estimate | None:
    """`k` of `n` with its Wilson score interval; None where n is 0.

    The interval assumes independent trials.
    """
    if n == 0:
        return None
    share = int(k) / int(n)
    return Estimate(share, *wilson(share, int(n)), "Wilson")


def bonett_price(up: float, down: float, n: float, z: float = Z) -> tuple[float, float]:
    """Interval of the difference `up` - `down` of two shares of the same `n` trials, which need not be whole.

    It never has zero width. Source: Bonett and Price, J. Educ. Behav. Stat. 37 (2012).

    Args:
        z: standard normal quantile of each end.
    """
    up, down = (up * n + 1) / (n + 2), (down * n + 1) / (n + 2)
    half = z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def independent_difference(a: Estimate, b: Estimate) -> Estimate:
    """b - a, of two sets without a common image, with both intervals combined; ends are None where one has none.

    Sources: Newcombe, Statistics in Medicine 17 (1998), method 10; Zou and Donner, ibid. 27 (2008).
    """
    delta = b.value - a.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Estimate(delta, None, None, "no interval")
    return Estimate(
        delta,
        delta - math.hypot(b.value - b.low, a.high - a.value),
        delta + math.hypot(b.high - b.value, a.value - a.low),
        "independent intervals, combined",
    )
