"""Counting instructions: what is asked of a counter, by a program that stands in for one where it must be told how."""

import errno
import os
import shlex
import sys
from pathlib import Path

import pytest

from edgeall.errors import MeasurementError
from edgeall.measuring import instructions
from edgeall.measuring.plan import BenchSettings, Plan, PlannedArtifact, PlannedImage, jobs


def test_nothing_counts_unless_the_surroundings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(instructions.COUNTER, raising=False)
    assert instructions.counter() == []
    monkeypatch.setenv(instructions.COUNTER, shlex.join(["/a place/qemu", "-plugin", "x.so"]))
    assert instructions.counter() == ["/a place/qemu", "-plugin", "x.so"]


@pytest.mark.skipif(sys.platform == "win32", reason="emulated boards run Linux")
def test_where_nobody_counts_the_marks_do_nothing_and_it_is_said() -> None:
    done: list[int] = []
    before = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(MeasurementError, match="nobody counts instructions here"):
        instructions.counted(done.append, [1, 2])
    assert done == [1, 1, 2]
    assert len(list(Path("/dev/fd").iterdir())) == before


class Counter:
    """A mock of an emulator's counter: it answers a mark with the next number, as `emulator/count.c` does."""

    def __init__(self, *numbers: int) -> None:
        self._left = list(numbers)

    def lseek(self, pipe: int, position: int, whence: int) -> int:
        source = Path(__file__).parents[2] / "emulator" / "count.c"
        assert f"0x{position:x}" in source.read_text(encoding="utf-8").lower()
        assert whence == os.SEEK_SET
        os.write(pipe, self._left.pop(0).to_bytes(8, sys.byteorder))
        raise OSError(errno.ESPIPE, "Illegal seek")


@pytest.mark.skipif(sys.platform == "win32", reason="emulated boards run Linux")
@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        # Two marks with nothing between take 70, and so does every pair.
        ((0, 70, 500, 50_570, 60_000, 110_070), [50_000, 50_000]),
        # The smallest models may differ by what Python does about an inference.
        ((0, 70, 500, 10_570, 60_000, 79_000), [10_000, 18_930]),
        # 1% of a large count is more than that.
        ((0, 0, 0, 10_000_000, 20_000_000, 30_090_000), [10_000_000, 10_090_000]),
    ],
)
def test_a_count_is_what_lies_between_two_marks_less_what_marks_take(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...], counts: list[int]
) -> None:
    monkeypatch.setattr(os, "lseek", Counter(*numbers).lseek)
    done: list[str] = []
    assert instructions.counted(done.append, ["a", "b"]) == counts
    assert done == ["a", "a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="emulated boards run Linux")
@pytest.mark.parametrize(
    "numbers",
    [(0, 70, 500, 50_570, 60_000, 130_070), (0, 0, 0, 10_000_000, 20_000_000, 30_110_000)],
)
def test_counts_that_differ_are_no_count(monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]) -> None:
    monkeypatch.setattr(os, "lseek", Counter(*numbers).lseek)
    with pytest.raises(MeasurementError, match="counted differently each time"):
        instructions.counted(lambda item: None, [1])


def test_instructions_are_counted_last_once_an_artifact_and_with_one_thread() -> None:
    artifacts = tuple(PlannedArtifact(f"a{n}", f"{n:064x}", "test", "tflite", "int8") for n in range(3))
    images = {"test": (PlannedImage("i", "/i", "0" * 64),)}
    settings = BenchSettings(rounds=2, threads=(2, 4), batches=(1, 8), count_instructions=True)
    planned = list(jobs(Plan(artifacts, images, settings), cores=4))
    assert [(job.kind, job.threads, job.artifact) for job in planned[-3:]] == [
        ("instructions", 1, artifact) for artifact in artifacts
    ]
    assert all(job.kind != "instructions" for job in planned[:-3])
