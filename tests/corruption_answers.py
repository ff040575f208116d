"""Answers to corrupted images as a test wants them, through the figures that a bench makes of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeall.artifact import Decision
from edgeall.benching.corruption_figures import Answered, corruptions
from edgeall.measuring.records import Record
from edgeall.results import to_json
from edgeall.results.corruptions import Corruptions
from edgeall.shifts.corruptions import CHANGES

DECISION = Decision(("hem", "all"), ("all",))
Wrong = Mapping[str, int]
"""By corruption and strength: how many of the images get a wrong answer; 0 for those not named."""


def answered(
    images: int, wrong: Wrong, refused: Wrong | None = None, changes: Sequence[str] = CHANGES
) -> Answered:
    """Records of `images` images, healthy and ill ones in turn; the first ones are wrong and refused."""
    records = {}
    for change in changes:
        rows: list[Any] = []
        for index in range(images):
            right = 0.9 - 0.2 * index / images
            score = right if index % 2 else 1 - right
            rows.append([score, 1 - score] if index < wrong.get(change, 0) else [1 - score, score])
        result = {
            "names": [f"im{index}" for index in range(images)],
            "probabilities": rows,
            "unreadable": {},
            "engine": {"name": "an-engine", "version": "1"},
            "refused": None
            if refused is None
            else [index < refused.get(change, 0) for index in range(images)],
        }
        records[change] = Record("k", 1, "a" * 64, "corruption", 1, 0, result, None, {}, change=change)
    return Answered(DECISION, records)


def figures(
    images: int,
    wrong: Wrong,
    refused: Wrong | None = None,
    *,
    base: Wrong | None = None,
    subjects: int | None = None,
    of_one_class: bool = False,
    changes: Sequence[str] = CHANGES,
) -> Corruptions:
    """Of an artifact; `base`: how many of the images its float32 gets wrong.

    Each of an even number of subjects has images of both classes, or `of_one_class`.
    """
    turn = 1 if of_one_class else 2
    names = [f"im{index}" for index in range(images)]
    found = corruptions(
        answered(images, wrong, refused, changes),
        None if base is None else answered(images, base, refused, changes),
        {name: index % 2 for index, name in enumerate(names)},
        {
            name: None if subjects is None else f"s{index // turn % subjects}"
            for index, name in enumerate(names)
        },
    )
    assert found is not None
    return found


def as_json(found: Corruptions) -> Any:
    return to_json(found)
