"""Cells cut out of a field, and boxes drawn on it."""

import numpy as np
import pytest

from edgeall.cells import Box, Cell, cut_out, draw_boxes

FIELD = np.full((60, 80, 3), 200, np.uint8)
FIELD[20:40, 30:50] = (100, 50, 150)


def cell(left: int, top: int, right: int, bottom: int) -> Cell:
    return Cell(Box(left, top, right, bottom), np.ones((bottom - top, right - left), bool))


def test_a_margin_is_a_share_of_the_longer_side() -> None:
    square = cut_out(FIELD, cell(30, 20, 50, 40), margin=0.25, on_black=False)
    assert square.shape == (30, 30, 3)
    assert square.dtype == np.uint8
    assert np.array_equal(square, FIELD[15:45, 25:55])


def test_a_long_cell_gets_a_square_too() -> None:
    square = cut_out(FIELD, cell(30, 25, 50, 35), margin=0, on_black=False)
    assert np.array_equal(square, FIELD[20:40, 30:50])


def test_on_black_keeps_the_cell_and_a_narrow_rim() -> None:
    square = cut_out(FIELD, cell(30, 20, 50, 40), margin=0.25, on_black=True)
    assert np.array_equal(square[5:25, 5:25], FIELD[20:40, 30:50])
    assert not square[:3].any()
    assert not square[:, -3:].any()


def test_on_black_follows_the_mask() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    square = cut_out(FIELD, Cell(Box(30, 20, 50, 40), mask), margin=0, on_black=True)
    assert square[5:15, 5:15].all()
    assert not square[:4].any()


@pytest.mark.parametrize(("on_black", "colour"), [(True, (0, 0, 0)), (False, (200, 200, 200))])
def test_outside_of_the_field_is_black_or_empty_slide(on_black: bool, colour: tuple[int, int, int]) -> None:
    field = FIELD.copy()
    field[:20, :20] = (100, 50, 150)
    square = cut_out(field, cell(0, 0, 20, 20), margin=0.5, on_black=on_black)
    assert square.shape == (40, 40, 3)
    assert (square[:9] == colour).all()
    assert (square[:, :9] == colour).all()
    assert (square[12:28, 12:28] == (100, 50, 150)).all()


def test_the_field_is_not_changed() -> None:
    before = FIELD.copy()
    cut_out(FIELD, cell(0, 0, 20, 20), margin=1, on_black=True)[...] = 7
    cut_out(FIELD, cell(30, 20, 50, 40), margin=0, on_black=False)[...] = 7
    draw_boxes(FIELD, [Box(30, 20, 50, 40)])
    assert np.array_equal(FIELD, before)


def test_a_frame_is_drawn_on_the_edge_of_each_box() -> None:
    image = draw_boxes(FIELD, [Box(30, 20, 50, 40), Box(0, 0, 10, 10)], colours=["#ff0000", "blue"])
    pixels = np.asarray(image)
    assert image.size == (80, 60)
    assert tuple(pixels[30, 30]) == tuple(pixels[30, 49]) == tuple(pixels[39, 40]) == (255, 0, 0)
    assert tuple(pixels[30, 40]) == (100, 50, 150)
    assert tuple(pixels[5, 0]) == (0, 0, 255)


@pytest.mark.parametrize(
    "box", [Box(0, 0, 80, 60), Box(70, 0, 80, 60), Box(30, 30, 34, 34), Box(0, 50, 9, 60)]
)
def test_a_label_is_within_the_picture_at_any_place(box: Box) -> None:
    plain = np.asarray(draw_boxes(FIELD, [box], labels=[""]))
    labelled = np.asarray(draw_boxes(FIELD, [box], labels=["8"]))
    assert (plain != labelled).any()


def test_labels_are_numbers_where_none_are_given() -> None:
    boxes = [Box(10, 20, 20, 30), Box(50, 20, 60, 30)]
    assert draw_boxes(FIELD, boxes).tobytes() == draw_boxes(FIELD, boxes, ["1", "2"]).tobytes()


def test_no_boxes_leave_the_picture_as_it_is() -> None:
    assert np.array_equal(np.asarray(draw_boxes(FIELD, [])), FIELD)


def test_as_many_labels_as_boxes_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw_boxes(FIELD, [Box(0, 0, 9, 9)], labels=[])
