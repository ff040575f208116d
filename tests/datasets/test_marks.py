"""Burnt-in corner marks that differ by class are found; what differs everywhere, or nowhere, is not one."""

import numpy as np
import pytest

from edgeall.datasets.marks import corner_marks

SIDE = 32
LABELS = ["Benign", "Early", "Pre", "Pro"]


def fields(seed: int = 0, images: int = 25) -> tuple[np.ndarray, list[str]]:
    """Luma of pale fields with dark cells anywhere, `images` of each class."""
    rng = np.random.default_rng(seed)
    labels = [label for label in LABELS for _ in range(images)]
    stack = rng.normal(200, 8, (len(labels), SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    for image in stack:
        for _ in range(3):
            cy, cx = rng.uniform(0, SIDE, 2)
            image[(y - cy) ** 2 + (x - cx) ** 2 < 9] -= 90
    return stack.clip(0, 255).astype(np.float32), labels


def test_pictures_without_marks() -> None:
    stack, labels = fields()
    assert corner_marks(list(stack), labels) == ()


@pytest.mark.parametrize(
    ("corner", "rows", "columns"),
    [("lower right", slice(29, 30), slice(24, 31)), ("upper left", slice(2, 3), slice(1, 6))],
)
def test_a_scale_bar_that_one_class_has(corner: str, rows: slice, columns: slice) -> None:
    stack, labels = fields()
    of = np.array(labels)
    stack[of == "Early", rows, columns] = 20
    (mark,) = corner_marks(list(stack), labels)
    assert (mark.corner, mark.label) == (corner, "Early")
    assert mark.auc > 0.95
    assert mark.elsewhere < 0.8


def test_bars_of_different_lengths() -> None:
    stack, labels = fields()
    of = np.array(labels)
    for length, label in zip((3, 4, 5, 7), LABELS, strict=True):
        stack[of == label, 29, 31 - length : 31] = 20
    assert {mark.label for mark in corner_marks(list(stack), labels)} >= {"Benign", "Pro"}


def test_the_same_bar_in_every_class_gives_nothing_away() -> None:
    stack, labels = fields()
    stack[:, 29, 24:31] = 20
    assert corner_marks(list(stack), labels) == ()


def test_a_background_that_differs_everywhere_is_no_corner_mark() -> None:
    stack, labels = fields()
    stack[np.array(labels) == "Pre"] -= 60
    assert corner_marks(list(stack), labels) == ()


def test_of_few_images_nothing_is_said() -> None:
    stack, labels = fields(images=4)
    stack[np.array(labels) == "Early", 29, 24:31] = 20
    assert corner_marks(list(stack), labels) == ()
