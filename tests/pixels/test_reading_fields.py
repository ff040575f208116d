"""Whole pictures, upright and bounded, by the readers that also make squares."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from edgeall.errors import ImageError
from edgeall.pixels import read_field, read_image
from edgeall.pixels.bounded import Bounded, BoundedCanvas

RNG = np.random.default_rng(0)


def picture(width: int, height: int) -> np.ndarray:
    coarse = RNG.integers(0, 256, (height // 10 + 1, width // 10 + 1, 3), np.uint8)
    return coarse.repeat(10, axis=0).repeat(10, axis=1)[:height, :width]


def saved(pixels: np.ndarray, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def test_a_small_picture_is_read_as_it_is() -> None:
    pixels = picture(64, 48)
    field = read_field(saved(pixels), 100)
    assert np.array_equal(field.pixels, pixels)
    assert field.size == (64, 48)
    assert field.scale == (1, 1)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_a_large_picture_is_reduced_to_means_of_blocks(format: str) -> None:
    pixels = picture(300, 200)
    field = read_field(saved(pixels, format), 100)
    assert np.array_equal(field.pixels, np.asarray(Image.fromarray(pixels).reduce(3)))
    assert field.size == (300, 200)
    assert field.scale == pytest.approx((3, 200 / 67))


def test_a_jpeg_is_reduced_by_its_decoder_with_like_result() -> None:
    pixels = picture(400, 320)
    data = saved(pixels, "JPEG", quality=95, subsampling=0)
    field = read_field(data, 200)
    whole = np.asarray(Image.open(io.BytesIO(data)).reduce(2), int)
    assert field.pixels.shape == (160, 200, 3)
    assert field.size == (400, 320)
    assert np.abs(field.pixels - whole).mean() < 2


@pytest.mark.parametrize("longest", [400, 250, 200, 134, 133, 100, 80, 67, 50, 45, 25])
@pytest.mark.parametrize("size", [(400, 320), (401, 267), (399, 33), (97, 393)])
def test_a_jpeg_is_reduced_as_much_as_any_other_format(size: tuple[int, int], longest: int) -> None:
    pixels = picture(*size)
    jpeg = read_field(saved(pixels, "JPEG", quality=95, subsampling=0), longest)
    bmp = read_field(saved(pixels, "BMP"), longest)
    assert jpeg.pixels.shape == bmp.pixels.shape
    assert jpeg.scale == bmp.scale
    assert np.abs(jpeg.pixels.astype(int) - bmp.pixels).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_field_and_its_size_are_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = picture(90, 60)
    field = read_field(saved(pixels, exif=exif), 45)
    swapped = orientation >= 5
    assert field.size == ((60, 90) if swapped else (90, 60))
    assert field.pixels.shape[:2] == ((45, 30) if swapped else (30, 45))
    square = read_image(saved(pixels, exif=exif), 30)
    same = np.asarray(Image.fromarray(field.pixels).resize((30, 30), Image.Resampling.BILINEAR), int)
    assert np.abs(same - square).mean() < 12


def test_16_bits_and_grey_become_rgb_bytes(tmp_path: Path) -> None:
    deep = (picture(40, 30)[..., 0].astype(np.uint16) * 257)[..., None].repeat(3, 2)
    Image.fromarray(deep[..., 0]).save(tmp_path / "deep.png")
    field = read_field(tmp_path / "deep.png", 40)
    assert np.array_equal(field.pixels, (deep // 257).astype(np.uint8))


def test_colour_profiles_are_applied_as_to_squares() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    field = read_field(saved(picture(40, 30), icc_profile=profile), 40)
    assert "profile" in field.notes[0]


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 50])
def test_bands_give_the_same_picture_as_the_whole(rows: int) -> None:
    image = Image.fromarray(picture(70, 50))
    whole = BoundedCanvas(image.size, None, Bounded(24))
    whole.add(image)
    bands = BoundedCanvas(image.size, None, Bounded(24))
    for top in range(0, 50, rows):
        bands.add(image.crop((0, top, 70, min(50, top + rows))))
    assert bands.finished().tobytes() == whole.finished().tobytes() == image.reduce(3).tobytes()


def test_what_is_no_image_is_an_error() -> None:
    with pytest.raises(ImageError):
        read_field(b"no image", 100)
    with pytest.raises(ImageError, match="more than the 100 that edgeall reads"):
        read_field(saved(picture(64, 48)), 100, max_pixels=100)
