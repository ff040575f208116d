"""PNG, BMP and TIFF files with transparency, a transparent colour, an orientation, or odd layouts."""

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from smear_files import HEIGHT, WIDTH, error, read, smear
from tiff_files import Page, tiff

from edgeall.errors import ImageError
from edgeall.pixels.raster import UNUSED_ALPHA

RGB = smear()
GREY = RGB[..., 1:2]
FADE = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))[..., None]
ON_WHITE = np.rint(255 + (RGB.astype(float) - 255) * (FADE / 255)).astype(np.uint8)

# PNG specification, section 11.2.1: samples of each colour type.
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def filtered(rows: np.ndarray, pixel: int) -> bytes:
    """Rows of bytes (rows, bytes), each with another of PNG's five filters (section 9.2)."""
    out = b""
    padded = np.pad(rows.astype(int), ((1, 0), (pixel, 0)))
    for y, row in enumerate(padded[1:], start=1):
        x, left, up, corner = row[pixel:], row[:-pixel], padded[y - 1, pixel:], padded[y - 1, :-pixel]
        guess = left + up - corner
        near = [np.abs(guess - left), np.abs(guess - up), np.abs(guess - corner)]
        paeth = np.where(
            (near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner)
        )
        kind = y % 5
        out += (
            bytes([kind])
            + ((x - (0 * x, left, up, (left + up) // 2, paeth)[kind]) % 256).astype(np.uint8).tobytes()
        )
    return out


def png(values: np.ndarray, colour_type: int, bits: int, interlaced: bool = False, **chunks: bytes) -> bytes:
    """A PNG of values (height, width, samples)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def rows(part: np.ndarray) -> bytes:
        each = (part.astype(int).reshape(len(part), -1, 1) >> np.arange(bits - 1, -1, -1)) & 1
        packed = np.packbits(each.reshape(len(part), -1).astype(np.uint8), axis=1)
        return filtered(packed, max(1, bits * SAMPLES[colour_type] // 8))

    parts = [values[y::down, x::across] for y, x, down, across in PASSES] if interlaced else [values]
    content = zlib.compress(b"".join(rows(part) for part in parts if part.size))
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour_type, 0, 0, interlaced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunk(kind.encode(), body) for kind, body in chunks.items())
        + chunk(b"IDAT", content[:100])
        + chunk(b"IDAT", content[100:])
        + chunk(b"IEND", b"")
    )


def deepened(picture: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(picture * ((2**bits - 1) / 255)).astype(np.uint16)


def as_bytes(values: np.ndarray, bits: int) -> np.ndarray:
    shown = np.rint(values * (255 / (2**bits - 1))).astype(np.uint8)
    return shown[..., 0] if shown.shape[2] == 1 else shown


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour_type", "bits"),
    [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)],
)
def test_every_png_holds_its_picture(colour_type: int, bits: int, interlaced: bool) -> None:
    colours = GREY if colour_type in (0, 4) else RGB
    opaque = np.full_like(GREY, 255)
    values = deepened(np.dstack([colours, opaque]) if colour_type in (4, 6) else colours, bits)
    found = read(png(values, colour_type, bits, interlaced))
    assert error(found, as_bytes(deepened(colours, bits), bits)) <= 1
    assert found.notes == ()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_a_camera_s_bits_in_a_16_bit_png_have_one_scale_for_grey_and_colour(
    bits: int, colour_type: int, interlaced: bool
) -> None:
    colours = deepened(GREY if colour_type in (0, 4) else RGB, bits)
    opaque = np.full_like(colours[..., :1], 65535)
    values = np.dstack([colours, opaque]) if colour_type in (4, 6) else colours
    found = read(png(values, colour_type, 16, interlaced))
    assert error(found, as_bytes(colours, bits)) <= 1
    assert found.notes == (f"values end at {colours.max()}: taken as {bits} of 16 bits",)


def test_significant_bits_of_png_widen_the_scale() -> None:
    found = read(png(RGB.astype(np.uint16) * 3, 2, 16, sBIT=b"\x0c\x0c\x0c"))
    assert error(found, np.rint(RGB * (3 * 255 / 4095)).astype(np.uint8)) <= 1
    assert found.notes == ("values end at 750: taken as 12 of 16 bits, as the file declares",)


@pytest.mark.parametrize(("colour_type", "bits"), [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)])
def test_the_transparent_colour_of_a_png_is_laid_on_white(colour_type: int, bits: int) -> None:
    values = deepened(GREY if colour_type == 0 else RGB, bits)
    clear = values[10, 12]
    shown = as_bytes(values, bits).copy()
    shown[(values == clear).all(axis=2)] = 255
    content = png(values, colour_type, bits, tRNS=struct.pack(f">{len(clear)}H", *clear))
    assert error(read(content), shown) <= 1


def test_a_16_bit_png_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.rot90(deepened(RGB, 16), 1)
    content = png(stored, 2, 16, eXIf=exif.tobytes().removeprefix(b"Exif\0\0"))
    assert error(read(content), RGB) <= 1


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_truncated_or_damaged_16_bit_png_is_refused(kept: float, interlaced: bool) -> None:
    whole = png(np.random.default_rng(0).integers(0, 65536, (60, 80, 3)), 2, 16, interlaced)
    with pytest.raises(ImageError, match="damaged or ends early; copy it again"):
        read(whole[: int(kept * len(whole))])
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    with pytest.raises(ImageError, match="damaged or ends early; copy it again"):
        read(bytes(damaged))


def bmp(
    pixels: bytes, bits: int, masks: tuple[int, ...] = (), top_down: bool = False, compression: int = 0
) -> bytes:
    """A BMP with a header of version 5, or of version 3 without masks."""
    size = 124 if masks else 40
    height = -HEIGHT if top_down else HEIGHT
    header = struct.pack("<IiiHHIIiiII", size, WIDTH, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    header += struct.pack("<4I", *masks) + b"BGRs"[::-1] + bytes(64) if masks else b""
    header = header.ljust(size, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + size + len(pixels), 0, 0, 14 + size) + header + pixels


def bgra(alpha: int) -> bytes:
    return np.dstack([RGB[..., ::-1], np.full_like(GREY, alpha)])[::-1].tobytes()


MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize("compression", [0, 3])
@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bmp_with_an_unused_or_full_alpha_channel_is_its_picture(alpha: int, compression: int) -> None:
    found = read(bmp(bgra(alpha), 32, MASKS, compression=compression))
    assert error(found, RGB) == 0


def test_a_bmp_whose_first_row_is_on_top_is_not_turned() -> None:
    rows = np.pad(RGB[..., ::-1].reshape(HEIGHT, -1), ((0, 0), (0, -3 * WIDTH % 4)))
    assert error(read(bmp(rows.tobytes(), 24, top_down=True)), RGB) == 0


@pytest.mark.parametrize(
    "masks", [(0x7C00, 0x3E0, 0x1F, 0), (0xF800, 0x7E0, 0x1F, 0)], ids=["5-5-5 bits", "5-6-5 bits"]
)
def test_a_bmp_of_16_bits_a_pixel_is_its_picture(masks: tuple[int, ...]) -> None:
    pixel = np.zeros((HEIGHT, WIDTH), np.uint16)
    shown = np.empty_like(RGB)
    for channel, mask in enumerate(masks[:3]):
        low = (mask & -mask).bit_length() - 1
        most = mask >> low
        part = np.rint(RGB[..., channel] * (most / 255)).astype(np.uint16)
        pixel |= part << low
        shown[..., channel] = np.rint(part * (255 / most))
    rows = np.pad(pixel[::-1], ((0, 0), (0, WIDTH % 2)))
    assert error(read(bmp(rows.tobytes(), 16, masks, compression=3)), shown) <= 1


def test_a_run_length_encoded_bmp_is_its_picture() -> None:
    # Runs of one pixel each, then the end of the line; the palette is grey.
    lines = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in GREY[::-1, :, 0]) + b"\0\1"
    palette = b"".join(bytes([v, v, v, 0]) for v in range(256))
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 8, 1, len(lines), 0, 0, 256, 0)
    start = 14 + 40 + len(palette)
    content = b"BM" + struct.pack("<IHHI", start + len(lines), 0, 0, start) + header + palette + lines
    assert error(read(content), GREY[..., 0]) == 0


def saved(image: Image.Image, format: str) -> bytes:
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_channel_that_is_zero_everywhere_is_unused(format: str, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode[:-1]).convert(mode)
    image.putalpha(0)
    found = read(saved(image, format))
    assert error(found, np.asarray(Image.fromarray(RGB).convert(mode[:-1]))) == 0
    assert found.notes == (UNUSED_ALPHA,)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("kinds", "associated"), [([2], False), ([1], True), ([0, 2], False), ([1, 0], True), (None, False)]
)
def test_transparency_of_a_tiff_is_laid_on_white(
    bits: int, planar: bool, kinds: list[int] | None, associated: bool
) -> None:
    colours = np.rint(RGB * (FADE / 255)).astype(np.uint8) if associated else RGB
    other = np.full_like(GREY, 77)
    extra = [FADE if kind in (1, 2) else other for kind in kinds or [2]]
    values = deepened(np.dstack([colours, *extra]), bits).astype(np.uint8 if bits == 8 else np.uint16)
    tags = {} if kinds is None else {338: (3, kinds)}
    assert error(read(tiff(Page(values, 2, bits, planar=planar, tags=tags))), ON_WHITE) <= 2


def test_a_sample_of_unknown_meaning_is_ignored_and_told() -> None:
    found = read(tiff(Page(np.dstack([RGB, FADE]), 2, tags={338: (3, [0])})))
    assert error(found, RGB) == 0
    assert found.notes == ("each pixel's last 1 of 4 samples are ignored",)


HUGE_TILE = {322: (4, [65_520]), 323: (4, [65_520]), 324: (4, [8]), 325: (4, [99])}
HUGE_STRIP = {256: (4, [10_000]), 257: (4, [10_000]), 258: (3, [32]), 278: (4, [10_000])}
# ReferenceBlackWhite of YCbCr as video has it.
VIDEO = [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1]

STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_of_a_tiff_is_set_upright(orientation: int) -> None:
    tags = {274: (3, [orientation])}
    for bits, compression in itertools.product((8, 16), ("none", "deflate")):
        stored = deepened(STORED[orientation](RGB), bits).astype(np.uint8 if bits == 8 else np.uint16)
        found = read(tiff(Page(stored, 2, bits, compression, tags=tags)))
        assert error(found, RGB) <= 1
        assert found.size == stored.shape[1::-1]
    file = io.BytesIO()
    info = {274: orientation}
    Image.fromarray(np.ascontiguousarray(STORED[orientation](RGB))).save(
        file, "TIFF", compression="jpeg", quality=98, tiffinfo=info
    )
    assert np.abs(read(file.getvalue()).pixels.astype(int) - read(tiff(Page(RGB))).pixels).mean() < 4


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page(RGB, 8), "it holds CIELab colours; save it as 8-bit RGB TIFF or PNG"),
        (Page(GREY, 32803), "it holds a camera's raw colour mosaic; save"),
        (Page(GREY, 34892), "it holds a camera's raw values; save"),
        (Page(GREY, 777), r"colours of an unknown kind \(777\); save"),
        (Page(GREY, 1, tags={262: (3, [])}), r"does not state what its values mean \(no PhotometricInterpretation\)"),
        (Page(RGB, 6), "its colours .YCbCr. are stored at a lower resolution than its light"),
        (Page(RGB, 6, tags={530: (3, [1, 1]), 532: (5, VIDEO)}), "another scale"),
        (Page(np.dstack([RGB, GREY]), 5, tags={332: (3, [2])}), "its inks are others than cyan, magenta, yellow"),
        (Page(GREY, 2), "RGB of 1 samples a pixel"),
        (Page(GREY, 3), "a palette of 8-bit values"),
        (Page(GREY, 3, tags={320: (3, [0, 65535] * 3)}), "its palette has fewer colours than its pixels use"),
        (Page(np.dstack([GREY, FADE]), 1, tags={338: (3, [0])}), "its 2 samples a pixel are not declared red"),
        (Page(RGB, 2, tags={258: (3, [8, 8, 16])}), r"its samples have different kinds \(8, 8, 16 bits\)"),
        (Page(RGB, 2, tags={339: (3, [5] * 3)}), "its values are complex numbers"),
        (Page(RGB, 2, tags={258: (3, [24] * 3)}), r"its values have 24 bits \(unsigned\)"),
        (Page(RGB, 2, tags={259: (3, [50001])}), "its compression is WebP; save it uncompressed"),
        (Page(RGB, 2, tags={259: (3, [33005])}), "its compression is JPEG 2000; save it uncompressed"),
        (Page(RGB, 2, tags={259: (3, [6])}), "its compression is JPEG of the old style; save it uncompressed"),
        (Page(RGB, 2, tags={259: (3, [65000])}), r"its compression is unknown \(65000\)"),
        (Page(RGB, 2, 8, "deflate", tags={317: (3, [9])}), "predictor 9 of 8-bit values"),
        (Page(deepened(RGB, 16), 2, 16, tags={259: (3, [7])}), "JPEG compression of 16-bit RGB with 3 samples"),
        (Page(RGB, 2, tags={273: (4, [8, 9]), 278: (4, [5])}), "its TIFF directory has 2 blocks of the 6 it needs"),
        (Page(RGB, 2, tags={279: (4, [100])}), "it holds fewer values than its size needs; copy it again"),
        (Page(RGB, 2, tags={273: (4, [10**6])}), "the file ends early; copy it again"),
        (Page(RGB, 2, tags={256: (4, [0])}), "its TIFF directory has no size"),
        (Page(GREY, 1, tags=HUGE_TILE), "its tiles have 65520 x 65520 pixels, the picture 37 x 29"),
        (Page(GREY, 1, 8, "lzw", tags=HUGE_STRIP), "strips or tiles have 381 MiB; save it uncompressed, or in smaller"),
        (Page(GREY, 1, tags={277: (3, [400])}), "it has 400 samples a pixel"),
        (Page(GREY, 1, tags={256: (4, [70_000])}), "a side of more than 65535; crop it"),
    ],
)  # fmt: skip
def test_a_tiff_that_is_not_read_says_why(page: Page, reason: str) -> None:
    with pytest.raises(ImageError, match=f"^the image: .*{reason}") as caught:
        read(tiff(page))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"II*\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\0",
        b"II+\0\x08\0\0\0\xff\xff\xff\xff\0\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
    ],
)
def test_a_tiff_that_ends_early_is_refused(content: bytes) -> None:
    with pytest.raises(ImageError, match=r"^the image: (the file ends|a TIFF file without)"):
        read(content)


def test_a_tiff_whose_pages_go_round_in_a_circle_is_read() -> None:
    content = bytearray(tiff(Page(RGB)))
    first = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, first)[0]
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    assert error(read(bytes(content)), RGB) == 0
