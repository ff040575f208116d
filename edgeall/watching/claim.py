"""One watcher a folder and log at a time, and what the one before was doing when it died."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NoReturn

from edgeall import files
from edgeall.errors import UsageError

_MOST_BYTES = 1 << 20


class Claim:
    """A folder that is held. Marks of the pictures in work are kept in the file of the lock."""

    def __init__(self, handle: int) -> None:
        self._handle, self._lock, self._working = handle, Lock(), set[str]()
        before = os.pread(handle, _MOST_BYTES, 0) if hasattr(os, "pread") else b""
        self._suspects, self._written = _marks(before), len(before)

    def suspects(self, name: str) -> bool:
        """Whether a picture was in work when the watcher before ended without a word.

        It may be what ended it: too large for the memory, or one that the engine fails on.
        """
        return _mark(name) in self._suspects

    @contextmanager
    def working_on(self, name: str) -> Iterator[None]:
        """Keep a picture's mark during the block. After an exception, as after the process's death, it stays.

        It also stays until the next picture begins, which does no harm: a picture that is decided is not decided again.
        """
        mark = _mark(name)
        with self._lock:
            self._working.add(mark)
            self._write()
        yield
        with self._lock:
            self._working.discard(mark)

    def _write(self) -> None:
        """Not flushed: it outlives the process, and a power cut tells nothing of a picture."""
        content = json.dumps(list(self._working)).encode()
        self._written = max(self._written, len(content))
        if hasattr(os, "pwrite"):
            # A full disk is told by the log.
            with suppress(OSError):
                os.pwrite(self._handle, content.ljust(self._written), 0)


def _mark(name: str) -> str:
    """Not the name itself, which can be a person's."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _marks(content: bytes) -> frozenset[str]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return frozenset()
    return (
        frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
    )


@contextmanager
def claimed(folder: Path, log: Path) -> Iterator[Claim]:
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

    def refuse() -> NoReturn:
        raise UsageError(
            f"{folder} is being watched by another process with the same log: end that one first"
        ) from None

    with files.alone(place, refuse, 0o600) as handle:
        yield Claim(handle)
