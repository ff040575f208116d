"""Regions, discs and holes, beside SciPy's where it is the judge."""

import numpy as np
import pytest

from edgeall.cells import regions

ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is the judge of these")

RNG = np.random.default_rng(0)
MASKS = [
    RNG.random(shape) < share for shape in ((1, 1), (1, 7), (9, 1), (37, 50)) for share in (0.1, 0.5, 0.8)
]


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("mask", MASKS)
def test_connected_regions_are_those_of_scipy(mask: np.ndarray, diagonal: bool) -> None:
    labels, count = ndimage.label(mask, np.ones((3, 3)) if diagonal else None)
    found = regions.connected(mask, diagonal)
    assert found.count == count
    assert np.array_equal(found.labels, labels)
    assert np.array_equal(found.area[1:], np.bincount(labels.ravel(), minlength=count + 1)[1:])
    boxes = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(labels)]
    assert [tuple(box) for box in found.box[1:]] == boxes


def test_regions_of_different_values_are_not_connected() -> None:
    values = np.array([[1, 1, 2], [0, 2, 2], [1, 0, 2]], np.int32)
    found = regions.connected(values)
    assert found.labels.tolist() == [[1, 1, 2], [0, 2, 2], [3, 0, 2]]


def test_a_spiral_is_one_region() -> None:
    spiral = np.zeros((41, 41), bool)
    x = y = 20
    step, (down, across) = 2, (0, 1)
    while 0 <= x + across * step < 41 and 0 <= y + down * step < 41:
        for _ in range(step):
            spiral[y, x] = True
            y, x = y + down, x + across
        down, across = across, -down
        step += 1 if down == 0 else 0
    assert regions.connected(spiral).count == ndimage.label(spiral, np.ones((3, 3)))[1]


@pytest.mark.parametrize("radius", [0, 1, 1.5, 2.6, 5])
@pytest.mark.parametrize("mask", MASKS)
def test_discs_are_those_of_scipy(mask: np.ndarray, radius: float) -> None:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = x * x + y * y <= radius * radius
    assert np.array_equal(regions.dilated(mask, radius), ndimage.binary_dilation(mask, disc))
    assert np.array_equal(regions.eroded(mask, radius), ndimage.binary_erosion(mask, disc, border_value=1))


@pytest.mark.parametrize("mask", MASKS)
def test_holes_are_those_of_scipy(mask: np.ndarray) -> None:
    assert np.array_equal(regions.filled(mask, mask.size), ndimage.binary_fill_holes(mask))


def test_holes_that_are_too_large_stay() -> None:
    mask = np.ones((12, 12), bool)
    mask[2:4, 2:4] = mask[6:10, 6:10] = False
    filled = regions.filled(mask, 4)
    assert filled[2:4, 2:4].all()
    assert not filled[6:10, 6:10].any()


def test_labels_grow_to_where_they_meet_and_through_what_is_allowed() -> None:
    seeds = np.zeros((3, 9), np.int32)
    seeds[1, 0], seeds[1, 8] = 1, 2
    into = np.zeros((3, 9), bool)
    into[1] = True
    assert regions.grown(seeds, into, 2)[1].tolist() == [1, 1, 1, 0, 0, 0, 2, 2, 2]
    assert regions.grown(seeds, into, 99)[1].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert not regions.grown(seeds, into, 99)[[0, 2]].any()
