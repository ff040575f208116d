"""Which boards a bench is of: addresses on the command line, and those in a file, one a line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.targets import Address

MOST_BOARDS = 10_000
MOST_BYTES = 1 << 20
"""Of a file: ten thousand lines of a hundred characters."""

_SHOWN = 5
"""Mistakes that an error lists."""


def boards(hosts: Sequence[str], file: AnyPath | None = None) -> list[Address]:
    """The addresses `[user@]host[:port]` of `hosts`, then those of the lines of `file`, all different boards.

    A line is an address. Empty lines are allowed, and comments, from a "#" to the end of the line.

    Raises:
        UsageError: an address is none, or a board is named twice, by line; the file is missing, too large or names no
            board.
    """
    named = [("--host", text) for text in hosts]
    if file is not None:
        named += _lines(Path(file))
    found: dict[str, tuple[str, Address]] = {}
    mistakes = []
    for place, text in named:
        try:
            address = Address.parse(text)
        except UsageError as error:
            mistakes.append(f"{place}: {error}")
            continue
        # Names of hosts have no case, and each board has a result file of its own. Its user is not part of the name.
        first, _ = found.setdefault(address.slug.casefold(), (place, address))
        if found[address.slug.casefold()][1] is not address:
            mistakes.append(f"{place}: {text}: the same board is named twice, first by {first}")
    if mistakes:
        more = len(mistakes) - _SHOWN
        raise UsageError("; ".join(mistakes[:_SHOWN]) + (f"; and {more} more mistakes" if more > 0 else ""))
    return [address for _, address in found.values()]


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The addresses in a file, each with where it stands."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; write one with a line [user@]host[:port] a board") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"{file}: more than {MOST_BYTES >> 20} MiB is no list of boards")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is no text in UTF-8; write a line [user@]host[:port] a board") from None
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    found = [(f"{file}: line {number}", line) for number, line in enumerate(lines, start=1) if line]
    if not found:
        raise UsageError(f"{file}: names no board; write a line [user@]host[:port] a board")
    if len(found) > MOST_BOARDS:
        raise UsageError(f"{file}: {len(found)} boards; give at most {MOST_BOARDS} at a time")
    yield from found
