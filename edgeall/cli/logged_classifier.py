"""What `edgeall watch` and `edgeall serve` work with until a signal ends them: a classifier and a log."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any

from edgeall.artifact import Artifact
from edgeall.cli.classify import selftested
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.cli.log import head_line, log_path

if TYPE_CHECKING:
    from edgeall.field import Classifier
    from edgeall.logbook import Logbook


@contextmanager
def logged_classifier(
    args: argparse.Namespace, artifact: Artifact, display: Display
) -> "Iterator[tuple[Classifier, Logbook, Event]]":
    """The artifact's classifier, the log, and an event that Ctrl-C and SIGTERM set.

    The log's path is told at the start, its head at the end.
    """
    from edgeall.field import Classifier
    from edgeall.logbook import Logbook

    with (
        _until_signalled() as stop,
        Logbook.open(log_path(args), create=True) as log,
        crash_message(artifact),
        Classifier(
            artifact,
            args.threads,
            force=args.force,
            cells=args.cells,
            selftested=partial(selftested, display=display),
        ) as classifier,
    ):
        display.note(f"log: {log.path}")
        yield classifier, log, stop
        display.note(head_line(log.head))


@contextmanager
def _until_signalled() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set during the block; a second one ends the process as usual."""
    stop = Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[number])

    before: dict[int, Any] = {
        number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
