"""Atomic writes: files and folders are written under a temporary name, flushed to disk, then moved into place.

The temporary name is hidden and in the same folder. A killed process leaves its temporary files. A temporary folder is
locked by its process, so that a later writer to the same path recognises and removes abandoned ones.

`tempfile` and `shutil` are imported by what uses them: `classify` reads files only, and need not wait for them.
"""

import ctypes
import errno
import hashlib
import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.errors import FileError, UsageError

if TYPE_CHECKING:
    import zipfile

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NEW, _OLD = ".new", ".old"
_SHORT = 40
"""Characters of a name in that of its temporary file: a long name leaves no room for more."""
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_NOT_SUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
_AT_FDCWD = -100
_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux (renameat2(2)) and RENAME_SWAP of macOS (renamex_np(2))."""

_MOST_LIST = 1 << 20
"""Bytes of the list of a ZIP archive of a few files."""

AnyPath = str | os.PathLike[str]
"""Type of paths in public functions."""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
"""Of this process. It is read once: to read it is to set it for a moment, for files that other threads make too."""


@contextmanager
def replacing(path: Path, *, flush: bool = True, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place if the block succeeds, remove it otherwise.

    The temporary path has `path`'s suffix, because converters depend on it.

    Args:
        flush: to disk before the move, so that a power failure does not leave an empty file at `path`.
        mode: permissions of the file, which has no others at any time; None: the user's usual ones.

    Raises:
        FileError: it cannot be written. An existing file at `path` is unchanged.
    """
    import tempfile

    with _as_file_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:_SHORT]}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    part = Path(name)
    try:
        with _as_file_error(path, _DISK_ERRORS):
            yield part
        with _as_file_error(path):
            # mkstemp makes files private; a result gets the user's usual permissions.
            part.chmod(0o666 & ~_UMASK if mode is None else mode)
            if flush:
                _flush(part)
            part.replace(path)
            if flush:
                _flush(path.parent)
    finally:
        # A failing disk that keeps it must not hide why it failed.
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """As `replacing`, for a folder. With `overwrite`, an existing folder stays until the new one is complete.

    Where the system can exchange two names (Linux and macOS on their usual file systems), the old or the new folder is
    at `path` at all times. Elsewhere there is a short time with neither. The old folder is then restored after an
    error, and by the next call after the process was killed.

    Raises:
        UsageError: `path` exists, and not `overwrite`.
        FileError: the folder cannot be written. An existing folder at `path` is unchanged.
    """
    with _as_file_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clean_up(path)
        refuse_overwrite(path, overwrite)
        part, lock = _new_folder(path)
    old = part.with_suffix(_OLD)
    try:
        with _as_file_error(path, _DISK_ERRORS):
            yield part
        with _as_file_error(path):
            part.chmod(0o777 & ~_UMASK)
            _flush_all(part)
            if not os.path.lexists(path):
                part.rename(path)
            else:
                refuse_overwrite(path, overwrite)
                if not _exchange(part, path):
                    _swap(part, path, old)
            _flush(path.parent)
    finally:
        # After an interruption at any point, the suffixes distinguish the old folder from the new one.
        _restore(old, path)
        _remove(part)
        _unlock(lock)


@contextmanager
def alone(path: Path, waiting: Callable[[], None], mode: int = 0o666) -> Iterator[int]:
    """Lock the file at `path` during the block, which has its descriptor; other processes wait.

    There is no lock on Windows and on file systems without locks.

    Args:
        waiting: called before waiting for another process. What it raises ends the wait.
        mode: permissions of the file where it is missing, and made.

    Raises:
        FileError: the file cannot be written.
    """
    with _as_file_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:
                pass
        yield lock
    finally:
        os.close(lock)


def is_hidden(path: Path) -> bool:
    """Whether a name begins with a dot, as names of unfinished files and folders do."""
    return path.name.startswith(".")


@contextmanager
def _as_file_error(path: Path, numbers: tuple[int, ...] | None = None) -> Iterator[None]:
    """Convert system errors (with these numbers; None: all) to a FileError with `path`."""
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        raise FileError(path, error.strerror or str(error)) from error


def _new_folder(path: Path) -> tuple[Path, int | None]:
    """A new hidden folder beside `path`, and the lock that marks it as in use."""
    import tempfile

    while True:
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_NEW, dir=path.parent))
        lock, busy = _lock(part)
        # Another process can have removed it as abandoned before the lock.
        if not busy and part.is_dir():
            return part, lock
        _unlock(lock)


def _lock(folder: Path) -> tuple[int | None, bool]:
    """A lock on a folder, and whether another process holds it. The lock is None then, or where there are no locks.

    The system releases a lock when its process ends.
    """
    if fcntl is None:
        return None, False
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None, False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        return None, isinstance(error, BlockingIOError)
    return handle, False


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _clean_up(path: Path) -> None:
    """Clean up after processes that were killed while writing the folder `path`.

    Abandoned new folders are removed. An old folder that was moved away is restored.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}({_NEW}|{_OLD})")
    for left in [each for each in path.parent.iterdir() if name.fullmatch(each.name)]:
        lock, busy = _lock(left)
        if left.suffix == _OLD and not busy:
            _restore(left, path)
        elif lock is not None:
            _remove(left)
        _unlock(lock)


def _swap(part: Path, path: Path, old: Path) -> None:
    """Two renames, where names cannot be exchanged."""
    lock, _ = _lock(path)
    try:
        path.rename(old)
        try:
            part.rename(path)
        except OSError:
            old.rename(path)
            raise
    finally:
        _unlock(lock)


def _restore(old: Path, path: Path) -> None:
    """Move the old folder back to `path`, or remove it where `path` exists."""
    if not os.path.lexists(old):
        return
    if os.path.lexists(path):
        _remove(old)
    else:
        with suppress(OSError):
            old.rename(path)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names atomically. False where the system or file system cannot.

    An exchange adds no directory entry, so that it works on a full disk.
    """
    if sys.platform == "win32":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(os.fsencode(one), os.fsencode(other), _EXCHANGE)
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _flush_all(folder: Path) -> None:
    """Write a folder and all below it to disk."""
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            if (file := Path(place, name)).is_file() and not file.is_symlink():
                _flush(file)
        _flush(Path(place))


def _flush(path: Path) -> None:
    """Write a file's content, or a folder's list of names, to disk."""
    folder, windows = path.is_dir(), os.name == "nt"
    if folder and windows:
        return
    handle = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems do not support fsync for folders.
        if not folder or error.errno not in (errno.EINVAL, errno.EBADF):
            raise
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write `document` as indented JSON, whole or not at all. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_at_most(path: AnyPath, most: int) -> bytes:
    """All bytes of a file that has at most `most`.

    Raises:
        ValueError: it has more.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        # What has no size, such as a pipe, is read in a buffer of the largest size; a model's would be 2 GiB.
        regular = stat.S_ISREG(status.st_mode)
        content = b"" if regular and status.st_size > most else file.read(-1 if regular else most + 1)
    if max(status.st_size, len(content)) > most:
        raise ValueError(f"larger than {_in_words(most)}")
    return content


class _ListBounded(io.BufferedReader):
    """`zipfile` reads the list of an archive at once."""

    reads_list = True

    def read(self, size: int | None = -1, /) -> bytes:
        if self.reads_list and size is not None and size > _MOST_LIST:
            raise ValueError(f"its list of contents takes {_in_words(size)}, more than any has")
        return super().read(size)


@contextmanager
def opened_zip(path: AnyPath) -> "Iterator[zipfile.ZipFile]":
    """A ZIP archive of a few files. Its list, which takes up to 20 times its bytes of memory, has at most 1 MiB.

    Raises:
        ValueError: it has a longer one.
        BadZipFile: it is no archive.
        OSError: it cannot be read.
    """
    import zipfile

    with _ListBounded(io.FileIO(path)) as stream, zipfile.ZipFile(stream) as archive:
        stream.reads_list = False
        yield archive


def _in_words(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def refuse_overwrite(path: Path, overwrite: bool) -> None:
    """Raises `UsageError` if `path` exists and not `overwrite`."""
    # Not `Path.exists`, which raises an error in a folder that is closed: writing says that better.
    if os.path.exists(path) and not overwrite:  # noqa: PTH110
        raise UsageError(f"{path} exists already: give another name, or --overwrite to replace it")
