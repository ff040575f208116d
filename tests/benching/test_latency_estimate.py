"""A latency's range from counted instructions: what it is calibrated on, and how far it may be wrong."""

import math

import pytest

from edgeall.benching.instruction_counts import instructions, together
from edgeall.benching.latency_estimate import BOARDS, PUBLISHED, estimate, leave_one_out, spread
from edgeall.measuring.records import Record
from edgeall.results import to_json
from edgeall.results.costs import Counted


def record(runs: list[int] | None, error: str | None = None) -> Record:
    result = None if runs is None else {"instructions": runs}
    return Record("k", 1, "a" * 64, "instructions", 1, 0, result, error, {})


@pytest.mark.parametrize("processor", BOARDS)
def test_an_estimate_tells_its_kind_method_assumptions_and_sources(processor: str) -> None:
    told = estimate(processor, "tflite", 100_000_000)
    assert told.latency_kind == "estimated"
    assert told.latency_ms is not None
    assert told.latency_ms.low < told.latency_ms.high
    assert all((told.method, told.instructions, told.clock_hz, told.threads, told.confidence))
    assert all(each.source for each in told.calibration)
    assert len(told.calibration) == sum(each.processor == processor for each in PUBLISHED)


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: f"{one.processor} {one.model}")
def test_published_latencies_are_within_the_range_estimated_for_them(one: object) -> None:
    ends = estimate(one.processor, "tflite", round(one.instructions)).latency_ms  # type: ignore[attr-defined]
    assert ends is not None
    assert ends.low < one.latency_ms < ends.high  # type: ignore[attr-defined]


def test_the_error_is_that_of_estimating_each_published_latency_from_the_others() -> None:
    # Pi 4's two: instructions a cycle of 0.412 and 1.085, so that each is 2.63 times wrong from the other.
    of_pi4 = [leave_one_out(each) for each in PUBLISHED if each.processor == "cortex-a72"]
    assert of_pi4 == pytest.approx([0.4123 / 1.0853 - 1, 1.0853 / 0.4123 - 1], rel=1e-3)


def test_the_range_is_wider_where_less_was_published() -> None:
    # Student's t with 4 degrees of freedom is 2.132 at 95%; the pooled deviation of the logarithms is 0.393.
    assert spread(2) > spread(4)
    assert math.log(spread(4)) == pytest.approx(2.132 * 0.393 * math.sqrt(1 + 1 / 4), rel=2e-3)


def test_twice_the_instructions_take_twice_as_long() -> None:
    once, twice = (estimate("cortex-a76", "tflite", n).latency_ms for n in (60_000_000, 120_000_000))
    assert once is not None
    assert twice is not None
    assert (twice.low, twice.high) == pytest.approx((2 * once.low, 2 * once.high))


@pytest.mark.parametrize(
    ("processor", "format", "count", "reason"),
    [
        ("cortex-a76", "tflite", None, "not counted"),
        ("cortex-a53", "tflite", 1, "no published latency of cortex-a53"),
        ("cortex-a76", "onnx", 1, "no published latency of this engine"),
    ],
)
def test_where_there_is_nothing_to_calibrate_on_there_is_no_estimate(
    processor: str, format: str, count: int | None, reason: str
) -> None:
    told = estimate(processor, format, count)
    assert to_json(told).keys() == {"reason"}
    assert reason in str(told.reason)


def test_small_and_large_models_are_extrapolated() -> None:
    told = [estimate("cortex-a76", "tflite", n).extrapolated for n in (10**6, 45 * 10**6, 10**8, 10**11)]
    assert told == [True, False, False, True]


def test_a_row_has_the_count_and_the_runs_it_comes_from() -> None:
    count, told = instructions(record([100_000_000, 100_000_002]), 1)
    assert count == 100_000_001
    assert told == Counted(runs=(100_000_000, 100_000_002))


@pytest.mark.parametrize(
    ("counted", "threads", "reason"),
    [
        (None, 1, "make emulator"),
        (record(None, "its process was killed"), 1, "its process was killed"),
        (record([1, 1]), 4, "with one thread"),
    ],
)
def test_a_count_that_is_not_there_is_null_with_its_reason(
    counted: Record | None, threads: int, reason: str
) -> None:
    count, told = instructions(counted, threads)
    assert count is None
    assert reason in str(told.reason)


def test_an_ensemble_takes_what_its_members_take_together() -> None:
    both = together([record([10, 12]), record([20, 21])])
    assert both is not None
    assert both.result == {"instructions": [30, 33]}
    assert together([record([10, 12]), None]) is None
