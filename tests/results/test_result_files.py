"""Reading bench results: what is wrong is said in one line that names the key."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from bench_documents import document as make_document
from bench_documents import journey as make_journey
from bench_documents import result as make_result
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall import reporting, results
from edgeall.errors import EdgeallError, MeasurementError, UsageError


def test_a_bench_is_read() -> None:
    (bench,) = results.merge([("laptop.json", make_document([make_result(wrong=[3], subjects=6)]))])
    (result,) = bench.results
    assert (bench.device, bench.machine) == ("laptop", "Example CPU @ 2.10GHz, 2 cores")
    assert (result.backbone, result.precision, result.n, result.clusters) == ("mobilenetv2", "float32", 22, 6)
    assert result.accuracy.value == pytest.approx(21 / 22)
    assert result.latency_ms is not None
    assert len(result.latency_ms.rounds) == 5


def test_cards_are_named_before_the_machine_that_holds_them() -> None:
    document = make_document([make_result()], device="gpu")
    document["device"]["cards"] = [
        {"name": "NVIDIA Sample GPU", "driver": "550.54.15", "memory_bytes": 81_559 << 20},
        {"name": "Intel Sample Graphics", "driver": None, "memory_bytes": None},
    ]
    benches = results.merge([("gpu.json", document)])
    heading = (
        "gpu (NVIDIA Sample GPU (80 GiB, driver 550.54.15), Intel Sample Graphics, Example CPU @ 2.10GHz"
    )
    assert heading in reporting.markdown(benches)
    assert heading in " ".join(reporting.plain_text(benches, 200).split())


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("schema",), 99, "schema 99, this edgeall reads up to 1: update edgeall"),
        (("device",), None, "device"),
        (("device", "cards"), [{}], r"device.cards\[0\].name"),
        (("device", "emulated"), "no", "device.emulated"),
        (("results", 0, "accuracy"), None, r"results\[0\].accuracy"),
        (("results", 0, "accuracy", "low"), 1.5, r"results\[0\].*accuracy.low is 1.5, not from 0 to 1"),
        (("results", 0, "threads"), 1.5, r"results\[0\].threads"),
        (("results", 0, "threads"), -1, r"results\[0\].*threads is -1, not at least 0"),
        (("results", 0, "latency_kind"), "guessed", r"results\[0\].latency_kind"),
        (
            ("results", 0, "latency_ms", "rounds", 2, "median"),
            0,
            r"rounds\[2\].*median is 0.0, not at least 1e-09",
        ),
        (("results", 0, "predictions", "truth"), [True], "predictions.*its columns are of different lengths"),
        (("results", 0, "predictions", "scores"), [0.5], "predictions.*its columns are of different lengths"),
        (("results", 0, "predictions", "scores", 0), 7.0, r"scores\[0\] is 7, not from 0 to 1.001"),
        (("results", 0, "parity", "passed"), None, r"results\[0\].*parity.outcome is not unproven"),
        (("results", 0, "parity", "passed"), "no", "parity.passed"),
        (("results", 0, "parity", "n"), -1, r"results\[0\].*parity.n is -1, not at least 0"),
        (("results",), {}, "results"),
    ],
)
def test_a_wrong_value_is_named(path: tuple[Any, ...], value: Any, named: str) -> None:
    document = make_document([make_result()])
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(MeasurementError) as error:
        results.merge([("laptop.json", document)])
    assert re.match(f"laptop.json: .*{named}", str(error.value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[1", '{"schema": NaN}', "\x00"])
def test_a_file_that_is_no_json(text: str, tmp_path: Path) -> None:
    file = tmp_path / "laptop.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"laptop\.json: cannot be read as JSON"):
        results.load([file])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file; make results with: edgeall bench"):
        results.load([tmp_path / "laptop.json"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), wild=JSON)
def test_whatever_stands_anywhere_it_is_read_or_refused_in_one_line(data: st.DataObject, wild: Any) -> None:
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
        benches = results.merge([("laptop.json", document)])
    except EdgeallError as error:
        told = str(error)
    else:
        told = reporting.markdown(benches).splitlines()[0]
        json.dumps(reporting.to_json(benches), allow_nan=False)
    assert "\n" not in told


def test_results_of_one_device_are_merged_and_the_same_file_twice_counts_once() -> None:
    one, other = make_document([make_result()]), make_document([make_result("densenet201")])
    pi = make_document([make_result()], device="rpi5")
    benches = results.merge([("a", one), ("b", other), ("a again", one), ("c", pi)])
    assert [(bench.device, len(bench.results)) for bench in benches] == [("laptop", 2), ("rpi5", 1)]


def test_three_outcomes_of_a_gate_and_none() -> None:
    sound = make_result()["parity"] | {"n": 66}
    told = [
        sound,
        sound | {"passed": False, "outcome": "failed"},
        sound | {"passed": None, "outcome": "unproven", "reasons": ["too few"]},
        None,
    ]
    entries = [make_result(run=f"run{place}", parity=parity) for place, parity in enumerate(told)]
    (bench,) = results.merge([("laptop.json", make_document(entries))])
    assert [result.parity and result.parity.word for result in bench.results] == [
        "passed",
        "failed",
        "unproven",
        None,
    ]
    assert [(result.failed_parity, result.unproven) for result in bench.results] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_artifacts_of_one_run_may_have_thresholds_of_their_own() -> None:
    """An INT8 score below the float model's threshold and above its own is a finding."""
    int8 = make_result(precision="int8", wrong=[3], base_wrong=[], threshold=0.3)
    int8["predictions"]["scores"] = [0.7 * score for score in int8["predictions"]["scores"]]
    (bench,) = results.merge([("laptop.json", make_document([make_result(threshold=0.6), int8]))])
    assert [result.accuracy.value for result in bench.results] == pytest.approx([1.0, 21 / 22])
    (text,) = [text for text in reporting.judge(bench).of("warning") if "same verdict" in text]
    assert "same verdict on 95.5% of 22 images" in text


def test_two_machines_of_one_name_are_kept_apart() -> None:
    one, other = make_document([make_result()]), make_document([make_result()])
    other["device"]["cpu"] = "Another CPU"
    assert len(results.merge([("a", one), ("b", other)])) == 2


def test_what_a_report_wrote_as_json_can_be_read_again(tmp_path: Path) -> None:
    benches = results.merge([("laptop.json", make_journey())])
    file = tmp_path / "report.json"
    file.write_text(json.dumps(reporting.to_json(benches), allow_nan=False))
    assert results.load([file]) == benches


def test_no_control_character_reaches_the_terminal() -> None:
    document = make_document([make_result(weights="\x1b[31mred\x07", run="a\nb")])
    (bench,) = results.merge([("laptop.json", document)])
    assert bench.results[0].weights == "[31mred"
    assert bench.results[0].run == "ab"


def test_a_document_is_written_as_it_was_read() -> None:
    document = make_document([make_result(precision="int8", base_wrong=[1], wrong=[1, 2], subjects=11)])
    known = document["results"][0]["latency_ms"]
    more = {key: known[key] for key in ("n", "p50", "p90")} | {"p99.9": 12.5} | known
    document["results"][0]["latency_ms"] = more
    written = results.to_json(results.build("bench", document))
    for key in ("latency_ms", "predictions", "accuracy", "intervals"):
        assert list(written["results"][0][key].items()) == list(document["results"][0][key].items())
    read = results.build("bench", written)
    assert results.to_json(read) == written
    assert read.results[0].latency_ms.p99_9 == 12.5  # type: ignore[union-attr]


def test_a_key_that_may_be_missing_is_not_written_as_null() -> None:
    (measured, emulated) = (
        results.to_json(results.build("bench", make_document([make_result(kind=kind)])))["results"][0]
        for kind in ("measured", "emulated")
    )
    for key in ("instructions", "members", "cross_check", "emulation_wall_ms"):
        assert key not in measured
    assert emulated["latency_ms"] is None


def test_keys_of_a_later_version_are_ignored() -> None:
    document = make_document([make_result(later={"a": 1})], later=[1])
    (bench,) = results.merge([("laptop.json", document)])
    assert len(bench.results) == 1
    assert bench.documents == (document,)
