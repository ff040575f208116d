"""The stability of a score: disturbances that change next to nothing, measured as they are defined."""

import dataclasses

import numpy as np
import pytest

from edgeall.artifact import Decision
from edgeall.pixels import ByteImage
from edgeall.training.stability import DISTURBANCES, MOST, Movement, disturbed, sample, stability

TWO = Decision(("healthy", "leukemia"), ("leukemia",), 0.5)


def pictures(count: int = 6) -> ByteImage:
    """Smooth pictures, as cells are: brightness rises from left to right, by another slope each."""
    ramp = np.linspace(0, 1, 64)[None, None, :, None] * np.linspace(60, 255, count)[:, None, None, None]
    return np.broadcast_to(ramp, (count, 64, 64, 3)).astype(np.uint8)


def by_brightness(images: ByteImage) -> np.ndarray:
    score = images.mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - score, score], axis=1)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_disturbance_is_small_repeats_and_leaves_the_image_alone(kind: str) -> None:
    images = pictures()
    before = images.copy()
    found = disturbed(images, kind)
    assert found.shape == images.shape
    assert found.dtype == np.uint8
    assert (found != images).any()
    assert np.abs(found.astype(int) - images).max() <= (1 if kind == "noise" else 8)
    np.testing.assert_array_equal(disturbed(images, kind), found)
    np.testing.assert_array_equal(images, before)


def test_noise_hangs_on_the_seed_and_takes_each_of_its_values_as_often() -> None:
    grey = np.full((2, 64, 64, 3), 100, np.uint8)
    found = disturbed(grey, "noise")
    assert (found != disturbed(grey, "noise", seed=1)).any()
    assert (found[0] != found[1]).any()
    levels, counts = np.unique(found, return_counts=True)
    assert levels.tolist() == [99, 100, 101]
    assert counts / found.size == pytest.approx([1 / 3] * 3, abs=0.02)
    ends = np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    assert np.abs(disturbed(ends, "noise").astype(int) - ends).max() == 1


def test_a_shift_is_one_pixel_to_the_right() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    found = disturbed(images, "shift")
    np.testing.assert_array_equal(found[:, :, 1:], images[:, :, :-1])
    np.testing.assert_array_equal(found[:, :, 0], images[:, :, 0])


def test_movements_are_the_change_of_the_score_and_the_share_of_equal_verdicts() -> None:
    images = pictures()
    found = stability(by_brightness, images, TWO)
    assert found.n == 6
    for kind, movement in found.movements.items():
        before, after = (by_brightness(of)[:, 1] for of in (images, disturbed(images, kind)))
        assert movement.score_change == pytest.approx(np.abs(after - before).mean())
        assert movement.verdicts_kept == ((before >= 0.5) == (after >= 0.5)).mean()
    assert found.shift.score_change > found.noise.score_change > 0
    # At a threshold that a shift takes an image across, its verdict is another.
    score = float(by_brightness(images)[2, 1])
    assert stability(by_brightness, images, dataclasses.replace(TWO, threshold=score)).shift == Movement(
        found.shift.score_change, 5 / 6
    )


def test_what_does_not_look_does_not_move() -> None:
    found = stability(lambda images: np.full((len(images), 2), 0.5), pictures(), TWO)
    assert set(found.movements.values()) == {Movement(0.0, 1.0)}
    with pytest.raises(ValueError, match="no image"):
        stability(by_brightness, pictures(1)[:0], TWO)


@pytest.mark.parametrize(
    ("counts", "taken"), [((3, 5), (3, 5)), ((300, 100), (150, 50)), ((1, 999), (1, 199))]
)
def test_a_sample_keeps_the_shares_of_classes(counts: tuple[int, int], taken: tuple[int, int]) -> None:
    classes = np.random.default_rng(0).permutation(np.repeat([0, 1], counts))
    chosen = sample(classes)
    assert len(chosen) == len(set(chosen.tolist())) == min(MOST, sum(counts))
    assert tuple(np.bincount(classes[chosen])) == taken
    assert chosen.tolist() == sorted(chosen)
