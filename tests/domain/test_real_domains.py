"""Real cells and fields: unseen people are taken, other pictures are refused (all figures: `benchmarks/domain.py`)."""

import re
from pathlib import Path

import pytest

from edgeall.domain import Domain, unlike
from edgeall.domain.describing import Example, describe
from edgeall.pixels import Picture, read_picture
from edgeall.shifts.changes import blur, grey

SIDE = 224
HELD_OUT = ("1", "H6")
"""People with 19 cells of a leukaemia and 18 healthy ones."""


def person_of(path: Path) -> str:
    found = re.match(r"UID_(H?\d+)_", path.name)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def cells(real_data: Path) -> list[Path]:
    return sorted(real_data.glob("cnmc/fold_0/*/*.jpg"))


@pytest.fixture(scope="module")
def fields(real_data: Path) -> list[Picture]:
    return [read_picture(path, SIDE) for path in sorted(real_data.glob("bccd/*.jp*g"))[::4]]


@pytest.fixture(scope="module")
def unseen(cells: list[Path]) -> list[Picture]:
    return [read_picture(path, SIDE) for path in cells if person_of(path) in HELD_OUT]


@pytest.fixture(scope="module")
def of_cells(cells: list[Path]) -> Domain:
    """Of half of the other six people's cells."""
    known = [path for path in cells if person_of(path) not in HELD_OUT][::2]
    domain = describe(Example(read_picture(path, SIDE), path.parent.name, person_of(path)) for path in known)
    assert domain is not None
    assert domain.on_black
    return domain


def refused(domain: Domain, pictures: list[Picture]) -> float:
    return sum(bool(unlike(domain, each)) for each in pictures) / len(pictures)


def test_cells_of_unseen_people_are_taken(of_cells: Domain, unseen: list[Picture]) -> None:
    assert len(unseen) == 37
    assert refused(of_cells, unseen) <= 0.06


def test_a_model_of_cells_refuses_fields(of_cells: Domain, fields: list[Picture]) -> None:
    assert refused(of_cells, fields) == 1
    assert unlike(of_cells, fields[0]) == ("background is pale; this model was trained on cells on black",)


def test_a_model_of_cells_refuses_unsharp_and_grey_ones(of_cells: Domain, unseen: list[Picture]) -> None:
    assert refused(of_cells, [Picture(blur(each.pixels, 3), each.size) for each in unseen]) == 1
    assert refused(of_cells, [Picture(grey(each.pixels), each.size) for each in unseen]) == 1


def test_a_model_of_fields_takes_fields_and_refuses_cells(
    fields: list[Picture], unseen: list[Picture]
) -> None:
    domain = describe(Example(each, "field") for each in fields[::2])
    assert domain is not None
    assert not domain.on_black
    assert refused(domain, fields[1::2]) <= 0.1
    assert refused(domain, unseen) == 1
    assert refused(domain, [Picture(blur(each.pixels, 3), each.size) for each in fields[1::2]]) == 1
