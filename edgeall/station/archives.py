"""The two forms of a kit's archive, byte for byte: ZIP, and ustar compressed with Zstandard.

Members are stored in the order of their names, uncompressed (wheels are compressed already), with one date and one
mode. The bytes therefore depend on names and contents alone, and a reader can demand every one of them: links, absolute
names, members that hide behind others and whatever else ZIP and tar allow cannot be expressed.

ZIP by PKWARE's APPNOTE 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16; ustar by POSIX.1-2017, pax, "ustar Interchange
Format".
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from tarfile import BLOCKSIZE, USTAR_FORMAT, TarInfo
from typing import IO

from .errors import KitError
from .unpacking import UnpackingError, checked_name

CHUNK = 1 << 20
MOST_FILES = 5_000
MOST_BYTES = 2 << 30
"""Of all files of a kit. One with all three engines for two Pythons has about 300 MB."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DATE = 1 << 5 | 1
"""1980-01-01, the first day that ZIP knows; time 0."""
_UTF8_NAMES = 0x800
_UNIX, _VERSION = 3, 20
_MODE = 0o100644

Files = Iterator[tuple[str, int, Iterable[bytes]]]
"""Name, size and content of each file, in order; a content is read before the next file."""


def zip_pieces(files: Iterable[tuple[str, int, int, Iterable[bytes]]]) -> Iterator[bytes]:
    """The bytes of a ZIP archive; `files`: name, size, CRC-32 and content of each, in the order of their names."""
    entries, at = [], 0
    for name, size, checksum, content in files:
        header = _local(name, size, checksum)
        yield header
        yield from content
        entries.append((name, size, checksum, at))
        at += len(header) + size
    yield _directory(entries, at)


def read_zip(stream: IO[bytes]) -> Files:
    """The files of a ZIP archive that has the form of `zip_pieces`.

    Raises:
        KitError: it has another.
    """
    entries: list[tuple[str, int, int, int]] = []
    at = 0
    check = _Order()
    while (header := _exactly(stream, _LOCAL.size))[:4] == b"PK\x03\x04":
        fields = _LOCAL.unpack(header)
        checksum, size, length = fields[6], fields[8], fields[9]
        name = _text(_exactly(stream, length))
        if header + name.encode() != _local(name, size, checksum):
            raise KitError(f"{name[:80]!r}: its header was changed")
        check.next(name, size)
        content = _Content(stream, size)
        yield name, size, content
        if content.left or content.checksum != checksum:
            raise KitError(f"{name}: changed, or cut short")
        entries.append((name, size, checksum, at))
        at += len(header) + length + size
    expected = _directory(entries, at)
    if header + _at_most(stream, len(expected)) != expected:
        raise KitError("the list of files at the archive's end was changed")


def _local(name: str, size: int, checksum: int) -> bytes:
    written = name.encode()
    return (
        _LOCAL.pack(b"PK\x03\x04", _VERSION, _UTF8_NAMES, 0, 0, _DATE, checksum, size, size, len(written), 0)
        + written
    )


def _directory(entries: list[tuple[str, int, int, int]], at: int) -> bytes:
    listed = b""
    for name, size, checksum, start in entries:
        written = name.encode()
        made_by = _UNIX << 8 | _VERSION
        listed += (
            _CENTRAL.pack(
                *(b"PK\x01\x02", made_by, _VERSION, _UTF8_NAMES, 0, 0, _DATE, checksum, size, size),
                *(len(written), 0, 0, 0, 0, _MODE << 16, start),
            )
            + written
        )
    return listed + _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(listed), at, 0)


def tar_pieces(folder: str, files: Iterable[tuple[str, int, int, Iterable[bytes]]]) -> Iterator[bytes]:
    """The bytes of a tar archive whose files lie in `folder`; `files` as of `zip_pieces`."""
    at = 0
    for name, size, _, content in files:
        yield _ustar(folder, name, size)
        yield from content
        padding = -size % BLOCKSIZE
        yield bytes(padding)
        at += BLOCKSIZE + size + padding
    yield bytes(_tail(at))


def read_tar(stream: IO[bytes]) -> Files:
    """The files of a tar archive that has the form of `tar_pieces`, without their common folder.

    Raises:
        KitError: it has another.
    """
    folder, at = None, 0
    check = _Order()
    while any(header := _exactly(stream, BLOCKSIZE)):
        try:
            read = TarInfo.frombuf(header, "utf-8", "strict")
            top, _, name = read.name.partition("/")
            folder = top if folder is None else folder
            same = top == folder and _ustar(folder, name, read.size) == header
        except (ValueError, KitError):
            same = False
        except Exception as error:  # tarfile's own errors of headers have no common base below this
            raise KitError(f"a header of the archive is damaged ({error})") from None
        if not same:
            raise KitError("a header of the archive was changed, or it holds more than plain files")
        check.next(name, read.size)
        content = _Content(stream, read.size)
        yield name, read.size, content
        padding = -read.size % BLOCKSIZE
        if content.left or any(_exactly(stream, padding)):
            raise KitError(f"{name}: changed, or cut short")
        at += BLOCKSIZE + read.size + padding
    expected = bytes(_tail(at) - BLOCKSIZE)
    if _at_most(stream, len(expected) + 1) != expected:
        raise KitError("the archive's end was changed")


def _tail(size: int) -> int:
    """Bytes of zeros after the last file: two blocks, and up to a full record of 20 blocks."""
    return 2 * BLOCKSIZE + -(size + 2 * BLOCKSIZE) % (20 * BLOCKSIZE)


def _ustar(folder: str, name: str, size: int) -> bytes:
    entry = TarInfo(f"{folder}/{name}")
    entry.size, entry.mode = size, _MODE & 0o777
    try:
        return entry.tobuf(USTAR_FORMAT, "utf-8")
    except ValueError:
        raise KitError(f"{name[:80]}: too long a name for a .tar.zst; a .zip takes it") from None


class _Order:
    """Checks each file's name and size as it comes: names ascend, so that none is there twice."""

    def __init__(self) -> None:
        self._last, self._bytes, self._seen = "", 0, set[str]()

    def next(self, name: str, size: int) -> None:
        check_name(name)
        self._bytes += size
        folded = name.casefold()
        if name <= self._last or folded in self._seen:
            raise KitError(f"{name[:80]!r} is there twice, or not in its place")
        if self._bytes > MOST_BYTES or len(self._seen) >= MOST_FILES:
            raise KitError("larger than any kit")
        self._last = name
        self._seen.add(folded)


def check_name(name: str) -> None:
    """Raise `KitError` at a name that is not the same place on every system, or no file's."""
    try:
        if name.endswith("/"):
            raise UnpackingError(f"{name[:80]!r} is a folder")
        checked_name(name)
    except UnpackingError as error:
        raise KitError(str(error)) from None


class _Content:
    """The next `left` bytes of a stream."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream = stream
        self.left = left
        self.checksum = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            chunk = _exactly(self._stream, min(CHUNK, self.left))
            self.left -= len(chunk)
            self.checksum = zlib.crc32(chunk, self.checksum)
            yield chunk


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = _at_most(stream, size)
    if len(found) < size:
        raise KitError("the archive is cut short")
    return found


def _at_most(stream: IO[bytes], size: int) -> bytes:
    """As many bytes, or all that are left where these are fewer."""
    found = b""
    while len(found) < size and (more := stream.read(size - len(found))):
        found += more
    return found


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise KitError("a name in the archive is no text") from None
