"""What an artifact says of test images and of whole people, in words and as decisions."""

import dataclasses
import json

import pytest

from edgeall import artifact
from edgeall.artifact import ClassTest, Metadata, PersonCut, Share
from edgeall.errors import ArtifactError

CUT = PersonCut(low=0.25, high=0.6, negative=9, positive=8, least_cells=20)
TESTED = artifact.TestFigures(
    of="the Keras model",
    grouped_by="subject",
    threshold=0.431,
    positive=ClassTest(Share(0.9333, 0.812, 0.983), 60, 3),
    negative=ClassTest(Share(0.95, 0.83, 0.99), 60, 3),
    subjects=6,
)


@pytest.mark.parametrize(
    ("positive", "cells", "decision"),
    [
        (0, 20, "negative"),
        (5, 20, "negative"),
        (6, 20, "refer"),
        (11, 20, "refer"),
        (12, 20, "positive"),
        (20, 20, "positive"),
        (30, 120, "negative"),
        (72, 120, "positive"),
    ],
)
def test_a_person_between_those_who_were_seen_goes_to_a_human(
    positive: int, cells: int, decision: str
) -> None:
    assert CUT.decide(positive, cells) == decision


@pytest.mark.parametrize("positive", [0, 19])
def test_a_person_with_fewer_cells_than_those_who_were_seen_goes_to_a_human(positive: int) -> None:
    assert CUT.decide(positive, 19) == "refer"
    assert CUT.decide(0, 0) == "refer"


@pytest.mark.parametrize(("positive", "cells"), [(-1, 20), (21, 20)])
def test_counts_that_contradict_each_other_are_refused(positive: int, cells: int) -> None:
    with pytest.raises(ValueError, match="cells are positive"):
        CUT.decide(positive, cells)


@pytest.mark.parametrize(
    "change",
    [
        {"low": 0.6},
        {"low": -0.1},
        {"high": 1.1},
        {"negative": 0},
        {"positive": 0},
        {"least_cells": 0},
    ],
)
def test_a_cut_that_separates_nobody_is_none(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"band|cut"):
        dataclasses.replace(CUT, **change)  # type: ignore[arg-type]


def test_a_cut_says_its_rule_and_how_often_it_may_be_wrong() -> None:
    assert CUT.in_words == (
        "negative up to 25.0% positive cells, positive from 60.0%, refer between them and below 20 cells; learned from "
        "9 validation people without a finding and 8 with one: if new people are like these, at most about 1 in 10 "
        "without and 1 in 9 with a finding is decided wrongly"
    )


def test_test_figures_say_what_they_rest_on_and_whose_they_are() -> None:
    assert TESTED.in_words == (
        "test sensitivity 0.93 (0.81 to 0.98) on 60 images of 3 people, specificity 0.95 (0.83 to 0.99) on 60 images "
        "of 3 people; of the Keras model that this was made from, at its threshold 0.43"
    )
    assert TESTED.images == 120


def test_figures_without_people_or_by_image_are_called_optimistic() -> None:
    positive, negative = ClassTest(Share(1.0, 0.6, 1.0), 6, None), ClassTest(None, 0, None)
    unknown = dataclasses.replace(TESTED, positive=positive, negative=negative, subjects=None)
    assert unknown.in_words == (
        "test sensitivity 1.00 (0.60 to 1.00) on 6 images, specificity not known (no negative image); of the Keras "
        "model that this was made from, at its threshold 0.43; whose images they are is not known: optimistic for new "
        "people"
    )
    by_image = dataclasses.replace(TESTED, grouped_by="image")
    assert by_image.in_words.endswith("; people of the test also trained it: optimistic for new people")


def test_figures_beside_a_band_say_how_much_is_referred() -> None:
    words = dataclasses.replace(
        TESTED,
        positive=ClassTest(Share(0.4, 0.0, 1.0), 18, 2),
        negative=ClassTest(None, 7, 1),
        subjects=3,
        referred=Share(0.8, 0.4, 0.97),
    ).in_words
    assert words == (
        "test sensitivity 0.40 (0.00 to 1.00), specificity not known (all are referred), of the 5 of 25 images that "
        "are not referred; referred are 0.80 (0.40 to 0.97); all are 18 positive of 2 people and 7 negative of 1 "
        "person; of the Keras model that this was made from, at its threshold 0.43"
    )


def test_a_figure_of_one_person_has_no_interval() -> None:
    alone = dataclasses.replace(TESTED, negative=ClassTest(Share(0.5), 1, 1), subjects=4)
    assert "specificity 0.50 (no interval) on 1 image of 1 person; of the Keras model" in alone.in_words


@pytest.mark.parametrize(
    "share", [(1.2, None, None), (-0.1, None, None), (0.5, 0.6, 0.9), (0.5, 0.1, None), (0.5, 0.1, 1.1)]
)
def test_what_is_no_share_is_refused(share: tuple[float, float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="share"):
        Share(*share)


def metadata(**parts: object) -> Metadata:
    from edgeall.artifact import Decision, Provenance
    from edgeall.pixels import PixelMapping

    return Metadata(
        "onnx",
        "int8",
        PixelMapping(32, "RGB", (1.0,) * 3, (0.0,) * 3),
        Decision(("hem", "all"), ("all",)),
        Provenance("run", "mobilenetv2", "gap", "random weights", "drawn", "0" * 64, "Apache-2.0"),
        **parts,  # type: ignore[arg-type]
    )


def test_both_are_read_as_they_were_written_and_need_no_newer_reader() -> None:
    written = metadata(test=TESTED, person_cut=CUT)
    document = json.loads(json.dumps(written.to_dict()))
    assert Metadata.from_dict(document) == written
    assert written.schema == metadata().schema


def test_an_artifact_from_before_has_neither() -> None:
    document = json.loads(json.dumps(metadata().to_dict()))
    for key in ("test", "person_cut", "no_person_cut"):
        del document[key]
    read = Metadata.from_dict(document)
    assert (read.test, read.person_cut, read.no_person_cut) == (None, None, "")


@pytest.mark.parametrize(("part", "key", "value"), [("person_cut", "low", 0.7), ("test", "threshold", 1.5)])
def test_what_contradicts_itself_is_not_read(part: str, key: str, value: float) -> None:
    document = json.loads(json.dumps(metadata(test=TESTED, person_cut=CUT).to_dict()))
    document[part][key] = value
    with pytest.raises(ArtifactError, match=part):
        Metadata.from_dict(document)
