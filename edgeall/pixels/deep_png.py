"""PNG files of 16 bits a sample (PNG specification, third edition).

Pillow keeps the high byte of colours, which makes black of a camera's 12 bits, and holds the whole picture. Here rows
are inflated a band at a time. Pillow's decoder undoes their filters twice, once for each byte of a sample.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.canvas import Turn
from edgeall.pixels.raster import Raster, Samples
from edgeall.pixels.refusal import Refused
from edgeall.pixels.scale import Depth

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_BAND_BYTES = 8 * 2**20
_CHUNK_BYTES = 2**16
_MOST_INTERLACED = 25_000_000
"""Pixels of an interlaced picture, which cannot be decoded in bands."""

_COPY_AGAIN = "copy it again from where it was made"


@dataclass(frozen=True)
class _Kind:
    """A PNG colour type: what it holds, and Pillow's mode and unpackers that give the bytes of its 16-bit samples."""

    samples: int
    alpha: int | None
    mode: str
    unpackers: tuple[str, ...]


# Two 16-bit samples fit a pixel of four bytes as they are; of more, one unpacker gives first bytes, one second bytes.
_KINDS = {
    0: _Kind(1, None, "LA", ("LA",)),
    2: _Kind(3, None, "RGB", ("RGB;16B", "RGB;16L")),
    4: _Kind(2, 1, "RGBA", ("RGBA",)),
    6: _Kind(4, 3, "RGBA", ("RGBA;16B", "RGBA;16L")),
}


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    kind: _Kind
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        return 2 * self.kind.samples * self.width


def bits_of(head: bytes) -> int:
    """Bits a sample, from a file's first 25 bytes; 0 where it is no PNG."""
    return head[24] if head[:8] == SIGNATURE and len(head) > 24 and head[12:16] == b"IHDR" else 0


def raster_of(file: BinaryIO, turn: Turn, turn_by_exif: Callable[[bytes], Turn]) -> Raster:
    """The picture of a 16-bit PNG file.

    Args:
        turn: what sets it upright where it has no EXIF chunk.
        turn_by_exif: finds that in EXIF data.

    Raises:
        Refused: damaged, or interlaced and very large.
    """
    small: dict[bytes, bytes] = {}
    data: list[tuple[int, int]] = []
    for kind, offset, length in _chunks(file):
        if kind == b"IDAT":
            data.append((offset, length))
        elif kind in (b"IHDR", b"sBIT", b"tRNS", b"eXIf"):
            small.setdefault(kind, _checked(file, kind, offset, length))
    start = small.get(b"IHDR", b"")[:13].ljust(13, b"\0")
    width, height, _, colour, _, _, interlaced = struct.unpack(">IIBBBBB", start)
    if colour not in _KINDS or not width or not height or interlaced > 1:
        raise Refused("its PNG header is damaged", _COPY_AGAIN)
    header = _Header(width, height, _KINDS[colour], bool(interlaced))
    if header.interlaced and width * height > _MOST_INTERLACED:
        raise Refused(f"an interlaced 16-bit PNG of {width} x {height} pixels", "save it without interlacing")
    key = small.get(b"tRNS", b"")
    colours = header.kind.samples - (header.kind.alpha is not None)
    has_key = header.kind.alpha is None and len(key) == 2 * colours
    significant = max(small.get(b"sBIT", b"")[:colours], default=0)
    return Raster(
        (width, height),
        "grey" if colours == 1 else "RGB",
        Depth("unsigned", 16),
        lambda: _bands(file, header, data),
        alpha=header.kind.alpha,
        declared=2.0**significant - 1 if 0 < significant <= 16 else None,
        key=struct.unpack(f">{colours}H", key) if has_key else None,
        turn=turn_by_exif(small[b"eXIf"]) if b"eXIf" in small else turn,
    )


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset and length of each chunk, up to the last or the end of the file."""
    at = len(SIGNATURE)
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length


def _checked(file: BinaryIO, kind: bytes, offset: int, length: int) -> bytes:
    file.seek(offset)
    content = file.read(length)
    sum_ = file.read(4)
    if len(content) < length or sum_ != struct.pack(">I", zlib.crc32(kind + content)):
        raise Refused("the PNG file is damaged or ends early", _COPY_AGAIN)
    return content


def _bands(file: BinaryIO, header: _Header, data: list[tuple[int, int]]) -> Iterator[Samples]:
    if header.interlaced:
        content = b"".join(_checked(file, b"IDAT", *place) for place in data)
        yield _samples(content, header, header.height, 1)
        return
    at_once = max(1, _BAND_BYTES // header.row_bytes)
    above = bytes(header.row_bytes)
    rows = _inflated(file, data, at_once * (1 + header.row_bytes), header.height * (1 + header.row_bytes))
    for part in rows:
        # The first row of a band may refer to the last one of the band before.
        count = len(part) // (1 + header.row_bytes)
        values = _samples(zlib.compress(b"\0" + above + part, 0), header, count + 1, 0)[1:]
        yield values
        above = values[-1].astype(">u2").tobytes()


def _inflated(file: BinaryIO, data: list[tuple[int, int]], size: int, total: int) -> Iterator[bytes]:
    """The data in pieces of `size` bytes, `total` in all."""
    inflate, ready, done = zlib.decompressobj(), bytearray(), 0
    for place in data:
        content = _checked(file, b"IDAT", *place)
        while content and done < total:
            wanted = min(size, total - done)
            ready += inflate.decompress(content, wanted - len(ready))
            content = inflate.unconsumed_tail
            if len(ready) == wanted:
                yield bytes(ready)
                ready, done = bytearray(), done + wanted
            elif inflate.eof:
                break
    if done < total:
        raise Refused("the PNG file is damaged or ends early", _COPY_AGAIN)


def _samples(content: bytes, header: _Header, rows: int, interlaced: int) -> Samples:
    """16-bit samples (rows, width, samples) of compressed rows with their filters."""
    kind, size = header.kind, (header.width, rows)
    parts: list[npt.NDArray[Any]] = [
        np.asarray(Image.frombytes(kind.mode, size, content, "zip", unpacker, interlaced))
        for unpacker in kind.unpackers
    ]
    if len(parts) == 1:
        stored: Samples = parts[0].reshape(rows, -1).view(">u2").astype(np.uint16)
        return stored.reshape(rows, header.width, kind.samples)
    high, low = parts
    joined: Samples = high.astype(np.uint16) << 8 | low
    return joined
