"""The engines' own tools beside edgeall, as people see it: a ratio with its interval, or why there is none."""

from collections.abc import Callable
from typing import Any

import pytest

from edgeall import reporting, results
from edgeall.errors import MeasurementError
from edgeall.reporting.cross_check_table import finding
from edgeall.statistics import Estimate

Make = Callable[..., dict[str, Any]]

CHECK: dict[str, Any] = {
    "tool": "benchmark_app",
    "version": "2026.4.1",
    "p50_ms": 10.0,
    "ours_p50_ms": 10.2,
    "ratio": {"value": 1.02, "low": 1.015, "high": 1.025},
    "tolerance": 0.03,
}
NONE = {"tool": None, "reason": "the tool is not there"}


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (1.02, 1.015, 1.025, "within 3%"),
        (1.02, 0.98, 1.06, "within 3%, uncertain"),
        (1.05, 1.04, 1.06, "SLOWER by more than 3%"),
        (1.05, 1.01, 1.09, "SLOWER by more than 3%, uncertain"),
        (0.90, 0.88, 0.92, "faster by more than 3%"),
        (0.90, 0.80, 1.01, "faster by more than 3%, uncertain"),
        (1.00, None, None, "within 3%, uncertain"),
    ],
)
def test_a_ratio_in_words(value: float, low: float | None, high: float | None, said: str) -> None:
    assert finding(Estimate(value, low, high), 0.03) == said


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_figure_is_cut_on_a_terminal(width: int, make_document: Make, make_result: Make) -> None:
    document = make_document(
        [make_result(format="openvino", cross_check=CHECK), make_result(format="onnx", cross_check=NONE)]
    )
    text = reporting.plain_text(results.merge([("laptop.json", document)]), width)
    for part in ("benchmark_app 2026.4.1", "10.0", "10.2", "1.02x [1.01–1.02]", "within 3%", "no witness"):
        assert part in text
    assert "mobilenetv2 ONNX float32: the tool is not there." in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= width


def test_markdown_has_the_same_table(make_document: Make, make_result: Make) -> None:
    slow = CHECK | {"version": None, "ratio": {"value": 1.2, "low": 1.1, "high": 1.3}}
    document = make_document([make_result(format="openvino", cross_check=slow)])
    text = reporting.markdown(results.merge([("laptop.json", document)]))
    assert "### Beside the engines' own tools" in text
    assert (
        "| mobilenetv2 OpenVINO float32 | 1 | benchmark\\_app | 10.0 | 10.2 | 1.20x [1.10–1.30] | "
        "SLOWER by more than 3% |"
    ) in text


def test_a_bench_without_it_says_nothing_of_it(make_document: Make, make_result: Make) -> None:
    benches = results.merge([("laptop.json", make_document([make_result()]))])
    assert "tools" not in reporting.markdown(benches)
    assert "tools" not in reporting.plain_text(benches, 120)


@pytest.mark.parametrize(
    ("key", "value"), [("ratio", {"value": -1}), ("p50_ms", "10"), ("reason", 3), ("tolerance", 7)]
)
def test_a_cross_check_that_is_none_is_refused(
    key: str, value: object, make_document: Make, make_result: Make
) -> None:
    check = (NONE if key == "reason" else CHECK) | {key: value}
    document = make_document([make_result(cross_check=check)])
    with pytest.raises(MeasurementError, match=rf"cross_check.*{key}"):
        results.merge([("laptop.json", document)])
