"""Wheels and other ZIP archives into a folder: names stay inside, sizes are bounded. Standard library alone.

A wheel is trusted no more than any other file: what it holds is judged before a byte is written.
"""

import io
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MOST_FILES = 50_000
"""In one archive. OpenVINO's wheel, the largest of those in use, has about 1,200."""

MOST_LIST = 8 << 20
"""Bytes of an archive's own list of its files. Read, it takes up to 20 times as much memory."""

MOST_BYTES = 4 << 30
"""Of one archive's contents."""

MOST_GROWTH = 200
"""Times that an archive's contents may be larger than the archive. Code is about 4 times larger, zeros 1,000 times."""

_SMALL = 1 << 20
"""Archives whose contents are smaller than this may grow as they like."""

_CHUNK = 1 << 20

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names of devices on Windows."""


class UnpackingError(ValueError):
    """An archive is damaged, or holds what no archive of edgeall holds. The message is one line."""


class _Archive(io.BufferedReader):
    """A file of which `zipfile` reads no list that is too long: it reads a list at once, and contents in pieces."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_LIST:
            raise UnpackingError(f"{size / 1e6:.0f} MB of names in one archive are refused")
        return super().read(size)


def checked_name(name: str) -> PurePosixPath:
    """The relative path of an archive's member, which is the same place on every system.

    Raises:
        UnpackingError: it leads out of the folder, or is no name on some system.
    """
    path = PurePosixPath(name)
    plain = (
        "/".join(path.parts) == name.rstrip("/") and name.isprintable() and not set(name) & set('\\:*?"<>|')
    )
    if (
        not plain
        or path.is_absolute()
        or not path.parts
        or ".." in path.parts
        or any(
            _RESERVED.fullmatch(part) or part.endswith((".", " ")) or len(part) > 255 for part in path.parts
        )
        or len(name) > 1000
    ):
        raise UnpackingError(f"{name[:80]!r} is not a place inside the folder to unpack to")
    return path


def unpack(archive: Path, into: Path) -> list[PurePosixPath]:
    """Unpack a wheel as an installer does: with the library files of its `.data` folder, without scripts.

    Returns:
        The files written, relative to `into`.

    Raises:
        UnpackingError: a member is refused, or damaged. What was written until then is the caller's to discard.
        OSError: the disk is full, or the like.
    """
    try:
        with _Archive(io.FileIO(archive)) as stream, zipfile.ZipFile(stream) as file:
            places = _places(file, archive.stat().st_size)
            for member, place in places:
                _write(file, member, into / place)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise UnpackingError(f"{archive.name} is damaged ({error})") from None
    return [place for _, place in places]


def _places(file: zipfile.ZipFile, packed: int) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The members to write, and where."""
    members = file.infolist()
    size = sum(member.file_size for member in members)
    if len(members) > MOST_FILES:
        raise UnpackingError(f"{len(members)} files in one archive; at most {MOST_FILES} are unpacked")
    if size > MOST_BYTES or size > max(_SMALL, MOST_GROWTH * packed):
        raise UnpackingError(f"{packed / 1e6:.1f} MB that unpack to {size / 1e6:.0f} MB are refused")
    found = []
    taken: set[str] = set()
    for member in members:
        if member.is_dir():
            checked_name(member.filename)
            continue
        path = checked_name(member.filename)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnpackingError(f"{member.filename[:80]!r} is compressed in another way than wheels are")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UnpackingError(f"{member.filename[:80]!r} is a link or a device, and no file")
        if path.parts[0].endswith(".data"):
            if len(path.parts) < 3 or path.parts[1] not in ("purelib", "platlib"):
                continue
            path = PurePosixPath(*path.parts[2:])
        if str(path).casefold() in taken:
            raise UnpackingError(f"{member.filename[:80]!r} is there twice")
        taken.add(str(path).casefold())
        found.append((member, path))
    return found


def _write(file: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    left = member.file_size
    with file.open(member) as source, place.open("wb") as target:
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise UnpackingError(f"{member.filename[:80]!r} is larger than the archive says")
            target.write(chunk)
