"""Quality checks find what is plainly unfit, and leave ordinary images alone."""

from pathlib import Path

import numpy as np
import pytest
from small_models import draw

from edgeall.field import assess
from edgeall.pixels import read_image_with_size

SIZE = 64
AMPLE = (640, 480)


def smear(gain: float = 1.0) -> np.ndarray:
    return (draw(1, SIZE, seed=5)[0].astype(float) * gain).clip(0, 255).astype(np.uint8)


def cell_on(ground: int, gain: float = 1.0) -> np.ndarray:
    """A cell cut out on a flat ground, a sixth of the picture, as dark as C-NMC's are."""
    image = np.full((SIZE, SIZE, 3), ground, dtype=np.uint8)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    inside = x**2 + y**2 < 0.23**2
    shades = np.random.default_rng(0).normal(45, 12, (inside.sum(), 1)) + np.array([10, -10, 15])
    image[inside] = (shades * gain).clip(0, 255)
    return image


def reasons(image: np.ndarray, original: tuple[int, int] = AMPLE) -> str:
    quality = assess(image, original)
    assert quality.ok == (not quality.reasons)
    return "; ".join(quality.reasons)


@pytest.mark.parametrize("image", [smear(), cell_on(0), cell_on(255), cell_on(3), smear(0.6)])
def test_ordinary_images_pass(image: np.ndarray) -> None:
    assert reasons(image) == ""


@pytest.mark.parametrize("level", [0, 17, 128, 255])
def test_an_empty_field_is_uniform_noise_or_not(level: int) -> None:
    noise = np.random.default_rng(1).normal(0, 2, (SIZE, SIZE, 3))
    assert "uniform" in reasons(np.full((SIZE, SIZE, 3), level, dtype=np.uint8))
    assert "uniform" in reasons((level + noise).clip(0, 255).astype(np.uint8))


def test_a_lamp_turned_down() -> None:
    assert reasons(smear(0.35)) == "under-exposed"
    assert reasons(cell_on(0, 0.45)) == "under-exposed"


def test_a_washed_out_exposure() -> None:
    assert reasons(smear(1.0) // 8 + 235 - 10) != ""
    bright = np.where(smear() > 200, 255, 215).astype(np.uint8)
    assert reasons(bright) == "over-exposed"


def test_a_thumbnail_and_a_panorama() -> None:
    assert "smaller than the model's input: 40 x 300, not 64 x 64" in reasons(smear(), (40, 300))
    assert reasons(smear(), (64, 64)) == ""
    assert "far from square: 2000 x 400" in reasons(smear(), (2000, 400))
    assert reasons(smear(), (2592, 1944)) == ""


def test_no_reason_hides_another() -> None:
    assert len(assess(np.zeros((SIZE, SIZE, 3), dtype=np.uint8), (10, 90)).reasons) == 3


@pytest.mark.parametrize("size", [96, 224])
@pytest.mark.parametrize("pattern", ["cnmc/fold_0/*/*.jpg", "bccd/**/*.jpg"])
def test_real_images_are_not_flagged(real_data: Path, pattern: str, size: int) -> None:
    paths = sorted(real_data.glob(pattern))[:: 4 if size == 224 else 12]
    assert len(paths) > 20
    flagged = {
        path.name: found.reasons
        for path in paths
        if not (found := assess(*read_image_with_size(path, size))).ok
    }
    assert flagged == {}


@pytest.mark.parametrize(("gain", "expected"), [(0.3, "under-exposed"), (1.6, "over-exposed")])
def test_real_smears_spoiled_are_flagged(real_data: Path, gain: float, expected: str) -> None:
    for path in sorted(real_data.glob("bccd/**/*.jpg"))[::36]:
        image, original = read_image_with_size(path, 224)
        spoiled = (image.astype(float) * gain).clip(0, 255).astype(np.uint8)
        assert expected in reasons(spoiled, original) or "uniform" in reasons(spoiled, original)


@pytest.mark.parametrize(
    ("original", "trained", "reason"),
    [
        ((SIZE - 4, SIZE), (SIZE - 8, SIZE - 8), ""),
        (
            (SIZE - 14, SIZE),
            (SIZE - 8, SIZE - 8),
            "smaller than the training images: 50 x 64, those have 56 x 56",
        ),
        ((SIZE - 14, SIZE), (SIZE + 9, SIZE + 9), "smaller than the model's input: 50 x 64, not 64 x 64"),
        ((900, 300), (800, 250), ""),
        ((900, 300), (800, 800), "far from square: 900 x 300"),
    ],
)
def test_sizes_and_shapes_of_the_training_images_are_fit(
    original: tuple[int, int], trained: tuple[int, int], reason: str
) -> None:
    assert "; ".join(assess(smear(), original, trained).reasons).startswith(reason)
    assert assess(smear(), original, trained).ok == (not reason)
