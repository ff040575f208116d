"""INT8 beside float32: what it costs in accuracy, what it gains in time, and what really ran."""

from typing import Any

from bench_documents import document, journey, result

from edgeall import results
from edgeall.reporting.int8_table import COLUMNS, float_against_int8
from edgeall.reporting.results_table import SideTable


def told(*measured: dict[str, Any], **changes: Any) -> SideTable:
    return float_against_int8(results.merge([("laptop.json", document(measured, **changes))])[0])


def row(table: SideTable) -> dict[str, str]:
    (only,) = table.rows
    return dict(zip(COLUMNS, only, strict=True))


def float32(**changes: Any) -> dict[str, Any]:
    return result(wrong=[3], subjects=11, **changes)


def int8(wrong: tuple[int, ...] = (3,), **changes: Any) -> dict[str, Any]:
    more = {"medians": (5.0, 5.1, 4.95, 5.05, 5.0), "size_mb": 2.7} | changes
    return result(precision="int8", wrong=wrong, base_wrong=[3], subjects=11, **more)


def test_each_int8_has_a_row_beside_the_float32_of_its_threads() -> None:
    found = float_against_int8(results.merge([("laptop.json", journey(subjects=11))])[0])
    assert [cells[:2] for cells in found.rows[:4]] == [
        ("densenet201 ONNX INT8", "1"),
        ("densenet201 ONNX INT8", "2"),
        ("densenet201 OpenVINO INT8", "1"),
        ("densenet201 OpenVINO INT8", "2"),
    ]
    assert len(found.rows) == 12


def test_speed_up_and_size_are_beside_those_of_float32() -> None:
    cells = row(told(float32(), int8()))
    assert cells["speed-up [95%]"].startswith("2.00x [")
    assert cells["size of float's %"] == "30.0"
    assert cells["finding"] == "no difference shown"


def test_equal_verdicts_differ_by_nothing() -> None:
    cells = row(told(float32(), int8()))
    assert cells["verdicts as float % [95%]"].startswith("100.0 [")
    assert cells["Δ accuracy, points [95%]"] == "0.0"
    assert cells["p of Δ accuracy"] == "1.00"


def test_a_loss_is_a_word() -> None:
    cells = row(told(float32(), int8((3, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20))))
    assert cells["finding"].startswith("loses accuracy")
    assert cells["Δ accuracy, points [95%]"].startswith("−50.0 [")


def test_int8_that_saves_no_time_is_said_to() -> None:
    slower = row(told(float32(), int8(medians=(12.0, 12.2, 11.9, 12.1, 12.0))))
    assert slower["finding"] == "no difference shown, not faster"
    hardly = row(told(float32(), int8(medians=(9.8, 10.0, 9.7, 9.9, 9.8))))
    assert hardly["finding"] == "no difference shown, hardly faster"


def test_operators_left_in_float_are_counted() -> None:
    cells = row(told(float32(), int8(float_operators={"SOFTMAX": 2})))
    assert cells["ran as"] == "int8, 2 in float"


def test_an_emulated_board_has_no_speed_up() -> None:
    cells = row(told(float32(kind="emulated"), int8(kind="emulated"), emulated=True))
    assert cells["speed-up [95%]"] == "–"


def test_without_float32_there_is_no_row() -> None:
    assert told(int8()).rows == ()
    assert told(float32(), result(format="onnx", precision="int8")).rows == ()
