"""Reads the colour profile of a JPEG 2000 file, which Pillow ignores. Boxes: ISO/IEC 15444-1, annex I."""

import struct
from collections.abc import Iterator

_PROFILES = (b"\x02", b"\x03")
"""Methods of a colour specification with an ICC profile: restricted (JP2) and any (JPX)."""


def colour_profile(beginning: bytes) -> bytes | None:
    """The ICC profile in a file that begins with `beginning`; None where it has none, or is a bare codestream."""
    for header in _boxes(beginning, b"jp2h"):
        for content in _boxes(header, b"colr"):
            if content[:1] in _PROFILES:
                return content[3:]
    return None


def _boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    """Contents of the boxes of a kind, in order, up to a damaged length."""
    at = 0
    while at + 8 <= len(data):
        length, name, start = *struct.unpack_from(">I4s", data, at), 8
        if length == 1 and at + 16 <= len(data):
            length, start = struct.unpack_from(">Q", data, at + 8)[0], 16
        if length == 0:
            length = len(data) - at
        if length < start:
            return
        if name == kind:
            yield data[at + start : at + length]
        at += length
