"""Loops around a clock."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgeall.runtimes import Session, Stages


def timed(
    run: Callable[[Any], Any],
    inputs: Sequence[Any],
    least_runs: int,
    least_seconds: float,
    most_seconds: float,
) -> list[int]:
    """Run over the inputs in turn until both minima are reached, or the most; nanoseconds of each run."""
    clock = time.perf_counter_ns
    timings: list[int] = []
    least, most = int(least_seconds * 1e9), int(most_seconds * 1e9)
    count = len(inputs)
    began = clock()
    while True:
        item = inputs[len(timings) % count]
        start = clock()
        run(item)
        end = clock()
        timings.append(end - start)
        spent = end - began
        if spent >= most or (spent >= least and len(timings) >= least_runs):
            return timings


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Neither pauses for it nor what it moves in memory are the model's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def in_stages(
    session: Session, tensors: Sequence[Any], least_runs: int, least_seconds: float, most_seconds: float
) -> dict[str, Any] | None:
    """An accelerator's inference in parts, nanoseconds of each; {"reason"} where it cannot be parted.

    A loop of its own: the clock that is read between the parts is not in the latency.
    """
    if session.accelerator is None:
        return None
    if not isinstance(session.stages, Stages):
        return {"reason": session.stages}
    stages, clock = session.stages, time.perf_counter_ns
    parts: dict[str, list[int]] = {"copy_in_ns": [], "compute_ns": [], "copy_out_ns": []}

    def run(tensor: Any) -> None:
        began = clock()
        stages.copy_in(tensor)
        given = clock()
        stages.compute()
        computed = clock()
        stages.copy_out()
        ends = clock()
        for name, nanoseconds in zip(parts, (given - began, computed - given, ends - computed), strict=True):
            parts[name].append(nanoseconds)

    timed(run, tensors, least_runs, least_seconds, most_seconds)
    return dict(parts)
