"""Golden pictures are the same to the byte wherever they are drawn."""

import numpy as np
import pytest

from edgeall.golden import checkable, pictures

PINNED = {
    (0, 32): "076b29d2f32e060fc7f19493ef5c8059d40b18ccaae9a666c86d5ba5bd4a4fca",
    (0, 224): "c110081ca8f00f21c08c084f321a3ca43e7dddb7eba24252aeba50a78ae1ed33",
    (2**31 - 1, 96): "fcc5dae10360c5fc447b59ba25552cd9e74b9b175a3f733a0c2c92c51de45a54",
    (5, 299): "d7cf742139f6945d84b2d50954a045dfb7b0574441b4b944eac49389e9fe8dce",
}
"""SHA-256 by seed and size. A change of one byte needs a new `checkable.REVISION`: artifacts hold answers to these."""


@pytest.mark.parametrize(("seed", "size"), PINNED)
def test_the_bytes_are_those_of_the_revision(seed: int, size: int) -> None:
    assert checkable.REVISION == 1
    assert pictures.digest(pictures.picture(seed, size)[None]) == PINNED[seed, size]


def test_all_candidates_are_drawn_at_the_size_that_is_asked_for() -> None:
    drawn = pictures.pictures(range(32), 40)
    assert (drawn.shape, drawn.dtype) == ((32, 40, 40, 3), np.uint8)
    assert len({picture.tobytes() for picture in drawn}) == 32
    assert all(np.ptp(picture) > 20 for picture in drawn), "a plain picture tells little"


def test_drawing_overflows_nowhere() -> None:
    with np.errstate(all="raise"):
        for size in (8, 31, 1024):
            pictures.picture(3, size)


def test_a_larger_picture_shows_the_same() -> None:
    small, large = (pictures.picture(7, size).astype(int) for size in (64, 128))
    shrunk = large.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 12
