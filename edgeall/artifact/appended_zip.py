"""A ZIP archive behind other bytes, written in one way only.

The same files give the same bytes on every system and Python, so that an archive can be checked byte for byte. Files
are stored without compression, dated 1980-01-01. Format: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
`zipfile` reads such archives, but loading it takes longer than reading an artifact.
"""

import struct
import zlib
from collections.abc import Mapping

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"

_VERSION = 20
"""Of the format, that a reader needs: 2.0."""
_UNIX = 3 << 8
_FIRST_DAY = 1 << 5 | 1
"""1980-01-01 as MS-DOS writes it."""
_MODE = 0o644 << 16
_MOST_FILES = 8
"""That are read; edgeall packs two."""


def pack(files: Mapping[str, bytes], at: int) -> bytes:
    """The archive of `files`, ASCII names to contents, that follows `at` other bytes."""
    contents, directory = bytearray(), bytearray()
    for name, content in files.items():
        offset, written = at + len(contents), name.encode("ascii")
        described = (zlib.crc32(content), len(content), len(content), len(written), 0)
        contents += _LOCAL.pack(_LOCAL_MARK, _VERSION, 0, 0, 0, _FIRST_DAY, *described) + written + content
        directory += (
            _CENTRAL.pack(
                _CENTRAL_MARK,
                _UNIX | _VERSION,
                _VERSION,
                *(0, 0, 0, _FIRST_DAY),
                *described,
                *(0, 0, 0, _MODE, offset),
            )
            + written
        )
    count = len(files)
    end = _END.pack(_END_MARK, 0, 0, count, count, len(directory), at + len(contents), 0)
    return b"".join((contents, directory, end))


def unpack(data: bytes) -> tuple[dict[str, bytes], int] | None:
    """The files of the archive that `data` ends with, and where it begins; None without one that `pack` wrote."""
    try:
        files, at = _listed(data)
    except (struct.error, UnicodeDecodeError):
        return None
    return (files, at) if data[at:] == pack(files, at) else None


def _listed(data: bytes) -> tuple[dict[str, bytes], int]:
    """Files and beginning of an archive, by its directory. They can be anything where `pack` did not write it."""
    *_, count, _, place, _ = _END.unpack_from(data, max(0, len(data) - _END.size))
    if count > _MOST_FILES:
        raise struct.error("more files than edgeall packs")
    files: dict[str, bytes] = {}
    first, left = place, len(data)
    for _ in range(count):
        *_, size, length, _, _, _, _, _, offset = _CENTRAL.unpack_from(data, place)
        place += _CENTRAL.size
        content = offset + _LOCAL.size + length
        # Entries that overlap could take any amount of memory.
        left -= size
        if left < 0:
            raise struct.error("larger than the file")
        files[data[place : place + length].decode("ascii")] = data[content : content + size]
        place, first = place + length, min(first, offset)
    return files, first
