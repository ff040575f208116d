"""How many instructions an inference takes, where the processor is emulated by something that counts them.

An emulator's set-up names what counts in an environment variable; the worker's process is started through it, and asks
it with a call that has no effect where nobody counts. `emulator/count.c` answers.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import median
from typing import Any

from edgeall.errors import MeasurementError

COUNTER = "EDGEALL_COUNTER"
"""Environment variable with the words, quoted as a shell reads them, that a program to be counted is started with."""

RUNS = 2
"""Inferences that are counted, after one that is not: more of them count the same."""

MOST_SPREAD = 0.01
"""Counts that differ by more are no property of an artifact. LiteRT's differ by 0.001%, ONNX Runtime's by 0.3%."""

PYTHONS_OWN = 10_000
"""Counts of the smallest models may differ by what Python itself does about an inference, some hundreds."""

_MAGIC = 0x65646765616C6C
_BYTES = 8


def counter() -> list[str]:
    """What a program is started with so that its instructions are counted; empty where nothing counts."""
    return shlex.split(os.environ.get(COUNTER, ""))


def counted(run: Callable[[Any], Any], inputs: Sequence[Any]) -> list[int]:
    """Instructions of each of `RUNS` runs over the inputs in turn, after one that is not counted; of all threads, so
    they are exact where one works at a time.

    Raises:
        MeasurementError: nobody counts, or the counts differ.
    """
    run(inputs[0])
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        _mark(writing)
        _mark(writing)
        for number in range(RUNS):
            item = inputs[number % len(inputs)]
            _mark(writing)
            run(item)
            _mark(writing)
        marks = _marks(reading)
    finally:
        os.close(reading)
        os.close(writing)
    # What the marks themselves take, from two with nothing between.
    empty = marks[1] - marks[0]
    counts = [after - before - empty for before, after in zip(marks[2::2], marks[3::2], strict=True)]
    if max(counts) - min(counts) > max(MOST_SPREAD * median(counts), PYTHONS_OWN):
        raise MeasurementError(f"its instructions were counted differently each time: {counts}")
    return counts


def _mark(pipe: int) -> None:
    # A pipe has no position: the system refuses, and a counter has told its number by then.
    with suppress(OSError):
        os.lseek(pipe, _MAGIC, os.SEEK_SET)


def _marks(pipe: int) -> list[int]:
    wanted = 2 * (RUNS + 1)
    try:
        told = os.read(pipe, wanted * _BYTES)
    except BlockingIOError:
        told = b""
    if len(told) != wanted * _BYTES:
        raise MeasurementError(f"nobody counts instructions here, though {COUNTER} says so")
    return [int.from_bytes(told[i : i + _BYTES], sys.byteorder) for i in range(0, len(told), _BYTES)]
