"""A latency's range from counted instructions: what it is calibrated on, and how far it may be wrong."""

import math

import pytest

from edgeall.artifact import Precision
from edgeall.benching.instruction_counts import instructions, together
from edgeall.benching.latency_estimate import (
    BOARDS,
    PUBLISHED,
    Published,
    alike,
    estimate,
    leave_one_out,
    spread,
)
from edgeall.measuring.records import Record
from edgeall.results import to_json
from edgeall.results.costs import Counted


def record(runs: list[int] | None, error: str | None = None) -> Record:
    result = None if runs is None else {"instructions": runs}
    return Record("k", 1, "a" * 64, "instructions", 1, 0, result, error, {})


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
@pytest.mark.parametrize("processor", BOARDS)
def test_an_estimate_tells_its_kind_method_assumptions_and_sources(
    processor: str, precision: Precision
) -> None:
    told = estimate(processor, "tflite", precision, 100_000_000)
    assert told.latency_kind == "estimated"
    assert told.latency_ms is not None
    assert told.latency_ms.low < told.latency_ms.high
    assert all((told.method, told.instructions, told.clock_hz, told.threads, told.confidence))
    assert all(each.source for each in told.calibration)
    # An artifact is estimated from networks in its own precision; float16 weights are computed with in float32.
    own = alike(processor, int8=precision == "int8")
    assert [each.model for each in told.calibration] == [each.model for each in own]


def test_every_published_latency_stands_once_with_its_count() -> None:
    keys = [(each.processor, each.model) for each in PUBLISHED]
    assert len(set(keys)) == len(keys)
    assert all(each.instructions > 1e6 for each in PUBLISHED)
    for processor, known in BOARDS.items():
        for int8 in (False, True):
            assert len(alike(processor, int8=int8)) >= 2, f"{known.name} has nothing to leave out"


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: f"{one.processor} {one.model}")
def test_published_latencies_are_within_the_range_estimated_for_them(one: Published) -> None:
    precision: Precision = "int8" if one.int8 else "float32"
    ends = estimate(one.processor, "tflite", precision, round(one.instructions)).latency_ms
    assert ends is not None
    assert ends.low < one.latency_ms < ends.high


def test_all_cores_must_have_worked_but_for_one_network() -> None:
    """More than a Cortex-A76 decodes (4) with one thread: several worked. GoogLeNet alone can be one thread's."""
    alone = {each.network for each in PUBLISHED if each.processor == "cortex-a76" and 4 * each.per_cycle < 4}
    assert alone == {"GoogLeNet"}


def made_up(network: str, latency_ms: float, *, int8: bool = False, board: str = "cortex-a76") -> Published:
    """9.6 million instructions: one a cycle and core where they take 1 ms on a Pi 5."""
    return Published(board, network, int8, 9.6e6, latency_ms, "made up")


def test_the_error_is_that_of_estimating_a_latency_from_the_other_networks() -> None:
    known = [made_up("a", 1.0), made_up("b", 4.0), made_up("c", 8.0)]
    # b and c: 1/4 and 1/8 instructions a cycle, whose geometric mean makes a take 5.66 ms instead of 1.
    assert leave_one_out(known[0], known) == pytest.approx(math.sqrt(32) - 1)
    # a and b make c take 2 ms instead of 8.
    assert leave_one_out(known[2], known) == pytest.approx(-0.75)


def test_a_network_is_left_out_in_both_precisions_and_each_is_estimated_from_its_own() -> None:
    floats = [made_up("a", 10.0), made_up("b", 20.0)]
    ints = [made_up("a", 1.0, int8=True), made_up("b", 2.0, int8=True)]
    assert [leave_one_out(each, floats + ints) for each in floats + ints] == pytest.approx([1, -0.5, 1, -0.5])


def test_the_range_follows_from_the_scatter_on_the_board_with_the_most() -> None:
    pi4 = [made_up(name, 1.0, int8=int8, board="cortex-a72") for name in "ab" for int8 in (False, True)]
    pi5 = [
        made_up(name, math.exp(log), int8=int8)
        for name, log in {"a": -0.3, "b": 0.0, "c": 0.3}.items()
        for int8 in (False, True)
    ]
    # Squares 4 x 0.09 over 6 points less 2 means; 3 networks leave 2 degrees of freedom: Student's t is 2.920.
    wanted = 2.920 * math.sqrt(4 * 0.09 / 4 * (1 + 1 / 3))
    assert math.log(spread(pi4 + pi5, 3)) == pytest.approx(wanted, rel=1e-3)
    # The fewer networks an estimate rests on, the wider its range.
    assert spread(pi4 + pi5, 2) > spread(pi4 + pi5, 3)


def test_twice_the_instructions_take_twice_as_long() -> None:
    once, twice = (estimate("cortex-a76", "tflite", "int8", n).latency_ms for n in (60_000_000, 120_000_000))
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
    told = estimate(processor, format, "int8", count)
    assert to_json(told).keys() == {"reason"}
    assert reason in str(told.reason)


def test_small_and_large_models_are_extrapolated() -> None:
    counts = (10**6, 45 * 10**6, 10**8, 10**11)
    told = [estimate("cortex-a76", "tflite", "int8", n).extrapolated for n in counts]
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


def test_an_ensemble_says_why_a_members_instructions_could_not_be_counted() -> None:
    """And not that nothing counts here, which "make emulator" would mend."""
    _, told = instructions(together([record([10, 12]), record(None, "one.tflite: was killed")]), 1)
    assert told == Counted(reason="one.tflite: was killed")
