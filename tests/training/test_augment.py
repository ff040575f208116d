"""Augmentation varies an image without inventing borders, and repeats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall.errors import UsageError
from edgeall.training.augment import Augmentation, augmented

NOTHING = Augmentation(rotation=0, flips=False, scaling=0, brightness=0)


def picture(side: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**31 - 1), st.integers(0, 1000), st.integers(0, 10_000),
    st.floats(0, 180), st.booleans(), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(1, 60),
)  # fmt: skip
def test_any_draw_is_an_image_of_the_same_size_and_repeats(
    seed: int,
    view: int,
    index: int,
    rotation: float,
    flips: bool,
    scaling: float,
    brightness: float,
    side: int,
) -> None:
    image = picture(side)
    ranges = Augmentation(rotation, flips, scaling, brightness)
    first = augmented(image, ranges, seed, view, index)
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, augmented(image, ranges, seed, view, index))


def test_view_zero_is_the_image_itself() -> None:
    np.testing.assert_array_equal(augmented(picture(), Augmentation(), 0, 0, 3), picture())


@pytest.mark.parametrize("colour", [0, 255, 130])
def test_a_plain_background_stays_plain_to_its_corners(colour: int) -> None:
    plain = np.full((40, 40, 3), colour, np.uint8)
    for view in range(1, 30):
        turned = augmented(plain, Augmentation(scaling=0.5, brightness=0), 0, view, 0)
        np.testing.assert_array_equal(turned, plain)


def test_ranges_of_nothing_change_nothing() -> None:
    np.testing.assert_array_equal(augmented(picture(), NOTHING, 0, 1, 0), picture())


@pytest.mark.parametrize("changed", ["seed", "view", "index"])
def test_seed_view_and_index_each_give_another_variation(changed: str) -> None:
    key = {"seed": 1, "view": 1, "index": 1}
    one = augmented(picture(), Augmentation(), **key)
    other = augmented(picture(), Augmentation(), **(key | {changed: 2}))
    assert not np.array_equal(one, other)


def test_flips_give_exactly_the_four_mirrorings() -> None:
    image = picture()
    only_flips = Augmentation(rotation=0, flips=True, scaling=0, brightness=0)
    seen = {augmented(image, only_flips, 0, view, 0).tobytes() for view in range(1, 60)}
    assert seen == {np.ascontiguousarray(image[::a, ::b]).tobytes() for a in (1, -1) for b in (1, -1)}


def test_brightness_keeps_within_its_range_and_saturates() -> None:
    ranges = Augmentation(rotation=0, flips=False, scaling=0, brightness=0.2)
    values = {
        int(augmented(np.full((4, 4, 3), 100, np.uint8), ranges, 0, v, 0)[0, 0, 0]) for v in range(1, 80)
    }
    assert 80 <= min(values) < 90
    assert 110 < max(values) <= 120
    assert int(augmented(np.full((4, 4, 3), 250, np.uint8), ranges, 0, 1, 0).max()) <= 255


def test_rotation_about_the_centre_keeps_a_centred_disc_in_place() -> None:
    y, x = np.mgrid[:64, :64] - 31.5
    disc = np.where((x**2 + y**2 < 20**2)[..., None], 40, 220).astype(np.uint8).repeat(3, axis=2)
    turned = augmented(disc, Augmentation(scaling=0, brightness=0), 0, 5, 0)
    assert np.abs(turned.astype(int) - disc).mean() < 4


@pytest.mark.parametrize("wrong", [{"rotation": 181}, {"scaling": 0.6}, {"brightness": -0.1}])
def test_ranges_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Augmentation(**wrong)
