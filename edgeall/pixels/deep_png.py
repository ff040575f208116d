"""Reads PNG files of 16 bits a sample (PNG specification, third edition).

Pillow keeps only the high byte of colours, so that a camera's 12 bits become black, and holds the whole picture. Here
rows are inflated a band at a time. Filters work on corresponding bytes of neighbouring pixels (section 9.2), so the
high bytes of all samples form a filtered picture of 8 bits, and the low bytes another. Pillow's decoder unfilters both.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeall.pixels.canvas import Turn
from edgeall.pixels.raster import Raster, Samples
from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.scale import SampleDepth
from edgeall.values import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_BAND_BYTES = 2**21
_MOST_INTERLACED = 25_000_000
"""Most pixels of an interlaced picture, which cannot be decoded in bands."""

_COPY_AGAIN = "copy it again from where it was made"


@dataclass(frozen=True)
class _Kind:
    """A PNG colour type: number of samples, index of opacity, and the corresponding 8-bit mode of Pillow."""

    samples: int
    alpha: int | None
    mode: str


_KINDS = {0: _Kind(1, None, "L"), 2: _Kind(3, None, "RGB"), 4: _Kind(2, 1, "LA"), 6: _Kind(4, 3, "RGBA")}

# Adam7 (section 8.2): first row, first column, step of rows, step of columns of each pass.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    kind: _Kind
    interlaced: bool


def bits_of(head: bytes) -> int:
    """Bits a sample, from a file's first 25 bytes; 0 where it is not a PNG."""
    return head[24] if head[:8] == SIGNATURE and len(head) > 24 and head[12:16] == b"IHDR" else 0


def raster_of(file: BinaryIO, turn: Turn, turn_by_exif: Callable[[bytes], Turn]) -> Raster:
    """The picture of a 16-bit PNG file.

    Args:
        turn: transposition that sets it upright, for a file without an EXIF chunk.
        turn_by_exif: reads the transposition from EXIF data.

    Raises:
        RefusedImage: damaged, or interlaced and very large.
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
        raise RefusedImage("its PNG header is damaged", _COPY_AGAIN)
    header = _Header(width, height, _KINDS[colour], bool(interlaced))
    if header.interlaced and width * height > _MOST_INTERLACED:
        raise RefusedImage(
            f"an interlaced 16-bit PNG of {width} x {height} pixels", "save it without interlacing"
        )
    key = small.get(b"tRNS", b"")
    colours = header.kind.samples - (header.kind.alpha is not None)
    has_key = header.kind.alpha is None and len(key) == 2 * colours
    significant = max(small.get(b"sBIT", b"")[:colours], default=0)
    return Raster(
        (width, height),
        "grey" if colours == 1 else "RGB",
        SampleDepth("unsigned", 16),
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
        raise RefusedImage("the PNG file is damaged or ends early", _COPY_AGAIN)
    return content


def _bands(file: BinaryIO, header: _Header, data: list[tuple[int, int]]) -> Iterator[Samples]:
    inflated = _Inflated(file, data)
    if not header.interlaced:
        yield from _unfiltered(inflated, header.kind, header.width, header.height)
        return
    picture = np.empty((header.height, header.width, header.kind.samples), np.uint16)
    for row, column, down, across in _PASSES:
        part = picture[row::down, column::across]
        if part.size:
            bands = _unfiltered(inflated, header.kind, part.shape[1], part.shape[0])
            part[:] = np.concatenate(list(bands))
    yield picture


def _unfiltered(inflated: "_Inflated", kind: _Kind, width: int, height: int) -> Iterator[Samples]:
    """Samples (rows, width, samples) of the next `height` rows."""
    row_bytes = 2 * kind.samples * width
    at_once = max(1, _BAND_BYTES // row_bytes)
    # The first row of a band can refer to the last one of the band before.
    above = np.zeros((1, 1 + row_bytes), np.uint8)
    for top in range(0, height, at_once):
        rows = min(at_once, height - top)
        content = np.frombuffer(inflated.take(rows * (1 + row_bytes)), np.uint8).reshape(rows, -1)
        filtered = np.concatenate([above, content])
        high, low = (_bytes_of(filtered, kind, width, place) for place in (0, 1))
        values: Samples = high.astype(np.uint16) << 8 | low
        yield values[1:]
        above[0, 1:] = values[-1].astype(">u2").view(np.uint8).ravel()


def _bytes_of(filtered: npt.NDArray[np.uint8], kind: _Kind, width: int, place: int) -> npt.NDArray[np.uint8]:
    """The high (0) or low (1) bytes (rows, width, samples) of filtered rows that begin with the filter's number."""
    rows = np.concatenate([filtered[:, :1], filtered[:, 1 + place :: 2]], axis=1)
    image = Image.frombytes(
        kind.mode, (width, len(rows)), zlib.compress(rows.tobytes(), 0), "zip", kind.mode, 0
    )
    return np.asarray(image).reshape(len(rows), width, kind.samples)


class _Inflated:
    """The inflated bytes of a file's IDAT chunks, read on demand."""

    def __init__(self, file: BinaryIO, data: list[tuple[int, int]]) -> None:
        self._content = (_checked(file, b"IDAT", *place) for place in data)
        self._inflate, self._waiting = zlib.decompressobj(), b""

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            RefusedImage: there are fewer.
        """
        ready = bytearray()
        while len(ready) < size:
            self._waiting = self._waiting or next(self._content, b"")
            if not self._waiting:
                raise RefusedImage("the PNG file is damaged or ends early", _COPY_AGAIN)
            ready += self._inflate.decompress(self._waiting, size - len(ready))
            self._waiting = self._inflate.unconsumed_tail
        return bytes(ready)
