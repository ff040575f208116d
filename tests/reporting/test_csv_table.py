"""The report as CSV: a row a result, figures as they were measured."""

import csv
import io
from typing import Any

from verdicts import Make

from edgeall import reporting, results


def written(*documents: dict[str, Any]) -> list[dict[str, str]]:
    text = reporting.to_csv(results.merge([(f"{place}.json", each) for place, each in enumerate(documents)]))
    return list(csv.DictReader(io.StringIO(text)))


def test_each_result_is_a_row_with_its_figures_and_their_intervals(make_journey: Make) -> None:
    document = make_journey(subjects=8)
    (bench,) = results.merge([("laptop.json", document)])
    rows = written(document)
    assert len(rows) == len(bench.results) == 24
    for row, result in zip(rows, bench.results, strict=True):
        assert (row["backbone"], row["format"], row["precision"]) == result.name[:3]
        assert float(row["accuracy"]) == result.accuracy_shown.value
        assert float(row["accuracy_low"]) == result.accuracy_shown.low
        assert result.latency_ms is not None
        assert float(row["latency_p50_ms"]) == result.latency_ms.p50
        assert float(row["latency_rounds_low_ms"]) < float(row["latency_rounds_high_ms"])
        assert int(row["size_bytes"]) == result.size_bytes
        assert (row["images"], row["subjects"]) == ("22", "8")
    assert [row["recommended"] for row in rows].count("true") == 1
    assert max(len(value) for row in rows for value in row.values()) < 100, "no raw timings"


def test_what_is_unknown_is_an_empty_cell(make_document: Make, make_result: Make) -> None:
    alone = make_result(latency_kind="emulated", latency_ms=None, auc=None, mcc=None, parity=None)
    (row,) = written(make_document([alone], emulated=True))
    for name in ("auc", "auc_low", "mcc", "parity", "latency_p50_ms", "cold_start_ms", "peak_memory_bytes"):
        assert row[name] == "", name
    assert (row["latency_kind"], row["recommended"]) == ("emulated", "false")


def test_energy_has_its_source(make_document: Make, make_result: Make) -> None:
    told = {"joules_per_inference": 0.03, "source": "PMIC: rails"}
    by_source = {
        "PMIC: rails": {"energy_mj": 30.0, "energy": told},
        "the whole processor package by its own counters": {"energy_mj": 30.0},
        "": {"energy": {"reason": "this system shows none"}},
    }
    for source, keys in by_source.items():
        (row,) = written(make_document([make_result(**keys)]))
        assert row["energy_source"] == source


def test_an_estimate_is_a_range_and_no_measured_latency(make_document: Make, make_result: Make) -> None:
    estimate = {
        "latency_kind": "estimated", "latency_ms": {"low": 20.0, "high": 40.0}, "method": "instructions",
        "board": "rpi5", "clock_hz": 2.4e9, "threads": 1, "extrapolated": False,
        "calibration": [{"leave_one_out_error": 0.3}],
    }  # fmt: skip
    (row,) = written(make_document([make_result(kind="emulated", latency_estimate=estimate)], emulated=True))
    assert (row["latency_estimated_low_ms"], row["latency_estimated_high_ms"]) == ("20.0", "40.0")
    assert row["latency_p50_ms"] == ""


def test_what_could_not_be_measured_has_a_row_with_the_reason(make_document: Make, make_result: Make) -> None:
    failures = [{"artifact": "a_openvino-int8.xml", "error": "object is not initialized"}]
    _, row = written(make_document([make_result()], failures=failures))
    assert (row["artifact"], row["failure"], row["accuracy"]) == (
        *("a_openvino-int8.xml", "object is not initialized"),
        "",
    )


def test_text_from_outside_is_no_formula(make_document: Make, make_result: Make) -> None:
    document = make_document([make_result('=HYPERLINK("http://x")', artifact="@a", run="-r")], device="+d")
    (row,) = written(document)
    assert row["backbone"] == '\'=HYPERLINK("http://x")'
    assert (row["artifact"], row["run"], row["device"]) == ("'@a", "'-r", "'+d")
    assert row["accuracy_less_float32"] == ""
