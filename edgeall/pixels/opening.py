"""Checks of a file before decoding: whether it can be opened safely, and its first bytes."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from edgeall.errors import ImageError
from edgeall.files import read_at_most
from edgeall.pixels.formats import HEAD

Source = str | os.PathLike[str] | bytes | BinaryIO

_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def describe(source: Source) -> str:
    """A name for `source` in messages."""
    if isinstance(source, bytes):
        return "the image"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    return str(getattr(source, "name", "the image"))


def special_file(path: str | os.PathLike[str]) -> str | None:
    """The kind of a file whose reading could block forever: "a pipe", "a socket", "a device"; None for others."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return None
    return next((kind for test, kind in _SPECIAL if test(mode)), None)


MOST_BYTES = 256 << 20
"""Of an encoded picture that is read whole."""


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a picture's file.

    Raises:
        ImageError: not a regular file, or larger than `MOST_BYTES`.
        OSError: it cannot be opened or read.
    """
    if kind := special_file(path):
        raise ImageError(f"{describe(path)}: {kind}, not a regular file")
    try:
        return read_at_most(path, MOST_BYTES)
    except ValueError as error:
        raise ImageError(f"{describe(path)}: {error}, more than is read of a picture") from None


def read_head(source: Source, count: int = HEAD) -> bytes:
    """The first `count` bytes of `source`, or all where it has fewer. A file object is rewound to its beginning.

    Raises:
        ImageError: a path that is not a regular file.
        OSError: it cannot be opened or read.
    """
    if isinstance(source, bytes):
        return source[:count]
    if isinstance(source, str | os.PathLike):
        if kind := special_file(source):
            raise ImageError(
                f"{describe(source)}: {kind}, not a regular file; name - for an image on standard input"
            )
        with Path(source).open("rb") as file:
            return file.read(count)
    if not source.seekable():
        raise ImageError(f"{describe(source)}: cannot be rewound to its beginning; pass its bytes")
    source.seek(0)
    head = source.read(count)
    source.seek(0)
    return head
