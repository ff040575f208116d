"""Reads the tags of a TIFF file: Adobe TIFF 6.0 (1992), and BigTIFF as libtiff defines it.

Pillow interprets a few tags and guesses the rest. Here all relevant tags are read, so that a picture is decoded
according to its tags or refused.
"""

import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from edgeall.pixels.refusal import RefusedImage

# TIFF 6.0, p. 15 and 16, and BigTIFF: code of a type to its letter in `struct` and its bytes.
_TYPES = {
    1: ("B", 1),
    2: ("s", 1),
    3: ("H", 2),
    4: ("I", 4),
    5: ("II", 8),
    6: ("b", 1),
    7: ("s", 1),
    8: ("h", 2),
    9: ("i", 4),
    10: ("ii", 8),
    11: ("f", 4),
    12: ("d", 8),
    13: ("I", 4),
    16: ("Q", 8),
    17: ("q", 8),
    18: ("Q", 8),
}

MAX_PAGES = 20_000
"""Most pages that are read."""

# A picture of 65 535 rows in one-row strips of 16 planes needs 2**20 numbers. Bytes are descriptions and profiles.
_MAX_NUMBERS, _MAX_BYTES = 2**20, 64 * 2**20

_MAX_ENTRIES = 2**20
"""Most entries of all directories together. Overlapping ones could make a small file expand without limit."""


@dataclass(frozen=True)
class Directory:
    """One page's tags. Values are read from the file on demand.

    Attributes:
        order: "<" or ">", the file's byte order in the notation of `struct` and NumPy.
        entries: type, number of values and file offset of each tag.
    """

    file: BinaryIO = field(repr=False)
    order: str
    entries: dict[int, tuple[int, int, int]]

    def values(self, tag: int) -> tuple[Any, ...]:
        """All values of a tag; () where the page has none. A fraction gives two numbers."""
        if tag not in self.entries:
            return ()
        kind, count, offset = self.entries[tag]
        letters, size = _TYPES.get(kind, ("", 0))
        if not letters or count > (_MAX_BYTES if letters == "s" else _MAX_NUMBERS):
            raise RefusedImage(f"tag {tag} of its TIFF directory is damaged")
        self.file.seek(offset)
        content = self.file.read(count * size)
        if len(content) < count * size:
            raise RefusedImage(f"the file ends within tag {tag}", "copy it again from where it was made")
        if letters == "s":
            return (content,)
        return struct.unpack(f"{self.order}{count * len(letters)}{letters[0]}", content)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag, as an integer."""
        values = self.values(tag)
        return int(values[0]) if values else default

    def raw(self, tag: int) -> bytes:
        """A tag's bytes; b"" where the page has none."""
        values = self.values(tag)
        return values[0] if values and isinstance(values[0], bytes) else bytes(bytearray(values))

    def text(self, tag: int) -> str:
        """A tag's characters, up to the first zero."""
        return self.raw(tag).split(b"\0")[0].decode("utf-8", "replace")


def read_directories(file: BinaryIO) -> list[Directory]:
    """The pages of a TIFF file, in the order of their chain, without SubIFDs, which hold smaller copies.

    Raises:
        RefusedImage: the file ends early or has no page.
    """
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    number, entry, offset_letter = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    at = _unpacked(order + offset_letter, head[8:16] if big else head[4:8])
    pages: list[Directory] = []
    seen: set[int] = set()
    entries = 0
    while at and at not in seen and len(pages) < MAX_PAGES:
        seen.add(at)
        file.seek(at)
        count = _unpacked(order + number, file.read(struct.calcsize(number)))
        entries += count
        if entries > _MAX_ENTRIES:
            raise RefusedImage("its TIFF directory is damaged")
        start = at + struct.calcsize(number)
        width = struct.calcsize("=" + entry) + struct.calcsize(offset_letter)
        content = file.read(count * width + struct.calcsize(offset_letter))
        if len(content) < count * width:
            raise RefusedImage(
                "the file ends within its TIFF directory", "copy it again from where it was made"
            )
        pages.append(_directory(file, order, entry, offset_letter, content[: count * width], start))
        link = content[count * width :]
        # Some writers leave out the link after the last directory.
        at = _unpacked(order + offset_letter, link) if len(link) == struct.calcsize(offset_letter) else 0
    if not pages:
        raise RefusedImage("a TIFF file without a picture")
    return pages


def _directory(
    file: BinaryIO, order: str, entry: str, offset_letter: str, content: bytes, start: int
) -> Directory:
    entries: dict[int, tuple[int, int, int]] = {}
    inline = struct.calcsize(offset_letter)
    width = struct.calcsize("=" + entry) + inline
    for index in range(0, len(content), width):
        tag, kind, count = struct.unpack_from(order + entry, content, index)
        place = index + width - inline
        fits = count * _TYPES.get(kind, ("", 0))[1] <= inline
        offset = start + place if fits else struct.unpack_from(order + offset_letter, content, place)[0]
        entries.setdefault(tag, (kind, count, offset))
    return Directory(file, order, entries)


def _unpacked(letters: str, content: bytes) -> int:
    if len(content) < struct.calcsize(letters):
        raise RefusedImage("the file ends before its TIFF directory", "copy it again from where it was made")
    return int(struct.unpack(letters, content)[0])
