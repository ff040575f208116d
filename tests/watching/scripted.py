"""A watcher whose time is a script: what happens between its looks, without waiting."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from edgeall.artifact import Artifact
from edgeall.field import Classifier
from edgeall.logbook import Logbook, PictureEntry, Record
from edgeall.watching import Notice, watch

START = datetime(2026, 11, 29, 8, tzinfo=UTC)


class Script(Event):
    """Does one step at each wait of a watcher, whose clocks go on by what it waits for, and stops it after the last."""

    def __init__(self, steps: list[Callable[[], Any]]) -> None:
        super().__init__()
        self._steps = iter(steps)
        self.seconds = 0.0
        self.set_back = timedelta()

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds += timeout or 0.0
        step = next(self._steps, None)
        if step is None:
            self.set()
        else:
            step()
        return self.is_set()

    def monotonic(self) -> float:
        return self.seconds

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.seconds) - self.set_back


def nothing() -> None:
    """A step in which nothing happens."""


def scripted(
    artifact: Artifact,
    folder: Path,
    log: Path,
    *steps: Callable[[], Any],
    script: Script | None = None,
    **options: Any,
) -> Iterator[Record | Notice]:
    """What a watcher yields that looks each second, and takes files for finished after two; a step a look."""
    with Logbook.open(log, create=True) as book, Classifier(artifact) as classifier:
        stop = script or Script(list(steps))
        yield from watch(
            folder,
            classifier,
            book,
            every=1.0,
            settle=2.0,
            stop=stop,
            clock=stop.clock,
            monotonic=stop.monotonic,
            **options,
        )


def pictures(log: Path) -> list[PictureEntry]:
    """The entries of pictures in a log, in order."""
    with Logbook.open(log) as book:
        entries = [record.entry for record in book.of_kind("picture")]
    return [entry for entry in entries if isinstance(entry, PictureEntry)]


def names(log: Path) -> list[str]:
    return [entry.path for entry in pictures(log)]
