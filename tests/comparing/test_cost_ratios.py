"""Ratios of what artifacts cost, only where both figures are of one kind."""

from typing import Any

import pytest

from edgeall import results
from edgeall.comparing.cost_ratios import Ratio, ratios
from edgeall.results import Result

ESTIMATE = {"value": 0.9, "low": 0.7, "high": 0.97}


def result(medians: list[float], *, session: int = 1, kind: str = "measured", **changes: Any) -> Result:
    """The least that a bench result holds, with one median a round."""
    rounds = [{"session": session, "round": index, "median": median} for index, median in enumerate(medians)]
    entry: dict[str, Any] = {
        "artifact": "mobile.tflite",
        "backbone": "mobilenetv2",
        "format": "tflite",
        "precision": "int8",
        "engine": {"name": "ai-edge-litert", "version": "2"},
        "threads": 1,
        "n": 20,
        "accuracy": ESTIMATE,
        "latency_ms": {"n": 64, "p50": sorted(medians)[len(medians) // 2], "rounds": rounds},
        "peak_rss_bytes": 80_000_000,
        "size_bytes": 4_000_000,
        "latency_kind": kind,
    }
    device = {"name": "laptop", "emulated": kind == "emulated"}
    (bench,) = results.merge([("a.json", {"schema": 1, "device": device, "results": [entry | changes]})])
    return bench.results[0]


def by_metric(a: Result, b: Result) -> dict[str, Ratio]:
    return {ratio.metric: ratio for ratio in ratios(a, b)}


def test_rounds_measured_in_turn_make_a_ratio_that_drift_does_not_blur() -> None:
    # The machine slows down by half meanwhile; b takes twice as long all the time.
    found = by_metric(result([10.0, 12.0, 15.0]), result([20.0, 24.0, 30.0]))["latency"]
    assert (found.a, found.b, found.interleaved) == (12.0, 24.0, True)
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.shown is True


def test_rounds_that_cannot_tell_do_not() -> None:
    found = by_metric(result([10.0, 11.0, 10.5]), result([10.8, 10.2, 10.6]))["latency"]
    assert found.shown is False


def test_of_other_sessions_no_difference_is_claimed() -> None:
    found = by_metric(result([10.0, 10.1, 9.9]), result([20.0, 20.2, 19.8], session=2))["latency"]
    assert found.ratio.value == pytest.approx(2.0)
    assert found.ratio.low > 1.9
    assert (found.interleaved, found.shown) == (False, None)


def test_without_rounds_medians_of_all_runs_are_divided_and_no_interval_given() -> None:
    bare = {"latency_ms": {"n": 64, "p50": 6.0}}
    found = by_metric(result([1.0], **bare), result([1.0], latency_ms={"n": 64, "p50": 9.0}))["latency"]
    assert (found.ratio.value, found.ratio.low, found.shown) == (1.5, None, None)


@pytest.mark.parametrize("kind", ["estimated", "emulated"])
def test_only_measured_latencies_are_divided(kind: str) -> None:
    assert "latency" not in by_metric(result([10.0]), result([20.0], kind=kind))
    assert "latency" not in by_metric(result([10.0], kind=kind), result([20.0]))
    assert "latency" not in by_metric(result([10.0], kind=kind), result([20.0], kind=kind))


def test_bytes_are_divided_as_counted() -> None:
    found = by_metric(result([1.0]), result([1.0], size_bytes=1_000_000, peak_rss_bytes=100_000_000))
    assert found["size"].ratio.value == 0.25
    assert found["memory"].ratio.value == 1.25
    assert found["size"].shown is None


def test_an_emulators_memory_is_not_the_devices() -> None:
    assert set(by_metric(result([1.0]), result([1.0], kind="emulated"))) == {"size"}


def test_unknown_memory_makes_no_ratio() -> None:
    assert "memory" not in by_metric(result([1.0]), result([1.0], peak_rss_bytes=None))
