"""Instructions of an emulated board's artifacts."""

import dataclasses
from collections.abc import Sequence
from statistics import median

from edgeall.measuring.records import Record
from edgeall.results.costs import Counted

UNCOUNTED = (
    "nothing counted them: the emulator's counter is built by 'make emulator' where there is a C compiler"
)


def instructions(counted: Record | None, threads: int) -> tuple[int | None, Counted]:
    """Instructions of one inference with one thread, and the runs they are the median of.

    `counted` may be a record of why there are none.
    """
    if threads != 1:
        return None, Counted(reason="they are counted with one thread")
    if counted is None:
        return None, Counted(reason=UNCOUNTED)
    if counted.result is None:
        return None, Counted(reason=counted.error)
    runs = counted.result["instructions"]
    return round(median(runs)), Counted(runs=tuple(runs))


def together(members: Sequence[Record | None]) -> Record | None:
    """Of an ensemble, whose members run one after the other; None where nothing counted one of them.

    Where a member's could not be counted, its record tells why.
    """
    tried = [member for member in members if member is not None]
    failed = next((member for member in tried if member.result is None), None)
    if failed is not None or len(tried) < len(members):
        return failed
    runs = zip(*(record.result["instructions"] for record in tried if record.result), strict=True)
    return dataclasses.replace(tried[0], result={"instructions": [sum(run) for run in runs]})
