"""A domain is described from training and validation images alone, and leaves room for people not among them."""

import dataclasses

import pytest
from pictured import SIDE, cell, cells_of, fields, picture

from edgeall.domain import Domain, in_words, unlike
from edgeall.domain.describing import FEWEST, Example, describe
from edgeall.domain.figures import POSSIBLE, figures
from edgeall.shifts.changes import brightness


@pytest.fixture(scope="module")
def of_cells() -> Domain:
    domain = describe(cells_of(range(6)))
    assert domain is not None
    return domain


def test_a_domain_says_what_it_is_of(of_cells: Domain) -> None:
    assert (of_cells.images, of_cells.people, of_cells.side) == (72, 6, SIDE)
    assert of_cells.on_black
    assert of_cells.widths == of_cells.heights == (450, 450, 450)
    assert in_words(of_cells).startswith(
        "cells cut out on black: 72 images of 6 people, 450 x 450 pixels; refuses "
    )


def test_it_is_a_few_dozen_numbers(of_cells: Domain) -> None:
    assert of_cells.limits.keys() == figures(cell(0)).keys()
    assert 2 * len(of_cells.limits) + len(dataclasses.fields(of_cells)) < 48


def test_limits_are_values_that_a_figure_can_have(of_cells: Domain) -> None:
    for name, (least, most) in POSSIBLE.items():
        low, high = of_cells.limits[name]
        assert least <= low < high <= most


def test_fields_are_not_on_black_and_their_sizes_are_kept() -> None:
    domain = describe(fields(30))
    assert domain is not None
    assert not domain.on_black
    assert domain.people is None
    assert (domain.widths, domain.heights) == ((640, 640, 640), (480, 480, 480))
    assert in_words(domain).startswith(
        "pictures that are not cut out on black: 30 images, 640 x 480 pixels; "
    )


def test_the_same_images_give_the_same_domain(of_cells: Domain) -> None:
    assert describe(cells_of(range(6))) == of_cells


def test_too_few_images_have_no_domain() -> None:
    images = cells_of(range(4), each=FEWEST // 4)
    assert len(images) == FEWEST
    assert describe(images) is not None
    assert describe(images[1:]) is None
    assert describe([]) is None


def test_unseen_people_are_taken(of_cells: Domain) -> None:
    unseen = [picture(cell(seed, person)) for person in range(20, 28) for seed in range(5)]
    assert sum(bool(unlike(of_cells, each)) for each in unseen) <= 2


def test_people_who_differ_more_make_wider_limits(of_cells: Domain) -> None:
    """The next person may differ as much as these do among themselves."""
    wider = describe(lit_differently(cells_of(range(6))))
    assert wider is not None
    assert width(wider, "exposure") > 1.2 * width(of_cells, "exposure")


def test_people_are_left_out_where_they_are_known() -> None:
    """An image is less like those of other people than like its neighbours of all people."""
    known = lit_differently(cells_of(range(6)))
    mixed = [
        dataclasses.replace(each, subject=None, label="cell")
        for start in range(12)
        for each in known[start::12]
    ]
    by_person, by_image = describe(known), describe(mixed)
    assert by_person is not None
    assert by_image is not None
    assert (by_person.people, by_image.people) == (6, None)
    assert width(by_person, "exposure") > 1.05 * width(by_image, "exposure")


def test_one_stray_image_does_not_open_the_limits(of_cells: Domain) -> None:
    """A field among the cells of one person, which nobody noticed."""
    stray = Example(picture(fields(1)[0].picture.pixels), "hem", "0")
    domain = describe([*cells_of(range(6), each=25), stray])
    assert domain is not None
    assert domain.on_black
    assert domain.limits["edge"][1] < 0.2


def lit_differently(examples: list[Example]) -> list[Example]:
    """Each person under a lamp of their own."""
    return [
        dataclasses.replace(
            each, picture=picture(brightness(each.picture.pixels, 0.7 + 0.2 * int(each.subject or 0)))
        )
        for each in examples
    ]


def width(domain: Domain, figure: str) -> float:
    low, high = domain.limits[figure]
    return high - low
