"""Instructions of an emulated board's artifacts, and the estimate that is made from them."""

import dataclasses
from collections.abc import Sequence
from statistics import median
from typing import Any

from edgeall.benching.latency_estimate import estimate
from edgeall.measuring.records import Record

UNCOUNTED = (
    "nothing counted them: the emulator's counter is built by 'make emulator' where there is a C compiler"
)


def instructions(counted: Record | None, processor: str | None, format: str, threads: int) -> dict[str, Any]:
    """Keys of a result: instructions of one inference with one thread, and the range of latency they speak for.

    `counted` may be a record that tells why there are none. `processor` is the emulated one, by its profile.
    """
    count, told = _count(counted, threads)
    reason = {"reason": "no profile tells which processor is emulated"}
    return {
        "instructions": count,
        "instructions_told": told,
        "latency_estimate": reason if processor is None else estimate(processor, format, count),
    }


def _count(counted: Record | None, threads: int) -> tuple[int | None, dict[str, Any]]:
    if threads != 1:
        return None, {"reason": "they are counted with one thread"}
    if counted is None:
        return None, {"reason": UNCOUNTED}
    if counted.result is None:
        return None, {"reason": counted.error}
    runs = counted.result["instructions"]
    return round(median(runs)), {"runs": runs}


def together(members: Sequence[Record | None]) -> Record | None:
    """Of an ensemble, whose members run one after the other; None unless all were counted."""
    counted = [member for member in members if member is not None and member.result is not None]
    if len(counted) < len(members):
        return None
    runs = zip(*(record.result["instructions"] for record in counted if record.result), strict=True)
    return dataclasses.replace(counted[0], result={"instructions": [sum(run) for run in runs]})
