"""Two backbones of a device, figure by figure."""

import re
from typing import Any

import pytest
from bench_documents import document, result

pytest.importorskip("jinja2", reason="the page needs Jinja2")

from edgeall import results
from edgeall.reporting.page.rivals import Line, Rivals, rivals


def pair_of(told: dict[str, Any]) -> Rivals:
    return rivals(results.merge([("laptop.json", told)])[0])


def line_of(pair: Rivals, figure: str) -> Line:
    return next(line for line in pair.lines if line.figure == figure)


def two(light: dict[str, Any] | None = None, heavy: dict[str, Any] | None = None) -> dict[str, Any]:
    """A light and a heavy backbone in one format."""
    return document(
        [
            result("mobilenetv2", wrong=[3, 5], subjects=11, **(light or {})),
            result(
                "densenet201",
                wrong=[3],
                subjects=11,
                medians=(95.0, 96.0, 94.0, 95.5, 95.0),
                size_mb=73.4,
                memory_mb=420.0,
                **(heavy or {}),
            ),
        ]
    )


def test_the_two_backbones_are_told_apart_figure_by_figure() -> None:
    pair = pair_of(two())
    assert pair.title == "mobilenetv2 against densenet201"
    assert pair.place == "TFLite float32, 1 thread"
    assert [line.figure for line in pair.lines] == [
        *("accuracy %", "F1", "AUC", "latency p50 ms", "size MB", "peak memory MB"),
    ]
    accuracy = line_of(pair, "accuracy %")
    assert accuracy.a.startswith("90.9 [")
    assert accuracy.b.startswith("95.5 [")
    assert accuracy.gap.startswith("+4.5 [")
    assert re.fullmatch(r"p = \S+, not shown", accuracy.test)
    f1 = line_of(pair, "F1")
    assert re.fullmatch(r"\+0\.\d+ \[.+ to \+.+\]", f1.gap)
    assert f1.test == "no test"
    latency = line_of(pair, "latency p50 ms")
    assert re.fullmatch(r"\S+ \[\S+–\S+\]", latency.a)
    assert re.fullmatch(r"9\.\d+x \[9\.\d+–9\.\d+\]", latency.gap)
    assert latency.test == "shown"
    assert line_of(pair, "size MB").gap == "8.16x"
    assert line_of(pair, "peak memory MB").gap == "3.50x"


def test_the_title_says_that_one_was_pretrained_and_the_other_not() -> None:
    pair = pair_of(two(heavy={"weights": "random weights, BatchNorm recalibrated on 72 training images"}))
    assert pair.title == "mobilenetv2 (pretrained) against densenet201 (random weights)"
    assert (
        "mobilenetv2 was pretrained, densenet201 was not: their difference is not the backbones' alone."
        in pair.notes
    )
    assert "densenet201: random weights, BatchNorm recalibrated on 72 training images." in pair.notes


def test_weights_that_are_not_known_are_no_random_ones() -> None:
    pair = pair_of(two(heavy={"weights": None}))
    assert pair.title == "mobilenetv2 against densenet201"
    assert "densenet201: unknown weights." in pair.notes


def test_energy_has_a_line_where_it_is_known() -> None:
    pair = pair_of(two(light={"energy_mj": 20.0}, heavy={"energy_mj": 90.0}))
    assert line_of(pair, "energy mJ") == Line("energy mJ", "20.0", "90.0", "4.50x", "")
    assert not [note for note in pair.notes if note.startswith("Energy")]
    assert "energy mJ" not in [line.figure for line in pair_of(two()).lines]


def test_an_emulated_board_has_no_times_to_compare() -> None:
    made = two({"kind": "emulated"}, {"kind": "emulated"})
    made["device"]["emulated"] = True
    pair = pair_of(made)
    assert "latency p50 ms" not in [line.figure for line in pair.lines]
    assert line_of(pair, "peak memory MB").a == "–"


def test_other_backbones_are_the_lightest_and_the_most_accurate() -> None:
    made = document(
        [
            result("small", wrong=[1, 2], size_mb=4.0),
            result("middle", wrong=[1, 2, 3], size_mb=20.0),
            result("large", wrong=[1], size_mb=90.0),
        ]
    )
    assert (pair_of(made).a, pair_of(made).b) == ("small", "large")
    usual = document([*made["results"], *two()["results"]])
    assert (pair_of(usual).a, pair_of(usual).b) == ("mobilenetv2", "densenet201")


def test_a_gap_says_why_nothing_is_compared() -> None:
    assert pair_of(document([result()])).missing == "Results of one backbone only."
    apart = document([result("mobilenetv2", "tflite"), result("densenet201", "onnx")])
    assert pair_of(apart).missing.startswith("They were not measured in the same format")
