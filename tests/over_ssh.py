"""What tests of boards over ssh share: short settings, a listener, and why a board does not measure."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgeall.errors import DeviceError
from edgeall.measuring.plan import BenchSettings, Plan
from edgeall.progress import Advance
from edgeall.targets import Profile, SshTarget

SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)


class Heard:
    """A listener that remembers, and does something when so many jobs are done."""

    def __init__(self, at: int | None = None, do: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.done = 0
        self._at, self._do = at, do

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        self.stages.append(title)

        def advance(steps: int) -> None:
            if title.startswith("measuring"):
                self.done += steps
                if self.done == self._at:
                    self._do()

        yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)


def lines(runs_folder: Path, device: str) -> list[dict[str, Any]]:
    journal = runs_folder / "tiny" / "bench" / f"{device}.records.jsonl"
    return [json.loads(line) for line in journal.read_text().splitlines()]


def why(profile: Profile, plan: Plan, **options: Any) -> str:
    """Why a board does not measure, in one line."""
    with closing(SshTarget(profile, pauses=(), **options)) as target, pytest.raises(DeviceError) as raised:
        list(target.measure(plan, ()))
    assert "\n" not in str(raised.value)
    return str(raised.value)
