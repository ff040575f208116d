"""Counting instructions: what is asked of a counter, by a program that stands in for one where it must be told how."""

import shlex
import sys
from pathlib import Path

import pytest

from edgeall.errors import MeasurementError
from edgeall.measuring import instructions
from edgeall.measuring.plan import Plan, PlannedArtifact, PlannedImage, Settings, jobs


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


def test_instructions_are_counted_last_once_an_artifact_and_with_one_thread() -> None:
    artifacts = tuple(PlannedArtifact(f"a{n}", f"{n:064x}", "test", "tflite", "int8") for n in range(3))
    images = {"test": (PlannedImage("i", "/i", "0" * 64),)}
    settings = Settings(rounds=2, threads=(2, 4), batches=(1, 8), count_instructions=True)
    planned = list(jobs(Plan(artifacts, images, settings), cores=4))
    assert [(job.kind, job.threads, job.artifact) for job in planned[-3:]] == [
        ("instructions", 1, artifact) for artifact in artifacts
    ]
    assert all(job.kind != "instructions" for job in planned[:-3])
