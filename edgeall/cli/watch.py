"""`edgeall watch`: classifies each picture as it arrives in a folder, and keeps a log."""

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any

from edgeall.artifact import Artifact, read
from edgeall.cli import verdict_lines
from edgeall.cli.classify import add_cells_option, add_engine_options, caveats, default_model, selftested
from edgeall.cli.crash_message import crash_message
from edgeall.cli.display import Display
from edgeall.cli.log import add_log_option, head_line, log_path
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.logbook import Logbook, Record
    from edgeall.watching import Notice


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("folder", metavar="DIR", help="the folder that a camera writes to, with all below it")
    add_log_option(parser)
    add_engine_options(parser)
    add_cells_option(parser)
    parser.add_argument(
        "--settle",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how long a file must not change to be finished (default: 2)",
    )
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="SECONDS", help="time between two looks (default: 1)"
    )
    parser.add_argument(
        "--once", action="store_true", help="end when all pictures that are there are decided"
    )
    parser.epilog = (
        "Ends with Ctrl-C or SIGTERM. Each picture is decided once; edgeall log shows, checks and exports the log. "
        "Exit status: 0 ended as asked, 2 the folder, the model or the log cannot be used."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Watch, and print each decision when it is in the log."""
    from edgeall.field import Classifier
    from edgeall.logbook import Logbook
    from edgeall.watching import watch

    for name in ("settle", "every"):
        # Not NaN either.
        if not 0 <= getattr(args, name) <= _LONGEST:
            raise UsageError(f"--{name} is a number of seconds from 0 to {_LONGEST}")
    artifact = read(args.model or default_model())
    caveats(artifact, display)
    with (
        until_signalled() as stop,
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
        entries = watch(
            args.folder,
            classifier,
            log,
            settle=args.settle,
            every=args.every,
            once=args.once,
            stop=stop,
        )
        _show_all(entries, artifact, display)
        _farewell(log, display)
    return 0


_LONGEST = 3600


@contextmanager
def until_signalled() -> Iterator[Event]:
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


def _show_all(entries: "Iterator[Record | Notice]", artifact: Artifact, display: Display) -> None:
    from edgeall.watching import Notice

    for each in entries:
        if isinstance(each, Notice):
            display.note(each.text)
            continue
        try:
            _show(each, artifact, display)
        except BrokenPipeError:
            # The reader of standard output has closed it (`| head`). The log is still wanted.
            display.discard_results()


def _show(record: "Record", artifact: Artifact, display: Display) -> None:
    from edgeall.logbook import PictureEntry

    entry = record.entry
    if isinstance(entry, PictureEntry):
        shown = {"seq": record.seq, "time": entry.time, "sha256": entry.sha256, "same_as": entry.same_as}
        verdict_lines.show(entry.result, artifact.metadata.decision, display, shown)


def _farewell(log: "Logbook", display: Display) -> None:
    display.note(head_line(log.head))
