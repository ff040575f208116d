"""Timings: percentiles with enough runs, and the ratio of two artifacts over interleaved rounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from edgeall.statistics.estimate import CONFIDENCE, Estimate

RUNS_NEEDED = {"p50": 11, "p90": 64, "p95": 130, "p99": 662, "p99.9": 6636}
"""Fewest runs for a percentile at 99% confidence: for quantile q, the smallest n of which at least two runs exceed it,
q^n + n q^(n-1) (1 - q) <= 0.01. Source: Wilks, Ann. Math. Statist. 12 (1941): with that n, the range of the runs covers
at least the share q of the distribution in 99 of 100 samples."""

NOISY = 0.10
"""Spread between rounds above which a measurement is marked noisy."""

LEAST_GAIN = 1.05
"""Least speed-up of INT8 over float32 at which INT8 is recommended."""

_ALWAYS = ("p50", "p90")


@dataclass(frozen=True)
class Timings:
    """Summary of one kind of timing, in the unit of its input.

    Attributes:
        percentiles: only those that `n` runs support.
    """

    n: int
    percentiles: dict[str, float]
    mean: float | None
    min: float | None
    max: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: n, p50 and p90 (null: too few runs), higher percentiles where supported, mean, min, max."""
        shown = {name: self.percentiles.get(name) for name in _ALWAYS} | self.percentiles
        return {"n": self.n, **shown, "mean": self.mean, "min": self.min, "max": self.max}


def percentiles(raw: Sequence[float]) -> Timings:
    """Summarise raw timings. Outliers are not removed."""
    runs = np.asarray(raw, dtype=np.float64)
    if not len(runs):
        return Timings(0, {}, None, None, None)
    known = {
        name: float(np.percentile(runs, float(name[1:])))
        for name, needed in RUNS_NEEDED.items()
        if len(runs) >= needed
    }
    return Timings(len(runs), known, float(runs.mean()), float(runs.min()), float(runs.max()))


def round_spread(round_medians: Sequence[float]) -> float | None:
    """(largest - smallest) / median of rounds' medians; noisy above `NOISY`. None for fewer than two rounds."""
    if len(round_medians) < 2:
        return None
    medians = np.asarray(round_medians, dtype=np.float64)
    return float((medians.max() - medians.min()) / np.median(medians))


def ratio_over_rounds(a: Sequence[float], b: Sequence[float]) -> Estimate | None:
    """The ratio a / b from medians of the same interleaved rounds: geometric mean, t-interval of the logarithms.

    The independent repetitions are the rounds, not the runs within them. A drift of the machine during a round affects
    both. Sources: Kalibera and Jones, Rigorous Benchmarking in Reasonable Time (ISMM 2013); geometric mean: Fleming and
    Wallace, CACM 29 (1986).

    Returns:
        None without a round; ends are None with one round.
    """
    if len(a) != len(b):
        raise ValueError(f"rounds come in pairs, not {len(a)} and {len(b)}")
    if not a:
        return None
    logs = np.log(np.asarray(a, dtype=np.float64)) - np.log(np.asarray(b, dtype=np.float64))
    centre = float(logs.mean())
    if len(logs) == 1:
        return Estimate(math.exp(centre), None, None, "one round")
    spread = float(
        scipy.special.stdtrit(len(logs) - 1, 0.5 + CONFIDENCE / 2) * logs.std(ddof=1) / math.sqrt(len(logs))
    )
    # Limited because exp overflows near 709. A spread that large is meaningless anyway.
    spread = min(spread, 300.0)
    return Estimate(
        math.exp(centre),
        math.exp(centre - spread),
        math.exp(centre + spread),
        f"t-interval of log ratios over {len(logs)} rounds",
    )


def ratio_of_separate_rounds(a: Sequence[float], b: Sequence[float]) -> Estimate | None:
    """The ratio a / b from medians of rounds that were not interleaved: geometric means, Welch's t-interval of logs.

    The interval covers differences between the rounds of a session. It does not cover differences between two sessions
    (temperature, other programs, libraries), so that it is too narrow by an unknown amount.

    Returns:
        None where one has no round; ends are None where one has a single round.
    """
    if not a or not b:
        return None
    logs = [np.log(np.asarray(medians, dtype=np.float64)) for medians in (a, b)]
    centre = float(logs[0].mean() - logs[1].mean())
    if min(len(of_one) for of_one in logs) == 1:
        return Estimate(math.exp(centre), None, None, "one round")
    parts = [float(of_one.var(ddof=1)) / len(of_one) for of_one in logs]
    variance = sum(parts)
    spread = 0.0
    if variance > 0:
        freedom = variance**2 / sum(
            part**2 / (len(of_one) - 1) for part, of_one in zip(parts, logs, strict=True)
        )
        spread = float(scipy.special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * math.sqrt(variance)
    spread = min(spread, 300.0)
    return Estimate(
        math.exp(centre),
        math.exp(centre - spread),
        math.exp(centre + spread),
        f"Welch's t-interval of log medians, {len(a)} and {len(b)} separate rounds",
    )
