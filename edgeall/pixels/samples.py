"""Reads the stored values of a TIFF page, band by band (TIFF 6.0; predictors by Adobe's Technical Note 3).

libtiff, which is part of Pillow, only decompresses: it reads each strip or tile as rows of plain bytes. Byte order,
bits, predictor, planes and tiles are decoded with NumPy, so that one path reads every combination.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import TiffImagePlugin

from edgeall.pixels.refusal import RefusedImage
from edgeall.pixels.scale import Kind, SampleDepth
from edgeall.pixels.tiff import Directory

Samples = npt.NDArray[Any]

LOSSLESS = {
    1: "none",
    5: "LZW",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    34925: "LZMA",
    50000: "ZSTD",
}
"""Lossless compressions."""

_BAND_BYTES = 2**21
"""Bytes of a group of strips that are decoded together."""

_MOST_PADDING = 4096
"""Most pixels by which a tile can be larger than the picture."""

_MOST_AT_ONCE = 320 * 2**20
"""Most decompressed bytes of a strip or a row of tiles, enough for a hundred million RGB pixels of 8 bits."""

_MOST_SAMPLES = 16

_KINDS: dict[int, Kind] = {1: "unsigned", 2: "signed", 3: "float", 4: "unsigned"}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class SampleLayout:
    """How a page stores its values.

    Attributes:
        height, width: in pixels.
        samples: values a pixel.
        planar: whether each sample has its own strips or tiles.
        block: height and width of a strip or tile.
        tiled: whether blocks are tiles, which have full size at the right and bottom edge too.
    """

    directory: Directory
    height: int
    width: int
    samples: int
    depth: SampleDepth
    planar: bool
    compression: int
    predictor: int
    reversed_bits: bool
    block: tuple[int, int]
    tiled: bool

    def bands(self) -> Iterator[Samples]:
        """Values (rows, width, samples), from top to bottom.

        Raises:
            RefusedImage: the file ends early.
        """
        together = self._tile_rows() if self.tiled else self._strips()
        for rows, planes in together:
            parts = [self._decoded(segments, rows) for segments in planes]
            yield parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    @property
    def _samples_together(self) -> int:
        return 1 if self.planar else self.samples

    @property
    def _row_bytes(self) -> int:
        return (self.block[1] * self._samples_together * self.depth.bits + 7) // 8

    def _places(self) -> list[list[tuple[int, int]]]:
        """Offset and length of every block, for each plane."""
        offsets = self.directory.values(324 if self.tiled else 273)
        counts = self.directory.values(325 if self.tiled else 279)
        down, across = -(-self.height // self.block[0]), -(-self.width // self.block[1])
        planes = self.samples if self.planar else 1
        number = down * across
        if not counts and self.compression == 1:
            counts = (self._row_bytes * self.block[0],) * len(offsets)
        if len(offsets) < number * planes or len(counts) < number * planes:
            raise RefusedImage(
                f"its TIFF directory has {len(offsets)} blocks of the {number * planes} it needs"
            )
        pairs = list(zip(offsets, counts, strict=False))
        return [pairs[plane * number : (plane + 1) * number] for plane in range(planes)]

    def _strips(self) -> Iterator[tuple[int, list[list[tuple[int, int]]]]]:
        """Groups of strips: their number of rows, and each plane's strips."""
        planes, tall = self._places(), self.block[0]
        at_once = max(1, _BAND_BYTES // (self._row_bytes * self._planes_weight()))
        if self.compression == 1:
            # Uncompressed strips can be read from any row.
            for index, top in enumerate(range(0, self.height, tall)):
                rows = min(tall, self.height - top)
                for start in range(0, rows, at_once):
                    taken = min(at_once, rows - start)
                    skip, length = start * self._row_bytes, taken * self._row_bytes
                    yield (
                        taken,
                        [[(plane[index][0] + skip, min(length, plane[index][1] - skip))] for plane in planes],
                    )
            return
        group = max(1, at_once // tall)
        for first in range(0, len(planes[0]), group):
            rows = min(group * tall, self.height - first * tall)
            yield rows, [plane[first : first + group] for plane in planes]

    def _planes_weight(self) -> int:
        return self.samples if self.planar else 1

    def _tile_rows(self) -> Iterator[tuple[int, list[list[tuple[int, int]]]]]:
        planes, across = self._places(), -(-self.width // self.block[1])
        for index, top in enumerate(range(0, self.height, self.block[0])):
            segment = slice(index * across, (index + 1) * across)
            yield min(self.block[0], self.height - top), [plane[segment] for plane in planes]

    def _decoded(self, segments: list[tuple[int, int]], rows: int) -> Samples:
        """Values (rows, width, samples) of consecutive strips, or of a row of tiles."""
        content = [self._read(offset, count) for offset, count in segments]
        tall, wide = self.block
        stored = len(segments) * tall if self.tiled else rows
        each = rows if self.compression == 1 and not self.tiled else tall
        content_rows = self._decompressed(content, each, stored)
        values = self._values(content_rows.reshape(stored, self._row_bytes), wide)
        if self.tiled:
            values = values.reshape(len(segments), tall, wide, -1).transpose(1, 0, 2, 3)
            values = values.reshape(tall, len(segments) * wide, -1)
        return values[:rows, : self.width]

    def _read(self, offset: int, count: int) -> bytes:
        self.directory.file.seek(offset)
        content = self.directory.file.read(max(0, count))
        if len(content) < count:
            raise RefusedImage("the file ends early", "copy it again from where it was made")
        return content.translate(_REVERSED) if self.reversed_bits else content

    def _decompressed(self, segments: Sequence[bytes], rows: int, total: int) -> npt.NDArray[np.uint8]:
        needed = total * self._row_bytes
        if self.compression == 1:
            content = b"".join(segment[: rows * self._row_bytes] for segment in segments)
        else:
            content = _by_libtiff(segments, self.compression, self._row_bytes, rows, total)
        if len(content) < needed:
            raise RefusedImage(
                "it holds fewer values than its size needs", "copy it again from where it was made"
            )
        return np.frombuffer(content, np.uint8, needed)

    def _values(self, rows: npt.NDArray[np.uint8], wide: int) -> Samples:
        """Bytes (rows, row bytes) to values (rows, wide, samples), in this machine's byte order."""
        shape = (len(rows), wide, self._samples_together)
        bits, size = self.depth.bits, self.depth.bits // 8
        if self.predictor == 3:
            return _float_differences_undone(rows, shape, size)
        if bits not in (8, 16, 32, 64):
            return _unpacked(rows, wide * self._samples_together, bits).reshape(shape)
        letter = {"unsigned": "u", "signed": "i", "float": "f"}[self.depth.kind]
        stored = rows.view(f"{self.directory.order}{'u' if self.predictor == 2 else letter}{size}").reshape(
            shape
        )
        native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        if self.predictor == 2:
            native = np.cumsum(native, axis=1, dtype=native.dtype).view(f"{letter}{size}")
        return native


def layout(directory: Directory) -> SampleLayout:
    """A page's layout, for compressions in `LOSSLESS`.

    Raises:
        RefusedImage: a combination of tags that is invalid or not supported.
    """
    height, width = directory.number(257, 0), directory.number(256, 0)
    if height < 1 or width < 1:
        raise RefusedImage("its TIFF directory has no size")
    samples = directory.number(277, 1)
    depth = depth_of(directory, samples)
    tiled = bool(directory.values(324))
    rows = min(directory.number(278, height) or height, height)
    block = (directory.number(323, 0), directory.number(322, 0)) if tiled else (rows, width)
    # Tiles are decoded whole, so a huge tile would waste memory.
    if min(block) < 1 or block[0] > height + _MOST_PADDING or block[1] > width + _MOST_PADDING:
        raise RefusedImage(f"its tiles have {block[1]} x {block[0]} pixels, the picture {width} x {height}")
    if directory.number(259, 1) != 1:
        _check_size(block, width if tiled else block[1], samples * depth.bits)
    predictor = directory.number(317, 1) if directory.number(259, 1) != 1 else 1
    allowed = {1, 2} if depth.bits in (8, 16, 32, 64) else {1}
    if depth.kind == "float":
        allowed = {1, 2, 3}
    if predictor not in allowed:
        raise RefusedImage(f"predictor {predictor} of {depth.bits}-bit values")
    return SampleLayout(
        directory,
        height,
        width,
        samples,
        depth,
        planar=directory.number(284, 1) == 2 and samples > 1,
        compression=directory.number(259, 1),
        predictor=predictor,
        reversed_bits=directory.number(266, 1) == 2,
        block=block,
        tiled=tiled,
    )


def _check_size(block: tuple[int, int], width: int, bits: int) -> None:
    """Limits the size of what is decompressed at once: a strip, or a row of tiles."""
    size = block[0] * -(-width // block[1]) * block[1] * bits // 8
    if size > _MOST_AT_ONCE:
        raise RefusedImage(
            f"its compressed strips or tiles have {size // 2**20} MiB",
            "save it uncompressed, or in smaller strips",
        )


def depth_of(directory: Directory, samples: int) -> SampleDepth:
    """How a page stores its values.

    Raises:
        RefusedImage: samples of several kinds, complex numbers, or unsupported depths.
    """
    bits, formats = directory.values(258) or (1,), directory.values(339) or (1,)
    # Some writers give one value for all samples.
    if not 1 <= samples <= _MOST_SAMPLES:
        raise RefusedImage(f"it has {samples} samples a pixel")
    if len(set(bits)) > 1 or len(set(formats)) > 1:
        raise RefusedImage(f"its samples have different kinds ({', '.join(map(str, bits))} bits)")
    kind = _KINDS.get(formats[0])
    if kind is None:
        raise RefusedImage("its values are complex numbers")
    depths = {"unsigned": (*range(1, 17), 32), "signed": (8, 16, 32), "float": (16, 32, 64)}[kind]
    if bits[0] not in depths:
        raise RefusedImage(f"its values have {bits[0]} bits ({kind})")
    return SampleDepth(kind, bits[0])


def _by_libtiff(segments: Sequence[bytes], compression: int, row_bytes: int, rows: int, total: int) -> bytes:
    """Decompressed strips of `rows` rows of `row_bytes` bytes each, `total` rows in all."""
    number = len(segments)
    tags = [
        (256, 4, [row_bytes]),
        (257, 4, [total]),
        (258, 3, [8]),
        (259, 3, [compression]),
        (262, 3, [1]),
        (273, 4, [0] * number),
        (277, 3, [1]),
        (278, 4, [rows]),
        (279, 4, [len(segment) for segment in segments]),
    ]
    arrays = 8 + 2 + 12 * len(tags) + 4
    first = arrays + (8 * number if number > 1 else 0)
    offsets = np.cumsum([first, *(len(segment) for segment in segments)])[:-1]
    tags[5] = (273, 4, [int(offset) for offset in offsets])
    directory, outside = struct.pack("<H", len(tags)), b""
    for tag, kind, values in tags:
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            packed, outside = struct.pack("<I", arrays + len(outside)), outside + packed
        directory += struct.pack("<HHI", tag, kind, len(values)) + packed
    head = b"II*\0\x08\0\0\0" + directory + b"\0\0\0\0" + outside
    with TiffImagePlugin.TiffImageFile(io.BytesIO(b"".join([head, *segments]))) as image:
        return image.tobytes()


def _unpacked(rows: npt.NDArray[np.uint8], values: int, bits: int) -> Samples:
    """Values of `bits` bits each, highest bit first; every row starts at a byte (TIFF 6.0, BitsPerSample)."""
    if bits == 8:
        return rows[:, :values]
    each = np.unpackbits(rows, axis=1, count=values * bits).reshape(len(rows), values, bits)
    if bits == 1:
        return each[..., 0]
    result = np.zeros((len(rows), values), np.uint8 if bits < 8 else np.uint16)
    for place in range(bits):
        result <<= 1
        result |= each[..., place]
    return result


def _float_differences_undone(rows: npt.NDArray[np.uint8], shape: tuple[int, int, int], size: int) -> Samples:
    """Undoes predictor 3: differences along the row of all first bytes, then of all second bytes, and so on."""
    count, wide, samples = shape
    summed = np.cumsum(rows.reshape(count, -1, samples), axis=1, dtype=np.uint8)
    planes = summed.reshape(count, size, wide * samples)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">f{size}")
    return values.reshape(shape).astype(f"=f{size}")
