"""One watcher a folder and log at a time."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeall.errors import FileError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def claimed(folder: Path, log: Path) -> Iterator[None]:
    """Hold a folder during the block. The system lets go of it when the process ends, however it does.

    The lock is on a file beside the log, because the folder may be read-only, and a file that is open in it would keep
    it from being unmounted. Where there are no locks (Windows), two watchers decide twice, and the log takes the first
    entry of each picture.

    Raises:
        UsageError: another process holds it.
        FileError: the file of the lock cannot be written.
    """
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    place = log.with_name(f".{log.name}.{digest}.lock")
    try:
        handle = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FileError(place, error.strerror or str(error)) from None
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"{folder} is being watched by another process with the same log: end that one first"
                ) from None
            except OSError:
                pass  # a file system without locks
        yield
    finally:
        os.close(handle)
