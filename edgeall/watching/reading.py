"""Reads a finished file once: the bytes whose hash is recorded are the bytes that are decided on."""

import errno
import os
import stat

from edgeall.logbook.recording import Content
from edgeall.watching.arrivals import Arrival, Identity

MOST_BYTES = 1 << 29
"""Of a file. The largest picture that edgeall reads, 100 million pixels of 3 x 8 bits, is smaller uncompressed."""

AWAY = frozenset(
    getattr(errno, name)
    for name in (
        *("EBADF", "EHOSTDOWN", "EHOSTUNREACH", "EINTR", "EIO", "EMFILE", "ENFILE", "ENODEV", "ENOENT"),
        *("ENOMEM", "ENOTCONN", "ENOTDIR", "ENXIO", "EREMOTEIO", "ESHUTDOWN", "ESTALE", "ETIMEDOUT"),
    )
    if hasattr(errno, name)
)
"""Errors of a disk, a network or a system, which say nothing of the file: it is tried again and not recorded."""


class Unfinished(Exception):
    """A file was written to, or replaced, since it was found."""


class TooLarge(Exception):
    """A file is larger than `MOST_BYTES`."""


def read_once(arrival: Arrival) -> Content:
    """The bytes of a file.

    Raises:
        Unfinished: it has changed since it was found, or while it was read.
        TooLarge: it is larger than `MOST_BYTES`.
        OSError: it cannot be opened or read.
    """
    # What has become a pipe since must not be waited for.
    handle = os.open(arrival.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb", buffering=0) as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or Identity.of(before) != arrival.identity:
            raise Unfinished
        if before.st_size > MOST_BYTES:
            raise TooLarge
        data = file.readall()
        if Identity.of(os.fstat(handle)) != arrival.identity or len(data) != before.st_size:
            raise Unfinished
    return Content.of(data, before.st_mtime_ns)
