"""Numbers of answers, for a whole call and by folder or person; the decision for a person."""

import dataclasses
from pathlib import Path

import pytest
from answers_made import answer

from edgeall.artifact import Decision, Metadata, Provenance
from edgeall.artifact.person_cut import PersonCut
from edgeall.errors import ImageError
from edgeall.field import Failed, Found
from edgeall.field.classify import Answer
from edgeall.field.copies import Copies
from edgeall.field.counts import Counts, Group, Grouping
from edgeall.field.outputs import Outputs
from edgeall.pixels import PixelMapping
from edgeall.wilson import wilson

METADATA = Metadata(
    "tflite",
    "int8",
    PixelMapping(224, "RGB", (1.0,) * 3, (0.0,) * 3),
    Decision(("healthy", "ALL"), ("ALL",)),
    Provenance("run", "mobilenetv2", "gap", "random", "cells", "0" * 64, "Apache-2.0"),
    no_person_cut="too few people in the validation images",
)
CUT = PersonCut(low=0.2, high=0.5, negative=6, positive=7, least_cells=4)
LEARNED = dataclasses.replace(METADATA, person_cut=CUT, no_person_cut="")


def grouped(
    answers: dict[str, str], by: str = "folder", metadata: Metadata = LEARNED
) -> dict[str | None, Group]:
    grouping = Grouping(by, metadata)  # type: ignore[arg-type]
    for path, decision in answers.items():
        found = Found(path, path)
        grouping.add(
            found, Failed(path, "cannot be read") if decision == "failed" else answer(path, decision)
        )
    return {group.name: group for group in grouping.groups()}


def cells(folder: str, **counts: int) -> dict[str, str]:
    decisions = [decision for decision, count in counts.items() for _ in range(count)]
    return {f"{folder}/{index}.png": decision for index, decision in enumerate(decisions)}


def test_a_picture_that_cannot_be_copied_counts_in_its_folder(tmp_path: Path) -> None:
    kept = Outputs(copies=Copies(tmp_path / "sorted", []), grouping=Grouping("folder", LEARNED))
    path = str(tmp_path / "slide" / "gone.png")
    with pytest.raises(ImageError):
        kept.add(Answer(Found(path, "gone.png"), answer(path, "positive")))
    (group,) = kept.finish()
    assert group.counts.answered == 1


def test_every_answer_is_counted_once() -> None:
    counts = Counts()
    for decision in ("positive", "positive", "negative", "refer", "refuse"):
        counts.add(answer("a.png", decision))
    counts.add(Failed("b.png", "cannot be read"))
    counts.left_out = 2
    assert counts.to_dict() == {
        "positive": 2,
        "negative": 1,
        "refer": 1,
        "refuse": 1,
        "unreadable": 1,
        "left_out": 2,
    }
    assert (counts.inputs, counts.answered) == (6, 5)


def test_the_share_is_of_positive_and_negative_verdicts_with_wilson_s_interval() -> None:
    group = grouped(cells("s1", positive=3, negative=7, refer=5, refuse=4, failed=1))["s1"]
    assert group.share is not None
    assert (group.share.value, group.share.low, group.share.high) == (0.3, *wilson(0.3, 10))
    assert group.to_dict()["counts"]["unreadable"] == 1


@pytest.mark.parametrize(
    ("positive", "negative", "decision"),
    [(0, 10, "negative"), (2, 8, "negative"), (3, 7, "refer"), (5, 5, "positive"), (10, 0, "positive")],
)
def test_a_folder_is_decided_by_the_cut_of_the_artifact(positive: int, negative: int, decision: str) -> None:
    assert grouped(cells("s1", positive=positive, negative=negative))["s1"].decision == decision


@pytest.mark.parametrize(
    ("answers", "metadata", "why"),
    [
        (
            cells("s1", positive=10),
            METADATA,
            "no decision for a whole person: too few people in the validation",
        ),
        (cells("s1", positive=3), LEARNED, "too few cells: the decision for a person needs 4"),
        (cells("s1", refuse=5), LEARNED, "too few cells"),
        (cells("s1", positive=3, negative=7), LEARNED, "between those of people with and without a finding"),
    ],
)
def test_without_a_decision_the_reason_is_given(
    answers: dict[str, str], metadata: Metadata, why: str
) -> None:
    group = grouped(answers, metadata=metadata)["s1"]
    assert group.decision == "refer"
    assert group.why is not None
    assert why in group.why


def test_people_are_known_by_published_names_and_others_are_counted_apart() -> None:
    answers = {
        "x/UID_H6_1_1_hem.bmp": "negative",
        "y/UID_H6_2_1_hem.bmp": "negative",
        "x/UID_7_1_1_all.bmp": "positive",
        "x/other.png": "positive",
    }
    groups = grouped(answers, "subject")
    assert list(groups) == ["7", "H6", None]
    assert groups["H6"].counts.decisions["negative"] == 2
    assert groups[None].why == "these pictures are not of one known person"


def test_a_folder_of_several_known_people_is_not_decided() -> None:
    answers = {f"x/UID_{person}_1_1_all.bmp": "positive" for person in range(1, 9)}
    group = grouped(answers)["x"]
    assert (group.decision, group.why) == ("refer", "its pictures are of 8 people, by their names")


def test_verdicts_that_were_forced_decide_nothing() -> None:
    grouping = Grouping("folder", LEARNED)
    for index in range(9):
        grouping.add(
            Found(f"x/{index}.png", f"{index}.png"), answer(f"x/{index}.png", "positive", "it is grey")
        )
    (group,) = grouping.groups()
    assert group.decision == "refer"
    assert group.why == "some verdicts are on pictures that would be refused (--force)"
