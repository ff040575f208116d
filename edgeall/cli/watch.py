"""`edgeall watch`: classifies each picture as it arrives in a folder, and keeps a log."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeall.artifact import Artifact, read
from edgeall.cli import verdict_lines
from edgeall.cli.classify import add_cells_option, add_engine_options, caveats, default_model
from edgeall.cli.display import Display
from edgeall.cli.log import add_log_option
from edgeall.cli.logged_classifier import logged_classifier
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.logbook import Record
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
    from edgeall.watching import watch

    for name in ("settle", "every"):
        # Not NaN either.
        if not 0 <= getattr(args, name) <= _LONGEST:
            raise UsageError(f"--{name} is a number of seconds from 0 to {_LONGEST}")
    artifact = read(args.model or default_model())
    caveats(artifact, display)
    with logged_classifier(args, artifact, display) as (classifier, log, stop):
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
    return 0


_LONGEST = 3600


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
