"""TIFF files made byte by byte, from the specification alone, for what no library writes."""

import lzma
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 16: 8}
LETTERS = {3: "H", 4: "I", 16: "Q"}


@dataclass(frozen=True)
class Page:
    """A page of values (height, width, samples).

    `bits` of unsigned values; floats go by their dtype. `tags`: tag to (type, values), over those made here.
    """

    values: np.ndarray
    photometric: int = 2
    bits: int = 8
    compression: str = "none"
    planar: bool = False
    tile: tuple[int, int] | None = None
    rows: int | None = None
    predictor: int = 1
    reversed_bits: bool = False
    tags: dict[int, tuple[int, Any]] = field(default_factory=dict)


COMPRESSIONS = {"none": 1, "lzw": 5, "deflate": 8, "deflate (old)": 32946, "packbits": 32773, "lzma": 34925}


def packbits(content: bytes) -> bytes:
    """Runs of up to 128 literal bytes, and one run of a repeated byte at the end."""
    pieces = [content[i : i + 128] for i in range(0, len(content) - 3, 128)]
    done = sum(map(len, pieces))
    tail = b"".join(b"\x00" + content[i : i + 1] for i in range(done, len(content)))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces) + tail


def lzw(content: bytes) -> bytes:
    """TIFF 6.0, section 13: codes of 9 to 12 bits, highest bit first, one code early."""
    bits: list[str] = []
    table: dict[bytes, int] = {}
    width = 9

    def emit(code: int) -> None:
        bits.append(format(code, f"0{width}b"))

    def clear() -> None:
        nonlocal table, width
        emit(256)
        table, width = {bytes([byte]): byte for byte in range(256)}, 9

    clear()
    following, prefix = 258, b""
    for byte in content:
        longer = prefix + bytes([byte])
        if longer in table:
            prefix = longer
            continue
        emit(table[prefix])
        table[longer] = following
        following += 1
        if following == 4095:
            clear()
            following = 258
        elif following in (512, 1024, 2048):
            width += 1
        prefix = bytes([byte])
    if prefix:
        emit(table[prefix])
        if following + 1 in (512, 1024, 2048):
            width += 1
    emit(257)
    joined = "".join(bits)
    joined += "0" * (-len(joined) % 8)
    return int(joined, 2).to_bytes(len(joined) // 8, "big")


ENCODERS = {
    "none": bytes,
    "lzw": lzw,
    "deflate": zlib.compress,
    "deflate (old)": zlib.compress,
    "packbits": packbits,
    "lzma": lzma.compress,
}


def stored(block: np.ndarray, page: Page, order: str) -> bytes:
    """A strip or tile (rows, columns, samples) as bytes before compression."""
    rows, columns, samples = block.shape
    if page.predictor == 3:
        size = block.dtype.itemsize
        planes = block.astype(f">f{size}").view(np.uint8).reshape(rows, columns * samples, size)
        row = planes.transpose(0, 2, 1).reshape(rows, -1)
        differences = row.copy()
        differences[:, samples:] -= row[:, :-samples]
        return differences.tobytes()
    if block.dtype.kind == "u" and page.bits not in (8, 16, 32):
        each = (block.reshape(rows, -1, 1) >> np.arange(page.bits - 1, -1, -1)) & 1
        return np.packbits(each.reshape(rows, -1).astype(np.uint8), axis=1).tobytes()
    if page.predictor == 2:
        as_unsigned = np.ascontiguousarray(block).view(f"u{block.dtype.itemsize}")
        block = as_unsigned.copy()
        block[:, 1:] -= as_unsigned[:, :-1]
    return block.astype(block.dtype.newbyteorder(order)).tobytes()


def blocks(page: Page, order: str) -> list[bytes]:
    height, width, samples = page.values.shape
    tall, wide = page.tile or (page.rows or height, width)
    found = []
    for plane in np.split(page.values, samples, axis=2) if page.planar else [page.values]:
        for top in range(0, height, tall):
            for left in range(0, width, wide):
                part = plane[top : top + tall, left : left + wide]
                if page.tile:
                    missing = ((0, tall - part.shape[0]), (0, wide - part.shape[1]), (0, 0))
                    part = np.pad(part, missing, mode="edge")
                content = ENCODERS[page.compression](stored(part, page, order))
                if page.reversed_bits:
                    content = bytes(int(f"{byte:08b}"[::-1], 2) for byte in content)
                found.append(content)
    return found


def tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    out = bytearray(b"II" if order == "<" else b"MM")
    out += struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 0) if big else (42, 0)))
    link, wide = (8, "Q") if big else (4, "I")
    width = struct.calcsize(wide)
    for page in pages:
        parts = blocks(page, order)
        offsets = []
        for part in parts:
            offsets.append(len(out))
            out += part + b"\0" * (len(part) % 2)
        height, columns, samples = page.values.shape
        bits = page.bits if page.values.dtype.kind == "u" else 8 * page.values.dtype.itemsize
        tags: dict[int, tuple[int, Any]] = {
            256: (4, [columns]),
            257: (4, [height]),
            258: (3, [bits] * samples),
            259: (3, [COMPRESSIONS[page.compression]]),
            262: (3, [page.photometric]),
            266: (3, [2 if page.reversed_bits else 1]),
            277: (3, [samples]),
            284: (3, [2 if page.planar else 1]),
            317: (3, [page.predictor]),
            339: (3, [{"u": 1, "i": 2, "f": 3}[page.values.dtype.kind]] * samples),
        }
        if page.tile:
            tags |= {322: (3, [page.tile[1]]), 323: (3, [page.tile[0]])}
        else:
            tags[278] = (4, [page.rows or height])
        where, lengths = (324, 325) if page.tile else (273, 279)
        tags |= {where: (16 if big else 4, offsets), lengths: (4, [len(part) for part in parts])}
        tags |= page.tags
        entries = b""
        for tag, (kind, values) in sorted(tags.items()):
            if isinstance(values, bytes):
                content, count = values, len(values)
            elif kind == 5:
                content, count = struct.pack(f"{order}{len(values)}I", *values), len(values) // 2
            else:
                content, count = struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values), len(values)
            if len(content) > width:
                at = len(out)
                out += content + b"\0" * (len(content) % 2)
                content = struct.pack(order + wide, at)
            entries += struct.pack(order + "HH" + wide, tag, kind, count) + content.ljust(width, b"\0")
        struct.pack_into(order + wide, out, link, len(out))
        out += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries
        link = len(out)
        out += bytes(width)
    return bytes(out)
