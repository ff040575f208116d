"""What is said of corrupted pictures: a loss that nothing refuses, INT8 that breaks first, and too few subjects."""

from typing import Any

import pytest
from corruption_answers import as_json, figures
from verdicts import Make, verdict

from edgeall import reporting, results
from edgeall.errors import MeasurementError
from edgeall.reporting.corruptions_table import corruptions, every_corruption
from edgeall.reporting.markdown import markdown

NAME = "mobilenetv2 TFLite"
CLEAR = {"noise 4": 30, "noise 5": 45}


def said(make_document: Make, *rows: dict[str, Any]) -> tuple[str, str]:
    """The warnings and the statements on corrupted pictures."""
    found = verdict(make_document(list(rows)))
    return " ".join(found.of("warning")), " ".join(found.of("robustness"))


def row(make_result: Make, *args: Any, int8: bool = False, **options: Any) -> dict[str, Any]:
    usual = {"precision": "int8", "base_wrong": []} if int8 else {}
    return make_result(**usual, corruptions=as_json(figures(60, *args, **options)))


def test_nothing_is_said_where_nothing_was_corrupted(make_document: Make, make_result: Make) -> None:
    warnings, statements = said(make_document, make_result())
    assert "corrupted" not in warnings
    assert statements == ""
    (bench,) = results.merge([("one", make_document([make_result()]))])
    assert corruptions(bench).rows == every_corruption(bench).rows == ()


def test_a_shift_that_hurts_and_is_not_refused_is_a_warning(make_document: Make, make_result: Make) -> None:
    warnings, statements = said(make_document, row(make_result, CLEAR, {"noise 4": 2, "noise 5": 31}))
    assert f"{NAME} float32: a shift that hurts and is not refused: at noise 4 a loss" in warnings
    assert (
        "refuses fewer than 50% of the pictures; sensitivity is 50.0% at noise 4, 100.0% unchanged."
        in warnings
    )
    assert "a loss is shown at noise 4 and 5, of which noise 5 would be refused" in statements
    assert "25.0 [15.8–37.2]% at noise 5, beside 100.0 [94.0–100.0]% unchanged; 31" in statements


def test_a_shift_that_is_refused_is_none(make_document: Make, make_result: Make) -> None:
    warnings, statements = said(make_document, row(make_result, CLEAR, {"noise 4": 30, "noise 5": 60}))
    assert "not refused" not in warnings
    assert "of which noise 4 and 5 would be refused" in statements


def test_without_a_domain_nothing_refuses(make_document: Make, make_result: Make) -> None:
    warnings, _ = said(make_document, row(make_result, CLEAR))
    assert "at noise 4 and 5 a loss of accuracy or AUC is shown" in warnings
    assert "the artifact has none" in warnings


def test_a_fall_that_chance_can_make_is_no_loss(make_document: Make, make_result: Make) -> None:
    warnings, statements = said(make_document, row(make_result, {"noise 5": 6}, {}))
    assert "corrupt" not in warnings
    assert "no loss is shown. Lowest accuracy of 60 corrupted images: 90.0" in statements


def test_int8_breaks_before_float32(make_document: Make, make_result: Make) -> None:
    wrong = {"noise 2": 30, "noise 3": 35, "noise 4": 40}
    of_float = {"noise 4": 38}
    warnings, _ = said(
        make_document,
        row(make_result, of_float, {}),
        row(make_result, wrong, {}, base=of_float, int8=True),
    )
    assert f"{NAME} INT8: INT8 breaks before float32 at noise 2: its loss is shown" in warnings


def test_two_that_cannot_be_told_apart_do_not_break_one_before_the_other(
    make_document: Make, make_result: Make
) -> None:
    """A shown loss beside one that is not shown is no difference between the two."""
    a, b = {"noise 3": 6}, {"noise 3": 9}
    warnings, statements = said(
        make_document, row(make_result, a, {}), row(make_result, b, {}, base=a, int8=True)
    )
    assert "breaks before" not in warnings
    assert (
        f"{NAME} INT8: at noise 3 a loss is shown of INT8 and not of float32, but no difference" in statements
    )


def test_artifacts_of_which_the_same_is_to_be_said_share_a_sentence(
    make_document: Make, make_result: Make
) -> None:
    found = as_json(figures(60, CLEAR, {}))
    rows = [make_result(format=name, corruptions=found) for name in ("tflite", "onnx")]
    warnings, _ = said(make_document, *rows)
    assert warnings.count("a shift that hurts") == 1
    assert "mobilenetv2 ONNX float32 and mobilenetv2 TFLite float32: a shift" in warnings


def test_few_subjects_show_nothing_and_that_is_said(make_document: Make, make_result: Make) -> None:
    one_class = {"subjects": 2, "of_one_class": True}
    warnings, statements = said(
        make_document, row(make_result, {"noise 5": 50, "jpeg 5": 6}, {}, **one_class)
    )
    assert (
        "a shift that may hurt and is not refused: at jpeg 5 and noise 5 accuracy is lower by 10 points"
        in warnings
    )
    assert "sensitivity is 16.7% at noise 5, 100.0% unchanged. This is seen, not shown" in warnings
    assert "60 corrupted images of 2 subjects" in statements
    assert "Corruptions were measured on 2 subjects (60 images)." in statements
    assert "no loss shown does not mean robust" in statements
    warnings, statements = said(make_document, row(make_result, {"noise 5": 50}, {}))
    assert "may hurt" not in warnings
    assert "does not mean robust" not in statements


@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_figure_is_cut_on_a_terminal(width: int, make_document: Make, make_result: Make) -> None:
    document = make_document([row(make_result, CLEAR, {"noise 4": 2, "noise 5": 31})])
    text = reporting.plain_text(results.merge([("one", document)]), width)
    for part in ("25.0 [15.8–37.2]", "noise 5", "0 → 31 of 60", "2 of 40", "1 of 2"):
        assert part in text
    assert all(len(line) <= width for line in text.splitlines())


def test_markdown_has_every_corruption(make_document: Make, make_result: Make) -> None:
    document = make_document([row(make_result, CLEAR, {"noise 4": 2, "noise 5": 31})])
    text = markdown(results.merge([("one", document)]))
    clean = " | ".join(["100.0 (0)"] * 4)
    assert f"| {NAME} float32 | noise | {clean} | 50.0↓ (2) | 25.0↓ (31) |" in text
    assert text.count(f"| {NAME} float32 |") == 9


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("points", 0, "refused"), 61),
        (("points", 0, "accuracy", "value"), 1.5),
        (("points", 0, "n"), 0),
        (("points", 0, "strength"), 2),
        (("most",), 0),
    ],
)
def test_figures_that_cannot_be_are_refused(
    path: tuple[Any, ...], value: Any, make_document: Make, make_result: Make
) -> None:
    document = make_document([row(make_result, CLEAR, {})])
    place = document["results"][0]["corruptions"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(MeasurementError, match="corruptions"):
        results.merge([("one", document)])


def test_the_table_says_what_three_subjects_cannot_show(make_document: Make, make_result: Make) -> None:
    few = row(make_result, {"noise 5": 50}, {}, subjects=3, of_one_class=True)
    (bench,) = results.merge([("one", make_document([few]))])
    notes = " ".join(corruptions(bench).notes)
    assert "3 subjects cannot show a loss of accuracy, however large." in notes
    (many,) = results.merge([("one", make_document([row(make_result, CLEAR, {})]))])
    assert "cannot show" not in " ".join(corruptions(many).notes)
    assert "no interval" not in " ".join(corruptions(many).notes)


def test_the_table_says_why_a_value_has_no_interval(make_document: Make, make_result: Make) -> None:
    found = as_json(figures(60, {"noise 5": 50}, {}, subjects=3, of_one_class=True))
    for point in (found["unchanged"], *found["points"]):
        point["accuracy"] |= {"low": None, "high": None}
    (bench,) = results.merge([("one", make_document([make_result(corruptions=found)]))])
    assert "A value without [95%]: no interval can be shown with so few subjects." in corruptions(bench).notes
