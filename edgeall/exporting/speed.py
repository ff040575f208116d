"""Is INT8 faster than float32 here? Processor time of both in their engine, in turn, on one thread.

It is one machine's clock, so the manifest keeps it and the artifact does not. `edgeall bench` measures latency as users
meet it; this only says whether INT8 is worth having on this processor.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from edgeall.exporting.attempts import Speed
from edgeall.statistics import ratio_over_rounds

_ROUNDS = 12
_ROUND_SECONDS = 0.03
"""Processor time that the runs of one model in one round take at least."""
_MOST_RUNS = 8


def interleaved(models: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Median processor seconds of one run, (rounds,) a model; each round runs all of them, in rotated order."""
    runs = []
    for run in models:
        run()
        took = _clocked(run)
        runs.append(int(np.clip(_ROUND_SECONDS / max(took, 1e-6), 1, _MOST_RUNS)))
    found: list[list[float]] = [[] for _ in models]
    for turn in range(_ROUNDS):
        for place in range(len(models)):
            which = (place + turn) % len(models)
            found[which].append(float(np.median([_clocked(models[which]) for _ in range(runs[which])])))
    return found


def _clocked(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def beside(int8: Sequence[float], float32: Sequence[float], processor: str) -> Speed | None:
    """The speed of INT8 from what `interleaved` measured of it and of float32."""
    ratio = ratio_over_rounds(int8, float32)
    if ratio is None:
        return None
    milliseconds = 1000 * float(np.median(int8))
    return Speed(ratio.value, ratio.low, ratio.high, processor, round(milliseconds, 4))
