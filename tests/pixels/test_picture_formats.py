"""A file is read for what it holds, whatever it is called; what is not read says what to do."""

import contextlib
import io
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edgeall.errors import ImageError
from edgeall.pixels import formats, read_image
from edgeall.pixels.formats import FORMATS, READ, sniff

SIDE = 64
_RAMP = np.mgrid[:SIDE, :SIDE]
ORIGINAL = np.dstack([60 + 2 * _RAMP[0], 200 - _RAMP[1], 90 + _RAMP.sum(0) // 2]).astype(np.uint8)

# name: Pillow's name, options, whether decoding gives the original back to the bit
ENCODERS: dict[str, tuple[str, dict[str, object], bool]] = {
    "JPEG": ("JPEG", {"quality": 95, "subsampling": 0}, False),
    "PNG": ("PNG", {}, True),
    "BMP": ("BMP", {}, True),
    "TIFF": ("TIFF", {}, True),
    "big TIFF": ("TIFF", {"big_tiff": True}, True),
    "lossless WebP": ("WEBP", {"lossless": True}, True),
    "WebP": ("WEBP", {"quality": 95}, False),
    "AVIF": ("AVIF", {"quality": 95, "subsampling": "4:4:4"}, False),
    "JPEG 2000": ("JPEG2000", {"irreversible": False}, True),
    "JPEG 2000 codestream": ("JPEG2000", {"no_jp2": True}, True),
}
NAMES = (
    "a.jpg", "a.JPG", "a.jfif", "a.jpe", "a.png", "a.bmp", "a.tif", "a.TIFF", "a.webp", "a.avif", "a.jp2", "a.j2k",
    "a.HEIC", "a.gif", "a", "a.dat", "a.txt",
)  # fmt: skip


def encoded(kind: str) -> bytes:
    format, options, _ = ENCODERS[kind]
    buffer = io.BytesIO()
    Image.fromarray(ORIGINAL).save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ENCODERS)
def test_each_format_is_read_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    content, lossless = encoded(kind), ENCODERS[kind][2]
    own = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert np.abs(own.astype(int) - ORIGINAL).mean() <= (0 if lossless else 3)
    for name in NAMES:
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(read_image(tmp_path / name, SIDE), own, err_msg=name)
        (tmp_path / name).unlink()
    np.testing.assert_array_equal(read_image(content, SIDE), own)


def test_every_format_that_is_read_is_in_the_sweep() -> None:
    assert {found.name for kind in ENCODERS if (found := sniff(encoded(kind)))} == set(READ)


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """The box that begins HEIC, AVIF and video files."""
    brands = major + bytes(4) + b"".join(compatible)
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(ORIGINAL).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (ftyp(b"heic", b"mif1"), "HEIC"),
        (ftyp(b"mif1", b"heic"), "HEIC"),
        (ftyp(b"mif1", b"avif"), "AVIF"),
        (ftyp(b"avif", b"mif1"), "AVIF"),
        (ftyp(b"crx ", b"crx "), "camera raw"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(50), "camera raw"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"8BPS\0\1" + bytes(50), "Photoshop"),
        (bytes(128) + b"DICM" + bytes(50), "DICOM"),
        (b"ZISRAWFILE" + bytes(50), "Zeiss CZI"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"BMI,age,label\n22,40,healthy\n", None),
        (b"IImage list\n", None),
        (b"MM units\n", None),
        (ftyp(b"isom", b"mp41"), None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_formats_are_told_by_their_first_bytes(content: bytes, named: str | None) -> None:
    found = sniff(content)
    assert (found.name if found else None) == named


def tiff() -> bytes:
    return encoded("TIFF")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("phone.heic", ftyp(b"heic"), "does not read HEIC: convert it to PNG"),
        ("phone.jpg", ftyp(b"heic"), "does not read HEIC: convert it to PNG"),
        ("moving.gif", gif(), "does not read GIF: .* 256 colours"),
        ("slide.svs", tiff(), "does not read whole-slide scans: export a field of view"),
        ("slide.ndpi", tiff(), "whole-slide"),
        ("slide.mrxs", encoded("JPEG"), "whole-slide"),
        ("camera.nef", tiff(), "camera raw: develop it"),
        ("camera.DNG", tiff(), "camera raw: develop it"),
        ("stack.czi", b"ZISRAWFILE", "Zeiss CZI: export the field of view"),
        ("stack.lif", b"whatever", "Leica LIF: export the field of view"),
        ("layers.psd", b"8BPS", "Photoshop: save it as PNG or TIFF, flattened"),
        ("series.dcm", bytes(128) + b"DICM", "DICOM: export the frame"),
        ("old.ppm", b"P6 1 1 255 abc", "Netpbm: save the picture as PNG or TIFF"),
        ("text.png", b"text", r"not an image that edgeall reads \(JPEG, PNG, BMP, TIFF, WebP, AVIF, JPEG 2000\)"),
        ("empty.png", b"", "the file is empty"),
    ],
)  # fmt: skip
def test_what_is_not_read_says_what_to_do(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_image(tmp_path / name, SIDE)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["lossless WebP", "AVIF", "JPEG 2000"])
def test_a_pillow_without_a_codec_says_so(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {format.codec for format in FORMATS if format.codec}
    check = features.check
    monkeypatch.setattr(formats.features, "check", lambda name: name not in lacking and check(name))
    with pytest.raises(ImageError, match=r"the installed Pillow .* cannot read .*pip install -U pillow"):
        read_image(encoded(kind), SIDE)
    read_image(encoded("PNG"), SIDE)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_an_animation_is_refused(format: str) -> None:
    first, buffer = Image.fromarray(ORIGINAL), io.BytesIO()
    first.save(buffer, format, save_all=True, append_images=[first.transpose(Image.Transpose.ROTATE_90)])
    with pytest.raises(ImageError, match="an animation of 2 pictures; save the one that counts as PNG"):
        read_image(buffer.getvalue(), SIDE)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7])
def test_a_truncated_file_is_refused_or_read_right(kind: str, kept: float) -> None:
    """JPEG 2000 is made to be cut; what its decoder accepts is then close to the whole."""
    content = encoded(kind)
    with contextlib.suppress(ImageError):
        image = read_image(content[: int(kept * len(content))], SIDE)
        assert np.abs(image.astype(int) - ORIGINAL).mean() <= 3


def test_pipes_sockets_and_devices_are_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
        (tmp_path / "device.jpg").symlink_to("/dev/zero")
        for name, kind in (("pipe.jpg", "a pipe"), ("socket.jpg", "a socket"), ("device.jpg", "a device")):
            with pytest.raises(ImageError, match=f"{name}: {kind}, not a regular file; name - for an image"):
                read_image(tmp_path / name, SIDE)
