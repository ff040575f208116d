"""Several devices side by side: a row an artifact, and nothing invented where one has no figure."""

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from edgeall import reporting
from edgeall.reporting import Fleet, merge
from edgeall.reporting.fleet import side_by_side

Make = Callable[..., dict[str, Any]]


def on(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document | {"device": document["device"] | {"name": name}}


def test_a_row_an_artifact_and_columns_for_each_board(make_document: Make, make_result: Make) -> None:
    both, one = make_result(), make_result(threads=4)
    documents = [("a", on(make_document([both, one]), "a")), ("b", on(make_document([both]), "b"))]
    table = side_by_side(merge(documents))
    assert table.columns == (
        *("artifact", "threads"),
        *("a: ms", "a: accuracy % [95%]"),
        *("b: ms", "b: accuracy % [95%]", "b: as a %"),
    )
    assert [row[:2] for row in table.rows] == [
        ("mobilenetv2 TFLite float32", "1"),
        ("mobilenetv2 TFLite float32", "4"),
    ]
    assert table.rows[0][2] == table.rows[0][4]
    assert table.rows[0][6] == "100.0"
    assert table.rows[1][4:] == ("–", "–", "–")


def test_verdicts_are_held_against_those_of_the_first_device(make_document: Make, make_result: Make) -> None:
    documents = [
        (name, on(make_document([make_result(wrong=wrong)]), name))
        for name, wrong in (("a", []), ("b", [0, 3]))
    ]
    assert side_by_side(merge(documents)).rows[0][6] == f"{100 * 20 / 22:.1f}"


def test_one_device_has_no_such_table(make_document: Make, make_result: Make) -> None:
    benches = merge([("a", make_document([make_result()]))])
    assert not side_by_side(benches).rows
    assert "Side by side" not in reporting.markdown(benches) + reporting.plain_text(benches, 200)


def test_an_emulated_board_has_instructions_in_place_of_milliseconds(
    make_document: Make, make_result: Make
) -> None:
    counted = {"instructions": 49_300_000, "instructions_told": {"runs": [49_300_000]}}
    emulated = on(make_document([make_result(kind="emulated", **counted)], emulated=True), "rpi5-emulated")
    benches = merge([("laptop", on(make_document([make_result()]), "laptop")), ("pi", emulated)])
    table = side_by_side(benches)
    assert table.columns[4] == "rpi5-emulated: million instructions"
    assert table.rows[0][4] == "49.30"
    for text in (reporting.markdown(benches), reporting.plain_text(benches, 400)):
        assert text.index("Side by side") < text.index("Take")


def test_what_an_artifact_failed_at_is_not_taken_for_what_was_not_tried(
    make_document: Make, make_result: Make
) -> None:
    float32, int8 = make_result(sha256="f0"), make_result(precision="int8", sha256="18")
    failure = {"artifact": "x_int8.tflite", "sha256": "18", "error": "cannot be loaded"}
    documents = [
        ("a", on(make_document([float32, int8]), "a")),
        ("b", on(make_document([float32], failures=[failure]), "b")),
        ("c", on(make_document([float32]), "c")),
    ]
    table = side_by_side(merge(documents))
    assert table.rows[1][4:7] == ("failed", "–", "–")
    assert table.rows[1][7:] == ("–", "–", "–")
    assert any(note.startswith("failed: not measured") for note in table.notes)


def test_two_machines_of_one_name_are_told_apart(make_document: Make, make_result: Make) -> None:
    one = make_document([make_result()])
    other = one | {"device": one["device"] | {"model": "another board"}}
    columns = side_by_side(merge([("a", one), ("b", other)])).columns
    assert len(set(columns)) == len(columns)


def test_marks_are_explained_below(make_document: Make, make_result: Make) -> None:
    slow = make_document([make_result(thermal={"throttled": True})])
    file = io.StringIO()
    Console(file=file, width=160).print(Fleet(merge([("a", on(slow, "pi-a")), ("b", on(slow, "pi-b"))])))
    text = file.getvalue()
    assert "pi-a" in text
    assert "pi-b" in text
    assert "throttled: the processor was slowed down" in text
