"""Golden answers: chosen where a model is sensitive, and compared on the scale of log-odds."""

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Precision
from edgeall.artifact.golden import Golden
from edgeall.golden import checkable, pictures

CANDIDATES = tuple(range(32))
"""Seeds that the pictures of an artifact are chosen from."""
COUNT = 4

SATURATED = 7.0
"""Log-odds (probability .999) beyond which float32 probabilities no longer show small changes: their last bit is then
1e-4 of log-odds."""

_FLOOR = 1e-4
"""Probabilities are kept this far from 0 and 1 before their log-odds are taken."""

LOGIT_TOLERANCE: dict[Precision, float] = {"float32": 4e-3, "float16": 4e-3, "int8": 0.5}
"""Difference of log-odds that is still right, by what an artifact is made for. Measured on MobileNetV2; see
`benchmarks/results/golden.md`.

Float32: other instructions (SSE4.1 to AVX2), threads and releases differ by 1e-5 at most, bfloat16 by 0.3 and float16
by 0.06. Files in float16 are computed in float32 on processors.

INT8: kernels with exact integers differ by less than 1e-6. Another interpreter, tflite_runtime, rounds otherwise
between layers and differs by 0.2 (0.03 of probability); products that saturate differ by 2.2.
"""
PROBABILITY_TOLERANCE: dict[Precision, float] = {"float32": 2e-6, "float16": 2e-6, "int8": 1.5 / 256}
"""Difference of a probability that is still right, whatever its log-odds: float32's rounding near 1, and one step of an
INT8 output (1/256) with half a step for its own rounding."""

Table = npt.NDArray[np.float64]


def choose(probabilities: npt.ArrayLike) -> list[int]:
    """The rows of (n, classes) probabilities to keep: `COUNT` of those nearest to the middle, of different classes.

    Near the middle a probability changes most with what the last layer is given. Classes take turns, unless one has
    saturated answers alone.
    """
    table = np.asarray(probabilities, np.float64)
    near = np.abs(log_odds(table)).min(axis=1)
    best = table.argmax(axis=1)
    order: list[int] = np.argsort(near, kind="stable").tolist()
    turns = {row: [other for other in order if best[other] == best[row]].index(row) for row in order}
    order.sort(key=lambda row: (near[row] > SATURATED, turns[row], near[row]))
    return order[:COUNT]


def make(
    probabilities: npt.ArrayLike, size: int, precision: Precision, engine: str, version: str, processor: str
) -> Golden:
    """The record of an artifact, from its answers (n, classes) to the pictures of `CANDIDATES`."""
    table = np.asarray(probabilities, np.float64)
    kept = sorted(choose(table))
    seeds = tuple(CANDIDATES[row] for row in kept)
    return Golden(
        revision=checkable.REVISION,
        seeds=seeds,
        pictures=pictures.digest(pictures.pictures(seeds, size)),
        probabilities=tuple(tuple(round(float(value), 7) for value in table[row].clip(0, 1)) for row in kept),
        logit_tolerance=LOGIT_TOLERANCE[precision],
        probability_tolerance=PROBABILITY_TOLERANCE[precision],
        engine=engine,
        version=version,
        processor=processor,
    )


def log_odds(probabilities: npt.ArrayLike) -> Table:
    """log(p / (1 - p)) of each, of probabilities in [`_FLOOR`, 1 - `_FLOOR`]."""
    p = np.clip(np.asarray(probabilities, np.float64), _FLOOR, 1 - _FLOOR)
    return np.asarray(np.log(p / (1 - p)))


def saturated(golden: Golden) -> bool:
    """Whether all answers are so near to 0 or 1 that only gross errors show."""
    return bool((np.abs(log_odds(golden.probabilities)) > SATURATED).all())


def differences(golden: Golden, seen: npt.ArrayLike) -> Table:
    """Differences (pictures, classes) of answers from the golden ones, as multiples of the tolerance; up to 1 is right.

    Of each probability the smaller of its two differences, of log-odds and of probability, counts.
    """
    expected, given = np.asarray(golden.probabilities), np.asarray(seen, np.float64)
    logit = np.abs(log_odds(given) - log_odds(expected)) / golden.logit_tolerance
    probability = np.abs(given - expected) / golden.probability_tolerance
    return np.asarray(np.minimum(logit, probability))
