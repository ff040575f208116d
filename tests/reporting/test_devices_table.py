"""Several devices side by side: a row an artifact, and nothing invented where one has no figure."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from edgeall import reporting
from edgeall.reporting import Fleet
from edgeall.reporting.devices_table import side_by_side
from edgeall.results import merge

Make = Callable[..., dict[str, Any]]

PARITY = {"n": 20, "agreement": 0.5, "max_abs_diff": 0.9, "mean_abs_diff": 0.4}


def on(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document | {"device": document["device"] | {"name": name}}


def test_a_row_an_artifact_and_columns_for_each_board(make_document: Make, make_result: Make) -> None:
    both, one = make_result(), make_result(threads=4)
    documents = [("a", on(make_document([both, one]), "a")), ("b", on(make_document([both]), "b"))]
    table = side_by_side(merge(documents))
    assert table.columns == (
        *("artifact", "threads"),
        *("a: ms", "a: accuracy % [95%]"),
        *("b: ms", "b: accuracy % [95%]", "b: verdicts as a"),
    )
    assert [row[:2] for row in table.rows] == [
        ("mobilenetv2 TFLite float32", "1"),
        ("mobilenetv2 TFLite float32", "4"),
    ]
    assert table.rows[0][2] == table.rows[0][4]
    assert table.rows[0][6] == "22 of 22"
    assert table.rows[1][4:] == ("–", "–", "–")


def test_verdicts_are_held_against_those_of_the_first_device(make_document: Make, make_result: Make) -> None:
    documents = [
        (name, on(make_document([make_result(wrong=wrong)]), name))
        for name, wrong in (("a", []), ("b", [0, 3]))
    ]
    assert side_by_side(merge(documents)).rows[0][6] == "20 of 22"


def test_two_artifacts_that_are_called_alike_are_two_rows(make_document: Make, make_result: Make) -> None:
    plain = make_result(precision="int8", sha256="11", artifact="exports/x_tflite-int8.tflite")
    other = make_result(precision="int8", sha256="22", artifact="exports/x_tflite-int8-io.tflite", wrong=[1])
    documents = [("a", on(make_document([plain, other]), "a")), ("b", on(make_document([plain]), "b"))]
    rows = {row[0]: row[2:] for row in side_by_side(merge(documents)).rows}
    assert rows["mobilenetv2 TFLite INT8 (x_tflite-int8.tflite)"][4] == "22 of 22"
    assert rows["mobilenetv2 TFLite INT8 (x_tflite-int8-io.tflite)"][2:] == ("–", "–", "–")


def test_two_trainings_of_one_backbone_are_two_rows(make_document: Make, make_result: Make) -> None:
    one, two = (make_result(run=f"seed{number}", sha256=f"{number}") for number in (1, 2))
    documents = [("a", on(make_document([one, two]), "a")), ("b", on(make_document([one]), "b"))]
    rows = {row[0]: row for row in side_by_side(merge(documents)).rows}
    assert rows["seed1 TFLite float32"][-1] == "22 of 22"
    assert rows["seed2 TFLite float32"][-1] == "–"


def test_an_artifact_made_anew_is_another_one(make_document: Make, make_result: Make) -> None:
    documents = [(name, on(make_document([make_result(sha256=name * 64)]), name)) for name in ("a", "b")]
    rows = side_by_side(merge(documents)).rows
    assert [row[0][-10:-1] for row in rows] == [" aaaaaaaa", " bbbbbbbb"]
    assert all(row[-1] == "–" for row in rows)


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
    failure = {
        "artifact": "x_int8.tflite",
        "sha256": "18",
        "error": "cannot be loaded",
        "kind": "accuracy",
        "threads": 2,
    }
    documents = [
        ("a", on(make_document([float32, int8]), "a")),
        ("b", on(make_document([float32], failures=[failure]), "b")),
        ("c", on(make_document([float32]), "c")),
    ]
    table = side_by_side(merge(documents))
    assert table.rows[1][4:7] == ("failed", "–", "–")
    assert table.rows[1][7:] == ("–", "–", "–")
    assert "failed on b: x_int8.tflite: cannot be loaded." in table.notes


@pytest.mark.parametrize(
    ("kind", "threads", "failed"),
    [
        ("latency", 4, True),
        ("latency", 2, False),
        ("batch", 4, False),
        ("memory", 4, False),
        (None, None, True),
    ],
)
def test_only_what_keeps_a_row_from_having_figures_is_its_failure(
    make_document: Make, make_result: Make, kind: str | None, threads: int | None, failed: bool
) -> None:
    failure = {"artifact": "x.tflite", "sha256": "f0", "error": "killed", "kind": kind, "threads": threads}
    documents = [
        ("a", on(make_document([make_result(sha256="f0", threads=n) for n in (1, 4)]), "a")),
        ("b", on(make_document([make_result(sha256="f0")], failures=[failure]), "b")),
    ]
    assert side_by_side(merge(documents)).rows[1][4] == ("failed" if failed else "–")


def test_instructions_that_could_not_be_counted_have_failed(make_document: Make, make_result: Make) -> None:
    uncounted = {"instructions": None, "instructions_told": {"reason": "too slow"}}
    result = make_result(sha256="f0", kind="emulated", **uncounted)
    failure = {
        "artifact": "x.tflite",
        "sha256": "f0",
        "error": "too slow",
        "kind": "instructions",
        "threads": 1,
    }
    emulated = on(make_document([result], emulated=True, failures=[failure]), "a-board")
    (row,) = side_by_side(merge([("pi", emulated), ("l", make_document([make_result(sha256="f0")]))])).rows
    # The emulated board comes last, whatever its name.
    assert row[4] == "failed"


def test_what_failed_everywhere_still_has_a_row(make_document: Make, make_result: Make) -> None:
    failure = {
        "artifact": "exports/x.onnx",
        "sha256": "aa",
        "error": "damaged",
        "kind": "accuracy",
        "threads": 1,
    }
    documents = [(name, on(make_document([make_result()], failures=[failure]), name)) for name in ("a", "b")]
    assert ("x.onnx", "–", "failed", "–", "failed", "–", "–") in side_by_side(merge(documents)).rows


def test_verdicts_are_compared_on_the_images_that_both_read(make_document: Make, make_result: Make) -> None:
    whole, part = make_result(), make_result()
    for column in ("images", "names", "truth", "positive", "scores"):
        part["predictions"][column] = part["predictions"][column][:20]
    part |= {"n": 20, "confusion": None}
    documents = [("a", on(make_document([whole]), "a")), ("b", on(make_document([part]), "b"))]
    assert side_by_side(merge(documents)).rows[0][6] == "20 of 20"


def test_artifacts_that_failed_their_parity_say_so(make_document: Make, make_result: Make) -> None:
    bad = make_result(parity=PARITY | {"passed": False})
    table = side_by_side(merge([(name, on(make_document([bad]), name)) for name in ("a", "b")]))
    assert "✗" in table.rows[0][0]
    assert any(note.startswith("✗ parity failed") for note in table.notes)
    open_ = make_result(parity=PARITY | {"passed": None, "outcome": "unproven"})
    table = side_by_side(merge([(name, on(make_document([open_]), name)) for name in ("a", "b")]))
    assert table.rows[0][0].endswith(" ?")
    assert any(note.startswith("? parity unproven") for note in table.notes)


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
