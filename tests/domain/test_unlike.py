"""A picture that is unlike the training images is told by a reason in plain words; one that is like them by none."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from pictured import SIDE, cell, cells_of, field, fields, on_pale, picture

from edgeall.domain import Domain, unlike
from edgeall.domain.describing import describe
from edgeall.shifts.changes import blur, brightness, grey, jpeg
from edgeall.shifts.mild import restained

Change = Callable[[np.ndarray], np.ndarray]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def of_cells() -> Domain:
    domain = describe(cells_of(range(6)))
    assert domain is not None
    return domain


@pytest.fixture(scope="module")
def of_fields() -> Domain:
    domain = describe(fields(40))
    assert domain is not None
    return domain


UNSEEN = cell(0, person=40)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (on_pale(UNSEEN), "background is pale; this model was trained on cells on black"),
        (field(99), "background is pale; this model was trained on cells on black"),
        (np.full((SIDE, SIDE, 3), 255, np.uint8), "background is pale; this model was trained on cells on black"),
        (np.full((SIDE, SIDE, 3), 90, np.uint8), "background is not black; this model was trained on cells on black"),
        (RNG.integers(0, 256, (SIDE, SIDE, 3), np.uint8), "background is not black; this model was trained"),
        (blur(UNSEEN, 3), "out of focus"),
        (grey(UNSEEN), "grey: it has no colour"),
        (np.zeros((SIDE, SIDE, 3), np.uint8), "more of it is black than of the training images"),
        (brightness(UNSEEN, 2.6), "brighter than the training images"),
        (brightness(UNSEEN, 0.3), "darker than the training images"),
        (UNSEEN[..., ::-1] // np.array([4, 1, 1], np.uint8), "bluer than the training images"),
    ],
)  # fmt: skip
def test_what_a_model_of_cells_was_not_made_for(of_cells: Domain, pixels: np.ndarray, reason: str) -> None:
    assert reason in "; ".join(unlike(of_cells, picture(np.ascontiguousarray(pixels))))


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (UNSEEN, "background is black; this model was trained on pictures that are not cut out on black"),
        (blur(field(99), 3), "out of focus"),
        (grey(field(99)), "grey: it has no colour"),
        (brightness(field(99), 0.55), "darker than the training images"),
    ],
)
def test_what_a_model_of_fields_was_not_made_for(of_fields: Domain, pixels: np.ndarray, reason: str) -> None:
    assert reason in "; ".join(unlike(of_fields, picture(pixels)))


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: pixels,
        lambda pixels: brightness(pixels, 0.85),
        lambda pixels: brightness(pixels, 1.15),
        lambda pixels: jpeg(pixels, 85),
        lambda pixels: restained(pixels, 0.98, 1.02),
        lambda pixels: restained(pixels, 1.02, 0.98),
    ],
)
def test_an_unseen_person_on_another_day_is_taken(
    of_cells: Domain, of_fields: Domain, change: Change
) -> None:
    assert unlike(of_cells, picture(change(UNSEEN))) == ()
    assert unlike(of_fields, picture(change(field(99)))) == ()


def test_the_size_of_the_file_is_no_reason(of_cells: Domain) -> None:
    assert unlike(of_cells, picture(UNSEEN, (4000, 4000))) == ()


def test_figures_that_this_version_does_not_know_have_no_say(of_cells: Domain) -> None:
    later = dataclasses.replace(of_cells, limits=of_cells.limits | {"of a later version": (0.0, 1.0)})
    assert unlike(later, picture(UNSEEN)) == ()
    assert unlike(later, picture(field(99))) == unlike(of_cells, picture(field(99)))


def test_a_picture_at_another_square_is_a_mistake(of_cells: Domain) -> None:
    with pytest.raises(ValueError, match="of side 56; the domain is of side 112"):
        unlike(of_cells, picture(cell(0, side=56)))


@pytest.mark.parametrize("side", [8, 9, 31, 57, 300])
def test_squares_of_any_size_have_figures(side: int) -> None:
    from edgeall.domain.figures import figures

    for pixels in (np.zeros((side, side, 3), np.uint8), RNG.integers(0, 256, (side, side, 3), np.uint8)):
        assert np.isfinite(list(figures(pixels).values())).all()
