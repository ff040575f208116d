"""Instructions of an emulated board and the estimate made from them, as people see them."""

from collections.abc import Callable
from typing import Any

import pytest

from edgeall import reporting, results
from edgeall.benching.latency_estimate import estimate
from edgeall.errors import MeasurementError
from edgeall.reporting import counts_table
from edgeall.results import to_json

Make = Callable[..., dict[str, Any]]

COUNTED: dict[str, Any] = {
    "instructions": 49_300_000,
    "instructions_told": {"runs": [49_300_000, 49_300_000]},
    "latency_estimate": {
        "latency_kind": "estimated",
        "latency_ms": {"low": 1.4, "high": 9.3},
        "confidence": 0.9,
        "method": "a method",
        "instructions": 49_300_000,
        "board": "Raspberry Pi 5",
        "clock_hz": 2.4e9,
        "threads": 4,
        "extrapolated": False,
        "calibration": [
            {"model": "A INT8", "leave_one_out_error": -0.1},
            {"model": "B INT8", "leave_one_out_error": 0.6},
            {"model": "C INT8", "leave_one_out_error": -0.5},
        ],
    },
}
"""Made up."""


@pytest.fixture
def merged(make_document: Make, make_result: Make) -> Callable[[dict[str, Any]], Any]:
    def make(keys: dict[str, Any]) -> Any:
        result = make_result(precision="int8", kind="emulated", **keys)
        return results.merge([("rpi5-emulated.json", make_document([result], emulated=True))])

    return make


def test_a_device_that_counts_nothing_has_no_such_table(merged: Callable[[dict[str, Any]], Any]) -> None:
    assert not counts_table.counts(merged({})[0]).rows
    assert counts_table.HEADING not in reporting.markdown(merged({}))


def test_an_estimate_is_a_range_that_says_in_its_own_cell_what_it_is(
    merged: Callable[[dict[str, Any]], Any],
) -> None:
    benches = merged(COUNTED)
    ((_, instructions, latency),) = counts_table.counts(benches[0]).rows
    assert (instructions, latency) == ("49.30", "≈ 1.4–9.3 ms estimated")
    for text in (reporting.plain_text(benches, 100), reporting.markdown(benches)):
        told = " ".join(text.split())
        assert "≈ 1.4–9.3 ms estimated" in told
        assert "4 threads at 2.4 GHz" in told
        # Half as long is further off than 1.6 times as long.
        assert (
            "rests on 3 latencies published for Raspberry Pi 5. Each of them, estimated from the others, comes out "
            "wrong by 50%" in told
        )
        assert "in the median, and by -50% at worst (C INT8). A range tells the order of magnitude." in told


def test_an_estimate_is_no_latency(merged: Callable[[dict[str, Any]], Any]) -> None:
    with_estimate, without = (reporting.plain_text(merged(keys), 200) for keys in (COUNTED, {}))
    before, _, after = with_estimate.partition(counts_table.HEADING)
    # Table, verdict and limits are those of a device without one.
    assert before.rstrip() in without
    assert after.split("\n\n")[-1].strip() in without


@pytest.mark.parametrize(
    ("instructions", "kind", "told"),
    [
        (8_346_000_000, "warning", "MORE work, 66.2x the instructions of its float32"),
        (126_100_000, "int8", "1.00x the instructions of its float32"),
        (80_000_000, "int8", "0.635x the instructions of its float32"),
    ],
)
def test_int8_that_takes_more_instructions_than_float_is_a_warning(
    make_document: Make, make_result: Make, instructions: int, kind: Any, told: str
) -> None:
    def counted(precision: str, count: int) -> dict[str, Any]:
        keys = {"instructions": count, "instructions_told": {"runs": [count, count]}}
        return make_result(precision=precision, kind="emulated", **keys)

    document = make_document([counted("float32", 126_000_000), counted("int8", instructions)], emulated=True)
    (bench,) = results.merge([("rpi5-emulated.json", document)])
    assert any(told in text for text in reporting.judge(bench).of(kind))
    assert "as fast" not in reporting.plain_text([bench], 200)


def test_every_int8_artifact_is_held_against_float(make_document: Make, make_result: Make) -> None:
    def counted(precision: str, name: str, count: int) -> dict[str, Any]:
        keys = {"instructions": count, "instructions_told": {"runs": [count, count]}}
        return make_result(precision=precision, kind="emulated", artifact=name, sha256=name, **keys)

    entries = [
        counted("float32", "f", 100),
        counted("int8", "a.tflite", 50),
        counted("int8", "b.tflite", 300),
    ]
    (bench,) = results.merge([("rpi5-emulated.json", make_document(entries, emulated=True))])
    (text,) = (text for text in reporting.judge(bench).of("warning") if "MORE" in text)
    assert "0.500x the instructions of its float32 (a.tflite)" in text
    assert "MORE work, 3.00x the instructions of its float32 (b.tflite)" in text


def test_what_lies_beyond_the_published_models_says_so(merged: Callable[[dict[str, Any]], Any]) -> None:
    small = COUNTED | {"latency_estimate": to_json(estimate("cortex-a76", "tflite", "int8", 1_000_000))}
    (row,) = counts_table.counts(merged(small)[0]).rows
    assert row[2].endswith("estimated, beyond what it is calibrated on")


def test_what_was_not_counted_tells_why(merged: Callable[[dict[str, Any]], Any]) -> None:
    none = {"instructions": None, "latency_estimate": {"reason": "not counted"}}
    table = counts_table.counts(merged(none | {"instructions_told": {"reason": "no compiler"}})[0])
    assert table.rows[0][1:] == ("–", "–")
    assert any("no compiler" in note for note in table.notes)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (to_json(estimate("cortex-a76", "onnx", "int8", 1_000_000)), "XNNPACK's kernels"),
        (to_json(estimate("cortex-a53", "tflite", "int8", 1_000_000)), "no published latency of cortex-a53"),
        ({"reason": "the board is on fire"}, "the board is on fire"),
        (None, "no reason is told"),
    ],
)
def test_what_was_not_estimated_tells_why(
    merged: Callable[[dict[str, Any]], Any], told: dict[str, Any] | None, words: str
) -> None:
    table = counts_table.counts(merged(COUNTED | {"latency_estimate": told})[0])
    assert table.rows[0][1:] == ("49.30", "–")
    (note,) = (note for note in table.notes if note.startswith("– in latency"))
    assert words in note
    assert not note.endswith("..")


@pytest.mark.parametrize(
    "wrong",
    [
        {"instructions": -1},
        {"instructions_told": 3, "instructions": None},
        {"latency_estimate": COUNTED["latency_estimate"] | {"latency_kind": "measured"}},
        {"latency_estimate": COUNTED["latency_estimate"] | {"clock_hz": 0}},
        {"latency_estimate": COUNTED["latency_estimate"] | {"extrapolated": None}},
        {"latency_estimate": {k: v for k, v in COUNTED["latency_estimate"].items() if k != "clock_hz"}},
        {"latency_estimate": {k: v for k, v in COUNTED["latency_estimate"].items() if k != "extrapolated"}},
        {"latency_estimate": COUNTED["latency_estimate"] | {"latency_ms": {"low": 5, "high": 2}}},
    ],
)
def test_nonsense_is_refused(merged: Callable[[dict[str, Any]], Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError):
        merged(COUNTED | wrong)
