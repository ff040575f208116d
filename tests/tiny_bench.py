"""Short benches of tiny artifacts on this machine, and who listens to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeall import benching, results
from edgeall.measuring.plan import BenchSettings
from edgeall.progress import Advance
from edgeall.targets import Profile, load_profile

SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)


class Heard:
    """A listener that remembers, and may stop everything as a user's Ctrl-C does."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.notes: list[str] = []
        self.total = self.done = 0
        self._stop_after = stop_after

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        self.total = total

        def advance(steps: int) -> None:
            self.done += steps
            if self.done == self._stop_after:
                raise KeyboardInterrupt

        yield advance

    def note(self, text: str) -> None:
        self.notes.append(text)


def bench(*args: Any, **options: Any) -> dict[str, Any]:
    """The document of a bench as JSON."""
    document: dict[str, Any] = results.to_json(benching.bench(*args, **options))
    return document


def laptop() -> Profile:
    return load_profile("laptop")


def result_file(folder: Path) -> Path:
    return folder / "tiny" / "bench" / "laptop.json"
