"""Pictures of many pixels: what reading one takes, in a process of its own."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to measure memory")

SIDE = 7000
"""49 million pixels: over what is kept whole."""

_MEASURE = """
import sys
from edgeall.pixels import Resize, read_picture
def rss(): return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before = rss()
picture = read_picture(sys.argv[1], Resize(224, sys.argv[2], sys.argv[3]))
print(rss() - before, *picture.pixels[::223, ::223, 0].ravel(), *picture.notes)
"""


def ramp(most: int) -> np.ndarray:
    return np.linspace(0, most, SIDE).astype(np.uint16)


def write_png(path: Path, most: int, samples: int) -> None:
    """16 bits, each row the same ramp to the right, stored as differences to the row above."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    first = b"\0" + np.repeat(ramp(most), samples).astype(">u2").tobytes()
    compress = zlib.compressobj(1)
    data = compress.compress(first)
    same = b"\2" + bytes(len(first) - 1)
    for _ in range(SIDE - 1):
        data += compress.compress(same)
    data += compress.flush()
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 0 if samples == 1 else 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def measured(path: Path, fit: str, filter_: str) -> tuple[float, list[int], str]:
    """Megabytes that reading took, red in the corners, and the notes."""
    command = [sys.executable, "-W", "ignore", "-c", _MEASURE, str(path), fit, filter_]
    kilobytes, *rest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(
        maxsplit=5
    )
    return int(kilobytes) / 1024, [int(value) for value in rest[:4]], (rest[4:] or [""])[0].strip()


@pytest.mark.parametrize(("fit", "filter_"), [("stretch", "bilinear"), ("letterbox", "nearest")])
@pytest.mark.parametrize(
    ("samples", "most", "note"), [(1, 65535, ""), (3, 4095, "values end at 4095: taken as 12 of 16 bits")]
)
def test_a_16_bit_png_is_read_in_bands(
    tmp_path: Path, samples: int, most: int, note: str, fit: str, filter_: str
) -> None:
    path = tmp_path / "large.png"
    write_png(path, most, samples)
    megabytes, corners, notes = measured(path, fit, filter_)
    assert megabytes < 100
    assert notes == note
    assert np.abs(np.array(corners) - [0, 254, 0, 254]).max() <= 1


def test_transparency_of_a_large_picture_takes_no_second_copy(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGBA", (SIDE, SIDE), (200, 30, 40, 255)).save(path, compress_level=1)
    megabytes, corners, _ = measured(path, "stretch", "bilinear")
    # Pillow alone takes four bytes a pixel.
    assert megabytes < 4 * SIDE * SIDE / 2**20 + 60
    assert corners == [200] * 4
