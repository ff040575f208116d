"""ICC profiles are followed to sRGB: judged by the published formulas of the colour spaces, in NumPy."""

import io
import re
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from edgeall.pixels import Resize, colour, read_image, read_picture

Floats = npt.NDArray[np.float64]
Curve = Callable[[Floats], Floats]

D50 = np.array([0.9642, 1.0, 0.8249])
"""White of the profile connection space (ISO 15076-1, 7.2.16)."""

# CIE xy of red, green, blue, white. sRGB: IEC 61966-2-1. Adobe RGB (1998) 4.3.1. Display P3: SMPTE EG 432-1 with D65.
D65 = (0.3127, 0.3290)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65)
ADOBE_GAMMA = 2.19921875

SIDE = 48
_Y, _X = np.mgrid[:SIDE, :SIDE]
SMEAR = np.dstack([150 + _X, 120 + _Y, 160 + (_X + _Y) // 2]).astype(np.uint8)
SMEAR[12:32, 16:36] = (96, 60, 150)


def xyz(place: tuple[float, float]) -> Floats:
    x, y = place
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_xyz(space: tuple[tuple[float, float], ...]) -> Floats:
    """Matrix from linear RGB to CIE XYZ under the space's own white."""
    primaries = np.stack([xyz(place) for place in space[:3]], axis=1)
    return primaries * np.linalg.solve(primaries, xyz(space[3]))


def adapted(space: tuple[tuple[float, float], ...]) -> Floats:
    """The same under D50, by Bradford's adaptation (ISO 15076-1, annex E)."""
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = (cone @ D50) / (cone @ xyz(space[3]))
    return np.asarray(np.linalg.inv(cone) @ np.diag(scale) @ cone @ to_xyz(space))


def srgb_curve(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_encoded(linear: Floats) -> Floats:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def gamma(power: float) -> Curve:
    return lambda values: values**power


def in_srgb(image: npt.NDArray[np.uint8], space: tuple[tuple[float, float], ...], curve: Curve) -> Floats:
    """The right answer: bytes of another space as sRGB, 0 to 255. Both spaces have the same white, D65."""
    linear = curve(image / 255.0) @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(space)).T
    return np.asarray(255 * srgb_encoded(linear))


def _number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def profile(kind: bytes, tags: dict[bytes, bytes], space: bytes = b"RGB ", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2.4, with the given tags."""
    head = bytearray(128)
    head[8:12] = b"\x02\x40\0\0"
    head[12:24] = kind + space + pcs
    head[36:40] = b"acsp"
    head[68:80] = b"".join(map(_number, D50))
    start, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head[0:4] = struct.pack(">I", start + len(body))
    return bytes(head) + table + body


def curve_tag(curve: Curve) -> bytes:
    points = np.round(65535 * curve(np.linspace(0, 1, 1024))).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(points)) + points.tobytes()


def rgb_profile(space: tuple[tuple[float, float], ...], curve: Curve) -> bytes:
    columns = adapted(space).T
    points = [b"XYZ \0\0\0\0" + b"".join(map(_number, column)) for column in (*columns, D50)]
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt")
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve_tag(curve))
    return profile(b"mntr", dict(zip(names, points, strict=True)) | curves)


def grey_profile(curve: Curve) -> bytes:
    white = b"XYZ \0\0\0\0" + b"".join(map(_number, D50))
    return profile(b"mntr", {b"wtpt": white, b"kTRC": curve_tag(curve)}, b"GRAY")


def cmyk_profile() -> bytes:
    """A press on which inks add up in CIE Lab: K alone goes straight from L* 100 to 0; an 8-bit table of 2 steps."""
    inks = np.array([[-40, -35, -50], [-45, 75, -5], [-10, -5, 90], [-100, 0, 0]])  # L*, a*, b* of C, M, Y, K
    corners = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lab = np.array([100, 0, 0]) + corners @ inks
    table = np.stack([np.clip(lab[:, 0], 0, 100) * 2.55, *(np.clip(lab[:, 1:], -128, 127) + 128).T], axis=-1)
    identity = b"".join(map(_number, np.eye(3).ravel()))
    straight = bytes(range(256))
    content = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + straight * 4
    content += np.round(table).astype(np.uint8).tobytes() + straight * 3
    white = b"XYZ \0\0\0\0" + b"".join(map(_number, D50))
    return profile(b"prtr", {b"wtpt": white, b"A2B0": content}, b"CMYK", b"Lab ")


def saved(image: Image.Image, icc: bytes | None, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, icc_profile=icc, **options)
    return buffer.getvalue()


SPACES = {
    "Adobe RGB": (ADOBE, gamma(ADOBE_GAMMA)),
    "Display P3": (P3, srgb_curve),
    "sRGB primaries, gamma 1.8": (SRGB, gamma(1.8)),
}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_a_profile_is_followed_to_srgb(space: str, format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    picture = read_picture(
        saved(Image.fromarray(SMEAR), rgb_profile(*SPACES[space]), format, **options), SIDE
    )
    right = in_srgb(SMEAR, *SPACES[space])
    assert np.abs(SMEAR - right).mean() > 2
    assert np.abs(picture.pixels - right).max() <= 1.5
    assert picture.notes == ()


@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
def test_a_profile_is_followed_in_lossy_formats(format: str) -> None:
    smooth = np.dstack([150 + _X, 120 + _Y, 160 + (_X + _Y) // 2]).astype(np.uint8)
    content = saved(
        Image.fromarray(smooth), rgb_profile(*SPACES["Adobe RGB"]), format, quality=98, subsampling="4:4:4"
    )
    assert np.abs(read_image(content, SIDE) - in_srgb(smooth, *SPACES["Adobe RGB"])).mean() <= 1.5


def in_jpeg2000(image: Image.Image, icc: bytes) -> bytes:
    """A JPEG 2000 file with a profile: the one that Pillow writes, its colour specification put in another's place."""
    plain = saved(image, None, "JPEG2000")
    header, enumerated = plain.index(b"jp2h") - 4, plain.index(b"colr") - 4
    length = struct.unpack_from(">I", plain, enumerated)[0]
    colr = struct.pack(">I4s3B", 11 + len(icc), b"colr", 2, 0, 0) + icc
    whole = struct.unpack_from(">I", plain, header)[0] - length + len(colr)
    before, after = plain[header + 4 : enumerated], plain[enumerated + length :]
    return plain[:header] + struct.pack(">I", whole) + before + colr + after


def test_a_profile_is_followed_in_jpeg_2000(tmp_path: Path) -> None:
    space = SPACES["Adobe RGB"]
    content = in_jpeg2000(Image.fromarray(SMEAR), rgb_profile(*space))
    (tmp_path / "a.jp2").write_bytes(content)
    for source in (content, tmp_path / "a.jp2", io.BytesIO(content)):
        assert np.abs(read_image(source, SIDE) - in_srgb(SMEAR, *space)).max() <= 1.5
    damaged = read_picture(in_jpeg2000(Image.fromarray(SMEAR), b"damaged"), SIDE)
    assert damaged.notes == (colour.DAMAGED,)
    np.testing.assert_array_equal(damaged.pixels, SMEAR)


@pytest.mark.parametrize("fit", ["stretch", "crop", "letterbox"])
def test_converting_after_resizing_is_as_good_as_before(fit: str) -> None:
    space = SPACES["Adobe RGB"]
    wide = np.repeat(SMEAR, 3, axis=1)
    to = Resize(24, fit)  # type: ignore[arg-type]
    before = Image.fromarray(np.round(in_srgb(wide, *space)).astype(np.uint8))
    found = read_image(saved(Image.fromarray(wide), rgb_profile(*space)), to)
    difference = np.abs(found.astype(int) - read_image(saved(before, None), to))
    # Where a letterbox's black border meets the picture, the two orders mix other numbers.
    assert difference.mean() <= (1 if fit == "letterbox" else 0.5)
    assert difference.max() <= (60 if fit == "letterbox" else 4)


@pytest.mark.parametrize(
    "icc",
    [
        None,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        rgb_profile(SRGB, srgb_curve),
    ],
)
def test_srgb_under_any_name_leaves_every_byte_as_it_is(icc: bytes | None) -> None:
    picture = read_picture(saved(Image.fromarray(SMEAR), icc), SIDE)
    np.testing.assert_array_equal(picture.pixels, SMEAR)
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile_is_followed(mode: str) -> None:
    grey = SMEAR[..., 1]
    image = Image.fromarray(grey.astype(np.uint16) * 257 if mode == "I;16" else grey)
    if mode == "LA":
        image.putalpha(255)
    right = 255 * srgb_encoded((grey / 255.0) ** 1.8)
    found = read_image(saved(image, grey_profile(gamma(1.8))), SIDE)
    assert np.abs(found - right[..., None]).max() <= 1.5


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_a_press_profile_is_followed(format: str) -> None:
    """Judged along K, where L* = 100 - K and CIE 15's formula gives the luminance."""
    ink = np.zeros((SIDE, SIDE, 4), np.uint8)
    ink[..., 3] = 4 * _X
    lightness = 100 * (1 - ink[..., 3] / 255.0)
    luminance = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    options = {"quality": 98} if format == "JPEG" else {}
    content = saved(Image.fromarray(ink, "CMYK"), cmyk_profile(), format, **options)
    found = read_image(content, SIDE)
    assert np.abs(found - 255 * srgb_encoded(luminance)[..., None]).max() <= 3
    assert np.abs(found - (255.0 - ink[..., 3:])).max() > 3


def test_a_grey_picture_with_a_profile_of_colours_is_read_by_it() -> None:
    grey = SMEAR[..., 1]
    space = SPACES["Adobe RGB"]
    found = read_image(saved(Image.fromarray(grey), rgb_profile(*space)), SIDE)
    assert np.abs(found - in_srgb(np.dstack([grey] * 3), *space)).max() <= 1.5


def test_transparency_is_laid_on_white_of_any_space() -> None:
    image = Image.fromarray(SMEAR).convert("RGBA")
    opaque = np.zeros((SIDE, SIDE), np.uint8)
    opaque[:, :8] = 255
    image.putalpha(Image.fromarray(opaque))
    found = read_image(saved(image, rgb_profile(*SPACES["Adobe RGB"])), SIDE)
    assert found[:, 8:].min() == 255
    assert np.abs(found[:, :8] - in_srgb(SMEAR, *SPACES["Adobe RGB"])[:, :8]).max() <= 1.5


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_a_profile_is_followed_at_16_bits(format: str) -> None:
    """A grey PNG and TIFF of 16 bits, decoded apart from those of 8."""
    grey = SMEAR[..., 1]
    image = Image.fromarray(grey.astype(np.uint16) * 257)
    found = read_image(saved(image, grey_profile(gamma(1.8)), format), SIDE)
    assert np.abs(found - 255 * srgb_encoded((grey / 255.0) ** 1.8)[..., None]).max() <= 1.5


ADOBE_PROFILE = rgb_profile(*SPACES["Adobe RGB"])


@pytest.mark.parametrize(
    ("icc", "mode", "note"),
    [
        (b"no profile at all", "RGB", "damaged"),
        (ADOBE_PROFILE[:200], "RGB", "damaged"),
        (profile(b"mntr", {}), "RGB", "damaged"),
        (profile(b"link", {}), "RGB", "damaged"),
        (grey_profile(gamma(1.8)), "RGB", r"for other pictures \(GRAY\)"),
        (profile(b"prtr", {}, b"CMYK"), "RGB", r"for other pictures \(CMYK\)"),
        (ADOBE_PROFILE, "CMYK", r"for other pictures \(RGB\)"),
        (ADOBE_PROFILE + bytes(colour.MAX_PROFILE_BYTES), "RGB", "more than 4 MiB"),
    ],
)
def test_a_profile_that_cannot_be_followed_is_ignored_and_said(icc: bytes, mode: str, note: str) -> None:
    image = Image.fromarray(SMEAR).convert(mode)
    plain = read_picture(saved(image, None, "TIFF"), SIDE)
    picture = read_picture(saved(image, icc, "TIFF"), SIDE)
    np.testing.assert_array_equal(picture.pixels, plain.pixels)
    (said,) = picture.notes
    assert said.startswith("its colour profile")
    assert "ignored" in said
    assert re.search(note, said)


def test_without_littlecms_a_profile_is_ignored_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    colour._transform.cache_clear()

    def missing(*_: object) -> None:
        raise ImportError

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", missing)
    picture = read_picture(saved(Image.fromarray(SMEAR), ADOBE_PROFILE), SIDE)
    colour._transform.cache_clear()
    np.testing.assert_array_equal(picture.pixels, SMEAR)
    assert picture.notes == (colour.NO_LITTLECMS,)


def test_threads_share_a_conversion() -> None:
    content = saved(Image.fromarray(SMEAR), ADOBE_PROFILE)
    alone = read_image(content, SIDE)
    with ThreadPoolExecutor(4) as pool:
        for image in pool.map(lambda _: read_image(content, SIDE), range(64)):
            np.testing.assert_array_equal(image, alone)
