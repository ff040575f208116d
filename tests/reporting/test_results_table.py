"""What stands in the table's cells and under it."""

from collections.abc import Callable
from typing import Any

import pytest

from edgeall import results
from edgeall.reporting.results_table import Table, table

Make = Callable[..., dict[str, Any]]

FAILED = {"n": 66, "agreement": 0.5, "max_abs_diff": 0.9, "mean_abs_diff": 0.4, "passed": False}
UNPROVEN = FAILED | {"passed": None, "outcome": "unproven"}


def laid_out(document: dict[str, Any]) -> Table:
    (bench,) = results.merge([("laptop.json", document)])
    return table(bench)


def test_a_row(make_document: Make, make_result: Make) -> None:
    document = make_document(
        [make_result(precision="int8", wrong=[3], base_wrong=[], medians=[4.0, 4.1, 4.05, 4.02])]
    )
    (row,) = laid_out(document).rows
    assert row.family == "mobilenetv2"
    assert row.cells == {
        "artifact": "TFLite INT8",
        "threads": "1",
        "executed": "int8",
        "n": "22",
        "accuracy": "95.5 [78.2–99.2]",
        "f1": "0.95 [0.77–0.99]",
        "auc": "1.00 [0.82–1.00]",
        "agreement": "95.5",
        "delta": "−4.5, p = 1.00",
        "latency": row.cells["latency"],
        "end_to_end": row.cells["end_to_end"],
        "cold_start": "210",
        "memory": "120",
        "size": "9.00",
    }
    p50, p90 = map(float, row.cells["latency"].split(" / "))
    assert 3.9 < p50 < p90 < 4.4


def test_where_subjects_are_known_accuracy_has_the_interval_over_them(
    make_document: Make, make_result: Make
) -> None:
    """Forty wrong images, all of one subject of ten."""
    document = make_document([make_result(negatives=200, positives=200, subjects=10, wrong=range(40))])
    found = laid_out(document)
    told = document["results"][0]["accuracy"]
    assert told["low"] < 0.6
    assert found.rows[0].cells["accuracy"] == f"90.0 [{100 * told['low']:.1f}–{100 * told['high']:.1f}]"
    assert any("count subjects" in note for note in found.notes)


def test_an_older_result_whose_accuracy_counts_images_is_shown_over_subjects(
    make_document: Make, make_result: Make
) -> None:
    over = {"value": 0.9, "low": 0.5, "high": 0.99}
    made = make_result(
        negatives=200, positives=200, subjects=10, wrong=range(40), accuracy_over_subjects=over
    )
    assert laid_out(make_document([made])).rows[0].cells["accuracy"] == "90.0 [50.0–99.0]"


def test_more_than_two_classes_have_a_line_of_their_own(make_document: Make, make_result: Make) -> None:
    """An exchange of two classes with a finding leaves accuracy, F1 and AUC as they were."""
    share = {"value": 0.5, "low": 0.3, "high": 0.7}
    classes = {
        "labels": ["benign", "early", "pre"],
        "recall_by_class": {
            "benign": share | {"value": 0.6},
            "early": share | {"low": None, "high": None},
            "pre": None,
        },
        "accuracy": share,
        "macro": {"precision": 0.5, "recall": 0.5, "f1": 0.49, "auc": None},
    }
    notes = laid_out(
        make_document([make_result(classes=classes), make_result(classes=classes, threads=2)])
    ).notes
    (told,) = [note for note in notes if "most probable class" in note]
    assert told == (
        "mobilenetv2 TFLite float32, most probable class: accuracy 50.0 [30.0–70.0]%, macro F1 0.49; "
        "benign 60.0 [30.0–70.0]%; early 50.0% of their images."
    )


def test_rows_are_grouped_by_backbone_then_format_precision_and_threads(make_journey: Make) -> None:
    rows = laid_out(make_journey()).rows
    assert [row.family for row in rows] == ["densenet201"] * 12 + ["mobilenetv2"] * 12
    assert [(row.cells["artifact"], row.cells["threads"]) for row in rows[:6]] == [
        ("ONNX float32", "1"),
        ("ONNX float32", "2"),
        ("ONNX INT8", "1"),
        ("ONNX INT8", "2"),
        ("OpenVINO float32", "1"),
        ("OpenVINO float32", "2"),
    ]


def test_two_runs_of_one_backbone_go_by_the_names_of_the_runs(make_document: Make, make_result: Make) -> None:
    document = make_document([make_result(run="first"), make_result(run="second", wrong=[1])])
    assert [row.family for row in laid_out(document).rows] == ["first", "second"]


def test_an_int8_artifact_says_how_many_operators_stayed_in_float(
    make_document: Make, make_result: Make
) -> None:
    document = make_document([make_result(precision="int8", float_operators={"SOFTMAX": 1, "MEAN": 2})])
    found = laid_out(document)
    assert found.rows[0].cells["executed"] == "int8, 3 in float"
    assert any(note.startswith("in float:") for note in found.notes)


def test_an_estimate_says_so_in_its_own_cell(make_document: Make, make_result: Make) -> None:
    (row,) = laid_out(make_document([make_result(kind="estimated")])).rows
    assert row.cells["latency"].startswith("≈ ")
    assert row.cells["latency"].endswith(" estimated")
    assert row.cells["end_to_end"].startswith("≈ ")


def test_an_emulators_clock_is_not_shown_even_where_it_was_recorded(
    make_document: Make, make_result: Make
) -> None:
    for kind in ("measured", "emulated"):
        found = laid_out(make_document([make_result(kind=kind)], emulated=True))
        cells = found.rows[0].cells
        assert (cells["latency"], cells["end_to_end"], cells["cold_start"]) == ("–", "–", "–")
        assert any(note.startswith("Emulated:") for note in found.notes)


@pytest.mark.parametrize("mark", ["throttled", "hot"])
def test_a_time_taken_while_throttled_or_hot_is_marked(
    mark: str, make_document: Make, make_result: Make
) -> None:
    found = laid_out(make_document([make_result(thermal={mark: True}, noisy=True)]))
    assert found.rows[0].cells["latency"].endswith(f" noisy {mark}")
    assert any(note.startswith(f"{mark}:") for note in found.notes)
    calm = laid_out(make_document([make_result(thermal={mark: False})]))
    assert mark not in calm.rows[0].cells["latency"]


def test_a_noisy_measurement_is_marked(make_document: Make, make_result: Make) -> None:
    found = laid_out(make_document([make_result(noisy=True)]))
    assert found.rows[0].cells["latency"].endswith(" noisy")
    assert any(note.startswith("noisy:") for note in found.notes)


def test_a_percentile_that_is_not_shown_is_not_marked(make_document: Make, make_result: Make) -> None:
    few = {"n": 3, "p50": None, "p90": None, "mean": 4.0, "min": 3.9, "rounds": [], "raw": []}
    found = laid_out(make_document([make_result(latency_ms=few, noisy=True)]))
    assert found.rows[0].cells["latency"] == "– / –"
    assert not any(note.startswith("noisy:") for note in found.notes)


def test_a_failed_parity_check_is_marked(make_document: Make, make_result: Make) -> None:
    found = laid_out(make_document([make_result(parity=FAILED)]))
    assert found.rows[0].cells["artifact"] == "TFLite float32 ✗"
    assert any("do not use it" in note for note in found.notes)


def test_an_unproven_parity_has_a_mark_of_its_own(make_document: Make, make_result: Make) -> None:
    found = laid_out(make_document([make_result(parity=UNPROVEN)]))
    assert found.rows[0].cells["artifact"] == "TFLite float32 ?"
    assert any(note.startswith("? parity unproven: too few") for note in found.notes)
    for parity in (None, FAILED | {"passed": True, "outcome": "passed"}):
        found = laid_out(make_document([make_result(parity=parity)]))
        assert found.rows[0].cells["artifact"] == "TFLite float32"
        assert not any("parity" in note for note in found.notes)


def test_too_few_runs_leave_the_percentile_out(make_document: Make, make_result: Make) -> None:
    latency = {"n": 20, "p50": 4.0, "p90": None, "mean": 4.0, "min": 3.9, "rounds": [], "raw": []}
    found = laid_out(make_document([make_result(latency_ms=latency)]))
    assert found.rows[0].cells["latency"] == "4.00 / –"
    assert any("too few runs" in note for note in found.notes)


def test_weights_and_split_stand_under_the_table(make_document: Make, make_result: Make) -> None:
    weights = "random weights, BatchNorm recalibrated on 72 training images"
    document = make_document([make_result(weights=weights, data="synthetic", split={"grouped_by": "image"})])
    assert (
        f"mobilenetv2: {weights}; 22 test images, synthetic, split by image: optimistic."
        in laid_out(document).notes
    )


def test_undefined_figures_are_dashes(make_document: Make, make_result: Make) -> None:
    document = make_document([make_result(f1=None, auc=None, vs_float=None, peak_rss_bytes=None)])
    cells = laid_out(document).rows[0].cells
    assert {cells[key] for key in ("f1", "auc", "agreement", "delta", "memory")} == {"–"}


def test_an_ensemble_is_one_row_and_said_to_be_a_sum(make_document: Make, make_result: Make) -> None:
    whole = make_result("mobilenetv2+inceptionv3", members=["runs/a/a.tflite", "runs/b/b.tflite"])
    found = laid_out(make_document([make_result("densenet201"), whole]))
    assert [row.family for row in found.rows] == ["densenet201", "mobilenetv2+inceptionv3"]
    (note,) = [note for note in found.notes if "upper bounds" in note]
    assert note.startswith("mobilenetv2+inceptionv3: 2 models")
    assert not any("upper bounds" in note for note in laid_out(make_document([make_result()])).notes)
