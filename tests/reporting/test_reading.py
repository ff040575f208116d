"""Reading bench results: what is wrong is said in one line that names the key."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeall import reporting
from edgeall.errors import EdgeallError, MeasurementError, UsageError

Make = Callable[..., dict[str, Any]]


def test_a_bench_is_read(make_document: Make, make_result: Make) -> None:
    (bench,) = reporting.merge([("laptop.json", make_document([make_result(wrong=[3], subjects=6)]))])
    (result,) = bench.results
    assert (bench.device, bench.machine) == ("laptop", "Example CPU @ 2.10GHz, 2 cores")
    assert (result.backbone, result.precision, result.n, result.clusters) == ("mobilenetv2", "float32", 22, 6)
    assert result.accuracy.value == pytest.approx(21 / 22)
    assert result.latency is not None
    assert len(result.latency.rounds) == 5


def test_cards_are_named_before_the_machine_that_holds_them(make_document: Make, make_result: Make) -> None:
    document = make_document([make_result()], device="gpu")
    document["device"]["cards"] = [
        {"name": "NVIDIA Sample GPU", "driver": "550.54.15", "memory_bytes": 81_559 << 20},
        {"name": "Intel Sample Graphics", "driver": None, "memory_bytes": None},
    ]
    benches = reporting.merge([("gpu.json", document)])
    heading = (
        "gpu (NVIDIA Sample GPU (80 GiB, driver 550.54.15), Intel Sample Graphics, Example CPU @ 2.10GHz"
    )
    assert heading in reporting.markdown(benches)
    assert heading in " ".join(reporting.plain_text(benches, 200).split())


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("schema",), 99, "schema: expected 1"),
        (("device",), None, "device: expected an object"),
        (("device", "cards"), [{}], "device.cards[0].name: expected"),
        (("device", "emulated"), "no", "device.emulated: expected true or false"),
        (("results", 0, "accuracy"), None, "results[0].accuracy: expected an object"),
        (("results", 0, "accuracy", "low"), 1.5, "results[0].accuracy.low: expected a number"),
        (("results", 0, "threads"), 1.5, "results[0].threads: expected a whole number"),
        (
            ("results", 0, "latency_kind"),
            "guessed",
            "results[0].latency_kind: expected measured or estimated",
        ),
        (("results", 0, "latency_ms", "rounds", 2, "median"), 0, "rounds[2].median: expected a number"),
        (("results", 0, "predictions", "truth"), [True], "predictions: expected columns of equal length"),
        (("results", 0, "predictions", "scores"), [0.5], "predictions: expected columns of equal length"),
        (("results", 0, "predictions", "scores", 0), 7.0, "scores[0]: expected a number from 0 to 1.001"),
        (("results", 0, "parity", "passed"), None, "parity.outcome: expected unproven, found nothing"),
        (("results", 0, "parity", "passed"), "no", "parity.passed: expected true or false"),
        (("results", 0, "parity", "n"), -1, "parity.n: expected a whole number"),
        (("results",), {}, "results: expected a list"),
    ],
)
def test_a_wrong_value_is_named(
    path: tuple[Any, ...], value: Any, named: str, make_document: Make, make_result: Make
) -> None:
    document = make_document([make_result()])
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(MeasurementError) as error:
        reporting.merge([("laptop.json", document)])
    assert str(error.value).startswith("laptop.json: ")
    assert named in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[1", '{"schema": NaN}', "\x00"])
def test_a_file_that_is_no_json(text: str, tmp_path: Path) -> None:
    file = tmp_path / "laptop.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"laptop\.json: cannot be read as JSON"):
        reporting.load([file])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file; make results with: edgeall bench"):
        reporting.load([tmp_path / "laptop.json"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), wild=JSON)
def test_whatever_stands_anywhere_it_is_read_or_refused_in_one_line(
    data: st.DataObject, wild: Any, make_document: Make, make_result: Make
) -> None:
    document = copy.deepcopy(make_document([make_result(base_wrong=[1], medians=[1.0, 1.1])]))
    inner: Any = document
    while True:
        keys = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], dict | list) or not inner[key] or data.draw(st.booleans()):
            inner[key] = wild
            break
        inner = inner[key]
    try:
        benches = reporting.merge([("laptop.json", document)])
    except EdgeallError as error:
        told = str(error)
    else:
        told = reporting.markdown(benches).splitlines()[0]
        json.dumps(reporting.to_json(benches), allow_nan=False)
    assert "\n" not in told


def test_results_of_one_device_are_merged_and_the_same_file_twice_counts_once(
    make_document: Make, make_result: Make
) -> None:
    one, other = make_document([make_result()]), make_document([make_result("densenet201")])
    pi = make_document([make_result()], device="rpi5")
    benches = reporting.merge([("a", one), ("b", other), ("a again", one), ("c", pi)])
    assert [(bench.device, len(bench.results)) for bench in benches] == [("laptop", 2), ("rpi5", 1)]


def test_three_outcomes_of_a_gate_and_none(make_document: Make, make_result: Make) -> None:
    told = [
        {"n": 66, "passed": True},
        {"n": 66, "passed": False, "outcome": "failed"},
        {"n": 66, "passed": None, "outcome": "unproven", "reasons": ["too few"]},
        None,
    ]
    results = [make_result(run=f"run{place}", parity=parity) for place, parity in enumerate(told)]
    (bench,) = reporting.merge([("laptop.json", make_document(results))])
    gates = [result.parity for result in bench.results]
    assert [gate and (gate.outcome, gate.n) for gate in gates] == [
        ("passed", 66),
        ("failed", 66),
        ("unproven", 66),
        None,
    ]
    assert [(result.failed_parity, result.unproven) for result in bench.results] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_artifacts_of_one_run_may_have_thresholds_of_their_own(
    make_document: Make, make_result: Make
) -> None:
    """An INT8 score below the float model's threshold and above its own is a finding."""
    int8 = make_result(precision="int8", wrong=[3], base_wrong=[], threshold=0.3)
    int8["predictions"]["scores"] = [0.7 * score for score in int8["predictions"]["scores"]]
    (bench,) = reporting.merge([("laptop.json", make_document([make_result(threshold=0.6), int8]))])
    assert [result.accuracy.value for result in bench.results] == pytest.approx([1.0, 21 / 22])
    (text,) = [text for text in reporting.judge(bench).of("warning") if "same verdict" in text]
    assert "same verdict on 95.5% of 22 images" in text


def test_two_machines_of_one_name_are_kept_apart(make_document: Make, make_result: Make) -> None:
    one, other = make_document([make_result()]), make_document([make_result()])
    other["device"]["cpu"] = "Another CPU"
    assert len(reporting.merge([("a", one), ("b", other)])) == 2


def test_what_a_report_wrote_as_json_can_be_read_again(make_journey: Make, tmp_path: Path) -> None:
    benches = reporting.merge([("laptop.json", make_journey())])
    file = tmp_path / "report.json"
    file.write_text(json.dumps(reporting.to_json(benches), allow_nan=False))
    assert reporting.load([file]) == benches


def test_no_control_character_reaches_the_terminal(make_document: Make, make_result: Make) -> None:
    document = make_document([make_result(weights="\x1b[31mred\x07", run="a\nb")])
    (bench,) = reporting.merge([("laptop.json", document)])
    assert bench.results[0].weights == "[31mred"
    assert bench.results[0].run == "ab"
