"""Mild shifts: the bytes that they have always given, what stays the same, and the formula of each."""

import hashlib

import numpy as np
import pytest

from edgeall.shifts.changes import GIEMSA_EOSIN, METHYLENE_BLUE, blur, enlarge
from edgeall.shifts.mild import BLUER, FOR_DOMAIN, FOR_EXPORT, MAGNIFICATION

SIZE = 64


@pytest.fixture
def image():
    """Dark discs on a bright field, (64, 64, 3) uint8."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = ((rows % 32 - 16) ** 2 + (columns % 32 - 16) ** 2 < 100)[..., None]
    noise = np.random.default_rng(0).integers(-8, 9, (SIZE, SIZE, 3))
    return (np.where(inside, (110, 60, 140), (230, 210, 220)) + noise).astype(np.uint8)


@pytest.mark.parametrize("name", FOR_EXPORT)
def test_each_shift_changes_a_copy_a_little(name, image):
    image.flags.writeable = False
    shifted = FOR_EXPORT[name](image)
    assert shifted.shape == image.shape
    assert shifted.dtype == np.uint8
    assert np.array_equal(shifted, FOR_EXPORT[name](image))
    assert 0.5 < np.abs(shifted.astype(int) - image).mean() < 70


@pytest.mark.parametrize("name", ["stain", "blur", "scale"])
@pytest.mark.parametrize("level", [0, 255])
def test_a_black_mask_and_white_light_stay(name, level):
    plain = np.full((SIZE, SIZE, 3), level, np.uint8)
    assert np.array_equal(FOR_EXPORT[name](plain), plain)


def test_brightness_multiplies_and_cuts():
    grey = np.full((2, 2, 3), 100, np.uint8)
    assert (FOR_EXPORT["brightness-0.7"](grey) == 70).all()
    assert (FOR_EXPORT["brightness-1.25"](grey) == 125).all()
    assert (FOR_EXPORT["brightness-1.25"](np.full((2, 2, 3), 230, np.uint8)) == 255).all()


@pytest.mark.parametrize(("dye", "factor"), [(METHYLENE_BLUE, BLUER[0]), (GIEMSA_EOSIN, BLUER[1])])
def test_a_pure_dye_keeps_its_colour_and_changes_its_concentration(dye, factor):
    pure, expected = (255 * np.exp(-concentration * np.array(dye)) for concentration in (0.8, 0.8 * factor))
    pixel = np.rint(pure).astype(np.uint8).reshape(1, 1, 3)
    # Both ends are rounded to bytes.
    assert np.abs(FOR_EXPORT["stain"](pixel)[0, 0] - expected).max() <= 1.5


def test_scale_enlarges_the_middle():
    square = np.zeros((SIZE, SIZE, 3), np.uint8)
    square[22:42, 22:42] = 255
    area = (enlarge(square, MAGNIFICATION)[..., 0] > 127).sum()
    assert area == pytest.approx(20 * 20 * MAGNIFICATION**2, rel=0.06)


def test_blur_spreads_a_point_and_keeps_its_light():
    point = np.zeros((224, 224, 3), np.uint8)
    point[112, 112] = 255
    blurred = blur(point, 1.0)[..., 0].astype(float)
    assert blurred.max() < 60
    assert blurred.sum() == pytest.approx(255, rel=0.1)


def masked(size):
    """A cell of many colours on black, with a white corner, (size, size, 3) uint8."""
    rows, columns = np.mgrid[:size, :size]
    wave = (rows * 7 + columns * 13 + rows * columns) % 96
    cell = np.stack([80 + wave, 40 + (wave * 5) % 160, 110 + (wave * 3) % 120], axis=-1).astype(np.uint8)
    cell[(rows - size // 2) ** 2 + (columns - size // 2) ** 2 > (size * 2 // 5) ** 2] = 0
    cell[:4, :4] = 255
    return cell


DIGESTS = {
    "brightness-0.7": ("0a8134f214c843c9", "915eec95b307bd3c"),
    "brightness-1.25": ("82bde845dd256b4e", "02e3bcd68dbe258f"),
    "stain": ("6799e393c355833d", "11012b5e797ee765"),
    "blur": ("26a5f9132f5db2e7", "c7e5e7ebd1f561b0"),
    "scale": ("0590984ed9e387cb", "1e822e979dabab9d"),
    "brightness -20 %": ("1457c0c8d081f0c3", "ba4fa03d18570ca8"),
    "brightness +20 %": ("71fc7ddeeebd4bed", "a7118e0104910ff6"),
    "haematoxylin -5 %, eosin +5 %": ("3d8be3a2cb4c75d9", "5cd12a1986ed0d42"),
    "haematoxylin +5 %, eosin -5 %": ("8571f3dc12efed9a", "12cc97c149cd3b19"),
    "JPEG 75": ("3accc88a0ae9e9bc", "05a2036edee3d83c"),
    "blur 0.7 px": ("7c9abcd01e2f1c93", "d10f28f78f59a82e"),
}
"""Beginnings of SHA-256 of the shifted `masked` picture of 40 and of 96 pixels, as of version 0.1 before one room held
all shifts: artifacts and domains of then rest on these bytes."""


@pytest.mark.parametrize("name", DIGESTS)
def test_artifacts_and_domains_that_exist_rest_on_these_bytes(name):
    shift = (FOR_EXPORT | FOR_DOMAIN)[name]
    found = [hashlib.sha256(shift(masked(size)).tobytes()).hexdigest()[:16] for size in (40, 96)]
    assert tuple(found) == DIGESTS[name]


def test_no_shift_is_without_its_bytes():
    assert set(DIGESTS) == {*FOR_EXPORT, *FOR_DOMAIN}
