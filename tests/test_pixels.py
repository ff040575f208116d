import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from edgeall.errors import ImageError
from edgeall.pixels import read_image, read_image_with_size, reading

RED, WHITE = (200, 30, 40), (255, 255, 255)

# Pillow says of damaged files what it makes of them; here they are damaged on purpose.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning"
)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def smooth(width: int = 80, height: int = 60) -> Image.Image:
    """A gradient with a colour of its own in each corner: survives JPEG, and shows how it was turned."""
    corners = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)


def reference(image: Image.Image, size: int) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), dtype=int)


@pytest.mark.parametrize(
    ("format", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_deflate"}, 0),
        ("TIFF", {"compression": "packbits"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 12),
        ("JPEG", {"quality": 95}, 8),
        ("JPEG", {"quality": 95, "progressive": True}, 8),
        ("JPEG", {"quality": 95, "subsampling": 0}, 6),
    ],
)
def test_every_format_gives_the_same_pixels(format: str, options: dict, tolerance: int) -> None:
    pixels = read_image(encoded(smooth(), format, **options), 32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - reference(smooth(), 32)).max() <= tolerance


def test_a_large_jpeg_decoded_at_a_smaller_scale_is_close_to_a_full_decode() -> None:
    large = smooth(1200, 900)
    pixels = read_image(encoded(large, "JPEG", quality=95), 64)
    assert np.abs(pixels - reference(large, 64)).mean() < 1.0


def test_the_size_told_is_that_of_the_file_and_not_of_the_decode() -> None:
    pixels, size = read_image_with_size(encoded(smooth(1200, 900), "JPEG"), 32)
    assert size == (1200, 900)
    assert pixels.shape == (32, 32, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "stored_as"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_every_exif_orientation_is_set_upright(
    format: str, orientation: int, stored_as: Image.Transpose | None
) -> None:
    stored = smooth() if stored_as is None else smooth().transpose(stored_as)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if format == "JPEG" else {}
    pixels = read_image(encoded(stored, format, exif=exif.tobytes(), **options), 32)
    assert np.abs(pixels.astype(int) - reference(smooth(), 32)).max() <= 10


def test_damaged_exif_spoils_no_picture() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    whole = encoded(smooth(), "JPEG", exif=exif.tobytes(), quality=95)
    start = whole.index(b"Exif\x00\x00") + 6
    for position in range(start, start + len(exif.tobytes()) - 6):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        assert read_image(bytes(damaged), 16).shape == (16, 16, 3)


def flat(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (20, 20), colour)


def half_clear(mode: str, colour: tuple[int, ...]) -> Image.Image:
    """White with its left half transparent and of another colour: white on white."""
    image = Image.new(mode, (20, 20), "white")
    image.paste((*colour, 0), (0, 0, 10, 20))
    return image


def palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, *RED])
    if transparent:
        image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("image", "format", "expected"),
    [
        (flat("L", 77), "PNG", (77, 77, 77)),
        (flat("L", 77), "JPEG", (77, 77, 77)),
        (flat("1", 1), "PNG", WHITE),
        (flat("1", 0), "TIFF", (0, 0, 0)),
        (flat("1", 1), "BMP", WHITE),
        (palette(False), "PNG", RED),
        (palette(False), "BMP", RED),
        (palette(False), "TIFF", RED),
        (palette(True), "PNG", WHITE),
        (flat("RGBA", (*RED, 255)), "PNG", RED),
        (half_clear("RGBA", RED), "PNG", WHITE),
        (flat("RGBA", (0, 0, 0, 51)), "PNG", (204, 204, 204)),
        (half_clear("RGBA", RED), "TIFF", WHITE),
        (flat("LA", (0, 51)), "PNG", (204, 204, 204)),
        (flat("CMYK", (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (flat("CMYK", (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (flat("YCbCr", (128, 128, 128)), "TIFF", (128, 128, 128)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb_and_transparency_becomes_an_empty_slide(
    image: Image.Image, format: str, expected: tuple[int, int, int]
) -> None:
    options = {"quality": 100} if format == "JPEG" else {}
    pixels = read_image(encoded(image, format, **options), 8)
    assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_grey_and_palette_entries_marked_transparent_are_laid_on_white() -> None:
    assert read_image(encoded(flat("L", 7), "PNG", transparency=7), 4).min() == 255
    assert read_image(encoded(flat("RGB", RED), "PNG", transparency=RED), 4).min() == 255


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(format: str) -> None:
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 64, axis=0)
    pixels = read_image(encoded(Image.fromarray(ramp), format), 64)
    assert np.abs(pixels[..., 0].astype(int) - np.round(ramp / 257)).max() <= 1
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_bytes_in_a_sixteen_bit_file_are_bytes() -> None:
    values = np.full((8, 8), 200, dtype=np.uint16)
    assert (read_image(encoded(Image.fromarray(values), "TIFF"), 8) == 200).all()


@pytest.mark.parametrize(("value", "expected"), [(0.5, 128), (128.0, 128), (32768.0, 128), (float("nan"), 0)])
def test_floats_are_scaled_by_the_range_they_fit(value: float, expected: int) -> None:
    values = np.full((8, 8), value, dtype=np.float32)
    assert (read_image(encoded(Image.fromarray(values), "TIFF"), 8) == expected).all()


def png(width: int, height: int, bit_depth: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG made by hand, for what Pillow does not write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("colour_type", "samples", "expected"),
    [
        (2, (0x8000, 0x4000, 0xFF00), (128, 64, 255)),
        (6, (0x8000, 0x4000, 0xFF00, 0xFFFF), (128, 64, 255)),
        (6, (0x8000, 0x4000, 0xFF00, 0), (128, 64, 255)),
        (4, (0x4000, 0xFFFF), (64, 64, 64)),
    ],
)
def test_sixteen_bit_colour_is_rounded_to_bytes_and_opacity_of_zero_everywhere_is_unused(
    colour_type: int, samples: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    row = b"\0" + b"".join(struct.pack(">H", sample) for sample in samples) * 4
    pixels = read_image(png(4, 4, 16, colour_type, row * 4), 4)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_a_tiff_of_several_pages_gives_its_first() -> None:
    pages = encoded(flat("RGB", RED), "TIFF", save_all=True, append_images=[flat("RGB", WHITE)])
    assert (read_image(pages, 4) == RED).all()


def test_paths_bytes_and_open_files_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(encoded(smooth(), "PNG"))
    whole = read_image(path, 16)
    assert (read_image(str(path), 16) == whole).all()
    assert (read_image(path.read_bytes(), 16) == whole).all()
    with path.open("rb") as file:
        assert (read_image(file, 16) == whole).all()
        assert not file.closed


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_refused(format: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
    whole = encoded(noise, format)
    with pytest.raises(ImageError, match="the image: "):
        read_image(whole[: int(kept * len(whole))], 32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the image: not an image: the file is empty"),
        (b"GIF89a" + bytes(50), "edgeall does not read GIF"),
        (b"plain text", "not an image that edgeall reads"),
        (encoded(flat("P", 0), "GIF"), "edgeall does not read GIF"),
        (png(20_000, 20_000, 8, 2, b""), "more than the 100000000 that edgeall reads; scale the image down"),
        (png(10_001, 10_000, 8, 2, b""), "its 10001 x 10000 pixels are more than the 100000000"),
        (png(0, 4, 8, 2, b""), "the image: "),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_image(content, 16)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "step", ["PIL.ImageFile.ImageFile.load", "PIL.Image.Image.getexif", "PIL.ImageCms.buildTransform"]
)
def test_a_lack_of_memory_is_told_as_such_and_not_as_a_fault_of_the_picture(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With these bytes at its end, the profile is one that was not converted before.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + step.encode()
    content = encoded(smooth(), "JPEG", icc_profile=profile)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as without_memory:
        without_memory.setattr(step, fail)
        with pytest.raises(MemoryError):
            read_image(content, 32)
    assert read_image(content, 32).shape == (32, 32, 3)


def test_the_limit_of_pixels_can_be_lowered() -> None:
    with pytest.raises(ImageError, match="80 x 60 pixels are more than the 100 "):
        read_image(encoded(smooth(), "PNG"), 16, max_pixels=100)


def test_a_path_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(ImageError, match=rf"{path}: cannot be read \((No such file|Is a) "):
            read_image(path, 16)


_TURNED = Image.Exif()
_TURNED[0x0112] = 6
_WHOLE = [
    encoded(smooth(), "JPEG", exif=_TURNED.tobytes()),
    encoded(smooth().convert("CMYK"), "JPEG"),
    *(encoded(smooth().convert(mode), "PNG") for mode in ("RGB", "RGBA", "P", "L", "1")),
    encoded(Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)), "PNG"),
    encoded(smooth(), "BMP"),
    encoded(smooth().convert("P"), "BMP"),
    *(encoded(smooth(), "TIFF", compression=kind) for kind in (None, "tiff_lzw", "jpeg")),
    encoded(Image.fromarray(np.ones((9, 9), dtype=np.float32)), "TIFF"),
]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_image_errors(content: bytes) -> None:
    with pytest.raises(ImageError):
        read_image(content, 8)


@given(
    whole=st.sampled_from(_WHOLE),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    near_start=st.booleans(),
    kept=st.floats(0, 1),
)
@settings(max_examples=400, deadline=None)
def test_damaged_images_are_read_or_raise_nothing_but_image_errors(
    whole: bytes, damage: list[tuple[float, int]], near_start: bool, kept: float
) -> None:
    content = bytearray(whole)
    reach = min(len(content), 100) if near_start else len(content)
    for place, byte in damage:
        content[int(place * reach)] = byte
    with suppress(ImageError):
        assert read_image(bytes(content[: int(len(content) * max(kept, 0.3))]), 8).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("name", "options"), [("a.png", {}), ("b.tif", {"compression": "jpeg"}), ("c.bmp", {})]
)
def test_large_pictures_are_decoded_one_at_a_time(
    name: str, options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that each decoded one would need four bytes a pixel for each thread."""
    Image.new("RGB", (60, 50), (200, 10, 60)).save(tmp_path / name, **options)
    alone: list[bool] = []
    load = ImageFile.ImageFile.load

    def watched(image: ImageFile.ImageFile) -> object:
        alone.append(reading._LARGE.locked())
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    read_image(tmp_path / name, 16)
    assert not any(alone)
    monkeypatch.setattr(reading, "WHOLE", 2999)
    alone.clear()
    read_image(tmp_path / name, 16)
    assert alone[0]
    assert not reading._LARGE.locked()


def test_libtiff_prints_nothing_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(encoded(smooth(), "TIFF", compression="tiff_adobe_deflate"))
    content[200:1200] = bytes(1000)
    with pytest.raises(ImageError):
        read_image(bytes(content), 16)
    assert capfd.readouterr() == ("", "")
