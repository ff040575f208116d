"""The shifted pictures: their shape, what stays the same, and the formula of each."""

import numpy as np
import pytest

from edgeall.exporting import shifts
from edgeall.exporting.shifts import SHIFTS

SIZE = 64


@pytest.fixture
def image():
    """Dark discs on a bright field, (64, 64, 3) uint8."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = ((rows % 32 - 16) ** 2 + (columns % 32 - 16) ** 2 < 100)[..., None]
    noise = np.random.default_rng(0).integers(-8, 9, (SIZE, SIZE, 3))
    return (np.where(inside, (110, 60, 140), (230, 210, 220)) + noise).astype(np.uint8)


@pytest.mark.parametrize("name", SHIFTS)
def test_each_shift_changes_a_copy_a_little(name, image):
    image.flags.writeable = False
    shifted = SHIFTS[name](image)
    assert shifted.shape == image.shape
    assert shifted.dtype == np.uint8
    assert np.array_equal(shifted, SHIFTS[name](image))
    assert 0.5 < np.abs(shifted.astype(int) - image).mean() < 70


@pytest.mark.parametrize("name", ["stain", "blur", "scale"])
@pytest.mark.parametrize("level", [0, 255])
def test_a_black_mask_and_white_light_stay(name, level):
    plain = np.full((SIZE, SIZE, 3), level, np.uint8)
    assert np.array_equal(SHIFTS[name](plain), plain)


def test_brightness_multiplies_and_cuts():
    grey = np.full((2, 2, 3), 100, np.uint8)
    assert (SHIFTS["brightness-0.7"](grey) == 70).all()
    assert (SHIFTS["brightness-1.25"](grey) == 125).all()
    assert (SHIFTS["brightness-1.25"](np.full((2, 2, 3), 230, np.uint8)) == 255).all()


@pytest.mark.parametrize(
    ("dye", "factor"), [(shifts.METHYLENE_BLUE, shifts.STAIN[0]), (shifts.EOSIN, shifts.STAIN[1])]
)
def test_a_pure_dye_keeps_its_colour_and_changes_its_concentration(dye, factor):
    pure, expected = (255 * np.exp(-concentration * np.array(dye)) for concentration in (0.8, 0.8 * factor))
    pixel = np.rint(pure).astype(np.uint8).reshape(1, 1, 3)
    # Both ends are rounded to bytes.
    assert np.abs(shifts.stain(pixel)[0, 0] - expected).max() <= 1.5


def test_scale_enlarges_the_middle():
    square = np.zeros((SIZE, SIZE, 3), np.uint8)
    square[22:42, 22:42] = 255
    area = (shifts.scale(square)[..., 0] > 127).sum()
    assert area == pytest.approx(20 * 20 * shifts.MAGNIFICATION**2, rel=0.06)


def test_blur_spreads_a_point_and_keeps_its_light():
    point = np.zeros((224, 224, 3), np.uint8)
    point[112, 112] = 255
    blurred = shifts.blur(point)[..., 0].astype(float)
    assert blurred.max() < 60
    assert blurred.sum() == pytest.approx(255, rel=0.1)
