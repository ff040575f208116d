"""`edgeall log`: shows, checks and exports the log of `watch` and `serve`, removes a person's pictures, archives."""

import argparse
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall.cli.display import Display
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgeall.logbook import Head, Record

_SHORTEST_HASH = 16
_MOST = 1_000_000
_PAGE = 500
"""Entries that are read at once."""


def add_log_option(parser: argparse.ArgumentParser) -> None:
    """`--log`, for every command that has a log."""
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="the log (default: $EDGEALL_LOG, or edgeall/log.db in the user's folder for state)",
    )


def log_path(args: argparse.Namespace) -> Path:
    """The log that is meant."""
    from edgeall.logbook import default_path

    return Path(args.log) if args.log is not None else default_path()


def configure(parser: argparse.ArgumentParser) -> None:
    """Verbs and their arguments."""
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)

    show = verbs.add_parser("show", help="the last pictures, or those that are searched for")
    show.add_argument("--search", metavar="TEXT", help="a part of the path")
    show.add_argument(
        "--decision",
        choices=("positive", "negative", "refer", "refuse", "error"),
        help="pictures with this decision; error: that could not be read",
    )
    show.add_argument("--subject", metavar="NAME", help="pictures of this person")
    show.add_argument("--since", metavar="DATE", help="from this day on, such as 2026-11-29 (UTC)")
    show.add_argument("-n", type=int, default=20, metavar="N", help="most that are shown (default: 20)")

    verify = verbs.add_parser("verify", help="whether every entry holds, or which is the first that does not")
    verify.add_argument(
        "--head",
        metavar="NUMBER:HASH",
        help="a head that was noted down: the log must still have it. The first 16 digits of the hash are enough",
    )

    export = verbs.add_parser("export", help="write all entries to a .csv or .jsonl file")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the file")
    export.add_argument("--overwrite", action="store_true", help="replace FILE where it exists already")

    remove = verbs.add_parser(
        "remove", help="remove a person's or a file's pictures; their place stays marked"
    )
    which = remove.add_mutually_exclusive_group(required=True)
    which.add_argument("--subject", metavar="NAME", help="a person, as in published file names (C-NMC)")
    which.add_argument("--path", metavar="PATH", help="a picture, or all below a folder, as in the log")
    remove.add_argument("--reason", default="", metavar="TEXT", help="kept in the log; name nobody in it")
    remove.add_argument("--yes", action="store_true", help="remove; without it, the pictures are only listed")

    archive = verbs.add_parser("archive", help="move old entries into a log of their own")
    archive.add_argument(
        "--before",
        metavar="DATE",
        required=True,
        help="entries from before this day (UTC), such as 2026-11-29",
    )
    archive.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the archive")
    archive.add_argument("--overwrite", action="store_true", help="replace FILE where it exists already")

    for verb in verbs.choices.values():
        add_log_option(verb)
    parser.epilog = "Exit status: 0 done, 1 the log does not hold, 2 it cannot be read."


def run(args: argparse.Namespace, display: Display) -> int:
    """Do what the verb says."""
    return _VERBS[args.verb](args, display)


def _show(args: argparse.Namespace, display: Display) -> int:
    from edgeall.logbook import Logbook

    if not 1 <= args.n <= _MOST:
        raise UsageError(f"-n is a number of pictures from 1 to {_MOST}")
    with Logbook.open(log_path(args), read_only=True) as log:
        search = partial(
            log.search,
            args.search,
            decision=args.decision,
            subject=args.subject,
            since=None if args.since is None else _day(args.since),
        )
        shown = False
        for record in _latest(search, log.head.seq + 1, args.n):
            shown = True
            display.emit(record.to_dict(), line=True)
            if not display.as_json:
                display.show(_line(record))
    if not shown:
        display.note("no picture in the log is like that")
    return 0


def _latest(search: "Callable[..., list[Record]]", before: int, count: int) -> "Iterator[Record]":
    """The last `count` records that `search` finds, the earliest first; one page of them is in memory."""
    pages: list[tuple[int, int]] = []
    page: list[Record] = []
    while count > 0 and (found := search(before=before, count=min(_PAGE, count))):
        page = found
        pages.append((before, len(page)))
        before, count = page[-1].seq, count - len(page)
    yield from reversed(page)
    for before, size in reversed(pages[:-1]):
        yield from reversed(search(before=before, count=size))


def _verify(args: argparse.Namespace, display: Display) -> int:
    from edgeall.logbook import Logbook, verify

    noted = None if args.head is None else _head(args.head)
    with Logbook.open(log_path(args), read_only=True) as log:
        found = verify(log, noted)
    display.emit(
        {
            "log": str(log.path),
            "holds": found.holds,
            "entries": found.entries,
            "removed": found.removed,
            "first": found.first,
            "head": {"seq": found.head.seq, "hash": found.head.hash},
            "broken": found.broken,
            "why": found.why,
            "remarks": list(found.remarks),
        }
    )
    for remark in found.remarks:
        display.note(remark)
    if found.broken is not None:
        display.error(f"{log.path}: entry {found.broken} does not hold: {found.why}")
        return 1
    display.show(
        f"{log.path}: all {found.entries} entries hold, of {found.removed} the content was removed",
        head_line(found.head),
    )
    if noted is None:
        display.note(
            "without a head that was noted down, entries that were cut off or all rewritten do not show"
        )
    return 0


def _export(args: argparse.Namespace, display: Display) -> int:
    from edgeall.logbook import Logbook, export

    with Logbook.open(log_path(args), read_only=True) as log:
        count = export(log, args.output, overwrite=args.overwrite)
    display.emit({"output": str(args.output), "entries": count})
    display.show(f"{args.output}: {count} entries")
    return 0


def _remove(args: argparse.Namespace, display: Display) -> int:
    from edgeall.logbook import Logbook, find_path, find_subject, remove

    # Without --yes nothing is written, also not how the file is kept.
    with Logbook.open(log_path(args), read_only=not args.yes) as log:
        by_subject = args.subject is not None
        entries = find_subject(log, args.subject) if by_subject else find_path(log, args.path)
        if entries and not args.yes:
            for seq in entries:
                record = log.record(seq)
                if record is not None:
                    display.note(_line(record))
            raise UsageError(f"these {len(entries)} entries would be removed for good: add --yes to do it")
        entry = remove(log, entries, "subject" if by_subject else "path", args.reason)
        head = log.head
    display.emit({"removed": list(entry.entries), "head": {"seq": head.seq, "hash": head.hash}})
    display.show(f"the contents of {len(entry.entries)} entries are removed", head_line(head))
    display.note(
        "pictures, copies, exports and archives of the log are files of their own: remove them there too"
    )
    return 0


def _archive(args: argparse.Namespace, display: Display) -> int:
    from edgeall.logbook import Logbook, archive

    with Logbook.open(log_path(args)) as log:
        entry = archive(log, _day(args.before), args.output, overwrite=args.overwrite)
        head = log.head
    display.emit(
        {
            "archive": str(args.output),
            "entries": entry.entries,
            "last": entry.last,
            "head": {"seq": head.seq, "hash": head.hash},
        }
    )
    display.show(f"{args.output}: {entry.entries} entries, up to number {entry.last}", head_line(head))
    return 0


_VERBS = {"show": _show, "verify": _verify, "export": _export, "remove": _remove, "archive": _archive}


def head_line(head: "Head") -> str:
    """The head of a log, for noting down."""
    return f"head of the log, to note down: {head}"


def _line(record: "Record") -> str:
    from edgeall.logbook import PictureEntry

    entry = record.entry
    if not isinstance(entry, PictureEntry):
        return f"{record.seq}: removed"
    answer = entry.answer or {}
    score = answer.get("score")
    words = entry.error or entry.decision or f"{len(answer.get('cells', ()))} white cells"
    figure = "" if score is None else f" ({score:.2f})"
    reasons = "; ".join(
        reason for check in ("quality", "domain") for reason in (answer.get(check) or {}).get("reasons", ())
    )
    if reasons:
        # A verdict with reasons against it was forced, or is on the cells of a doubtful field.
        figure += f": {reasons}" if entry.decision == "refuse" else f", doubtful: {reasons}"
    # Without the Z, one takes it for the time of the place.
    return f"{record.seq} {entry.time[:19]}Z {entry.path}: {words}{figure}"


def _day(text: str) -> str:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise UsageError(f"{text!r} is no day: write it as 2026-11-29") from None


def _head(text: str) -> "Head":
    from edgeall.logbook import Head

    number, _, digits = text.partition(":")
    sound = number.isascii() and number.isdigit() and len(digits) >= _SHORTEST_HASH
    if not sound or not set(digits.lower()) <= set("0123456789abcdef"):
        raise UsageError(f"{text!r} is no head: write it as edgeall log verify prints it, NUMBER:HASH")
    return Head(int(number), digits.lower())
