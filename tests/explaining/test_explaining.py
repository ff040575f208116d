"""Maps of evidence: they show where the evidence is, are the same each time, and say when they explain nothing."""

import dataclasses
from pathlib import Path

import granules
import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall.artifact import Artifact, ClassTest, Share, TestFigures
from edgeall.explaining import Explanation, Faithfulness, draw, explain, heat_layer
from edgeall.explaining.drawing import AGAINST, FOR
from edgeall.explaining.faithfulness import doubts
from edgeall.pixels import ByteImage
from edgeall.runtimes import open_session

MOST_INFERENCES = 301


def explained(artifact: Artifact, pixels: ByteImage, batch: int = 1) -> Explanation:
    with open_session(artifact, batch=batch) as session:
        return explain(artifact, session, pixels)


@pytest.mark.parametrize("number", range(len(granules.PLACES)))
def test_a_map_is_highest_where_the_trained_network_finds_its_granule(
    finds_granules: Artifact, cells: list[ByteImage], number: int
) -> None:
    found = explained(finds_granules, cells[number])
    row, column = np.unravel_index(np.nanargmax(found.values), found.values.shape)
    middle = (
        found.grid.top + (row + 0.5) * found.grid.step,
        found.grid.left + (column + 0.5) * found.grid.step,
    )
    granule = np.add(granules.PLACES[number], granules.GRANULE / 2)
    assert np.abs(np.subtract(middle, granule)).max() <= granules.GRANULE
    assert found.holds
    assert found.against == ()


def test_the_same_network_untrained_gives_no_explanation(untrained: Artifact, cells: list[ByteImage]) -> None:
    for pixels in cells:
        found = explained(untrained, pixels)
        assert not found.holds
        assert "less than 1" in found.against[0]


def test_nor_does_a_network_of_random_weights_whose_answers_differ_widely(
    mobile: SmallModel, tmp_path: Path
) -> None:
    artifact = mobile.sealed("tflite-int8", tmp_path, test=figures(0.95, 0.95, 100))
    with open_session(artifact) as session:
        found = [explain(artifact, session, pixels) for pixels in mobile.images[:6]]
    assert not any(each.holds for each in found), "though the artifact claims that it tells classes apart"
    assert max(each.faithfulness.marked for each in found) > 1, "its log-odds do move"
    assert any("random tenths by" in line for each in found for line in each.against)


def test_a_cell_without_evidence_has_no_explanation(finds_granules: Artifact) -> None:
    plain = granules.cell(np.random.default_rng(3))
    assert not explained(finds_granules, plain).holds


def test_a_map_is_the_same_each_time_and_in_any_batch(
    finds_granules: Artifact, cells: list[ByteImage]
) -> None:
    one, again, many = (explained(finds_granules, cells[0], batch) for batch in (1, 1, 7))
    np.testing.assert_array_equal(one.values, again.values)
    assert one.faithfulness == again.faithfulness
    np.testing.assert_allclose(one.values, many.values, atol=1e-3)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_engine_explains_within_its_number_of_inferences(
    tiny: SmallModel, tmp_path: Path, format: str, precision: str
) -> None:
    artifact = tiny.sealed(f"{format}-{precision}", tmp_path)
    found = explained(artifact, tiny.images[0])
    assert 20 < found.inferences <= MOST_INFERENCES
    # These pictures are not on black: the whole picture is explained.
    assert np.isfinite(found.values).all()


def test_a_long_thin_cell_takes_no_more_inferences(finds_granules: Artifact) -> None:
    pixels = np.zeros((granules.SIZE, granules.SIZE, 3), np.uint8)
    pixels[3:45, 10:13] = pixels[30:33, 3:45] = 120
    assert explained(finds_granules, pixels).inferences <= MOST_INFERENCES


@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_one_colour_has_no_explanation(finds_granules: Artifact, value: int) -> None:
    pixels = np.full((granules.SIZE, granules.SIZE, 3), value, np.uint8)
    found = explained(finds_granules, pixels)
    assert not found.holds
    assert found.faithfulness.ratio is None
    assert draw(found, pixels, granules.DECISION).size[0] < 1200


def test_values_are_null_outside_the_cell_in_json(finds_granules: Artifact, cells: list[ByteImage]) -> None:
    found = explained(finds_granules, cells[0])
    document = found.to_dict()
    rows, columns = document["grid"]["rows"], document["grid"]["columns"]
    assert [len(row) for row in document["values"]] == [columns] * rows
    assert document["values"][0][0] is None
    assert document["explanation"] is True
    assert document["inferences"] <= MOST_INFERENCES
    shares = [document["grid"][name] for name in ("left", "top", "right", "bottom")]
    cell = granules.RADIUS / granules.SIZE
    assert shares == pytest.approx([0.5 - cell, 0.5 - cell, 0.5 + cell, 0.5 + cell], abs=0.08)


def test_evidence_for_and_against_have_their_colours(
    finds_granules: Artifact, cells: list[ByteImage]
) -> None:
    found = explained(finds_granules, cells[0])
    other = dataclasses.replace(found, values=-found.values)
    for explanation, colour in ((found, FOR), (other, AGAINST)):
        layer = np.asarray(heat_layer(explanation, cells[0], 48)).astype(int)
        strongest = np.unravel_index(layer[..., 3].argmax(), layer.shape[:2])
        assert layer[strongest][:3] == pytest.approx(colour, abs=2)
        assert layer[0, 0, 3] == 0, "nothing on the ground"


def test_a_map_that_explains_nothing_is_crossed_out(finds_granules: Artifact, cells: list[ByteImage]) -> None:
    found = explained(finds_granules, cells[0])
    doubted = dataclasses.replace(found, against=("of the test",))
    one, other = (draw(each, cells[0], granules.DECISION) for each in (found, doubted))
    assert other.height > one.height, "the legend says why"
    difference = np.asarray(one.convert("L"))[:400, 500:900] != np.asarray(other.convert("L"))[:400, 500:900]
    assert difference.any()


def test_labels_of_any_script_and_length_can_be_drawn(
    finds_granules: Artifact, cells: list[ByteImage]
) -> None:
    found = explained(finds_granules, cells[0])
    decision = dataclasses.replace(
        granules.DECISION, labels=("स्वस्थ", "ल्यूकेमिया" * 50), positive=("ल्यूकेमिया" * 50,)
    )
    assert draw(found, cells[0], decision).size == draw(found, cells[0], granules.DECISION).size


def figures(sensitivity: float, specificity: float, images: int) -> TestFigures:
    positive, negative = (ClassTest(Share(share), images, None) for share in (sensitivity, specificity))
    return TestFigures("the Keras model", "image", 0.5, positive, negative, None)


TESTED = figures(0.67, 0.94, 18)
GOOD = Faithfulness(marked=3.0, random=0.9, largest_random=2.0, draws=19)


@pytest.mark.parametrize(
    ("found", "test", "words"),
    [
        (GOOD, None, "no test figures"),
        (GOOD, figures(0.67, 0.94, 18), None),
        (GOOD, figures(0.5, 0.55, 100), "do not show that the model is better than guessing"),
        (GOOD, figures(1.0, 1.0, 1), "do not show that the model is better than guessing"),
        (
            dataclasses.replace(GOOD, marked=0.99, random=0.1, largest_random=0.3),
            None,
            "by 0.99, less than 1",
        ),
        (dataclasses.replace(GOOD, random=1.6), TESTED, "random tenths by 1.60 on average"),
        (dataclasses.replace(GOOD, largest_random=3.1), TESTED, "3.10 at most"),
        # A random tenth may hold the same evidence.
        (dataclasses.replace(GOOD, largest_random=3.0), TESTED, None),
    ],
)
def test_the_rule(found: Faithfulness, test: TestFigures | None, words: str | None) -> None:
    why = doubts(found, test)
    assert (why == ()) == (words is None)
    assert words is None or any(words in line for line in why)
