"""Ratios and slopes of `make bench`, and when a goal is met."""

import pytest
from bench.ratios import exact, ratio, slope
from bench.section import Goal, Row

from edgeall.statistics import Estimate, ratio_over_rounds


def test_the_ratio_of_many_rounds_is_their_median_with_order_statistics() -> None:
    ratios = [1.05, 0.95, 1.0, 1.1, 0.9, 1.02, 0.98, 50.0, 1.01, 0.99]
    found = ratio([10 * each for each in ratios], [10.0] * 10)
    # Of 10 rounds the second smallest and the second largest: 97.9 %.
    assert (found.value, found.low, found.high) == pytest.approx((1.005, 0.95, 1.1))


def test_six_rounds_have_their_whole_range_for_an_interval() -> None:
    found = ratio([3.0, 1.0, 2.0, 5.0, 4.0, 6.0], [1.0] * 6)
    assert (found.value, found.low, found.high) == (3.5, 1.0, 6.0)


def test_few_rounds_have_the_interval_of_the_product() -> None:
    ours, peers = [1.0, 1.1, 1.3], [2.0, 2.0, 2.1]
    assert ratio(ours, peers) == ratio_over_rounds(ours, peers)


def test_rounds_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="pairs"):
        ratio([1.0] * 7, [1.0] * 8)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_slope_is_the_exponent_of_growth(power: float) -> None:
    sizes = [100, 1000, 10_000]
    rounds = [[speed * size**power for size in sizes] for speed in (1.0, 3.0, 0.2)]
    found = slope(sizes, rounds)
    assert (found.value, found.low, found.high) == pytest.approx((power, power, power))


def test_a_slope_of_one_round_has_no_interval() -> None:
    found = slope([10, 100], [[1.0, 10.0]])
    assert (found.value, found.low, found.high) == (pytest.approx(1.0), None, None)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.9, 1.15, "met"), (1.1, 1.2, "not shown"), (1.16, 1.3, "missed"), (None, None, "not shown")],
)
def test_a_goal_is_met_or_missed_by_the_whole_interval(
    low: float | None, high: float | None, outcome: str
) -> None:
    assert Goal(most=1.15).outcome(Estimate(1.0, low, high)) == outcome


def test_a_goal_can_have_a_lower_limit() -> None:
    assert Goal(least=0.95).outcome(exact(96, 100)) == "met"
    assert Goal(least=0.95).outcome(Estimate(0.9, 0.8, 0.94)) == "missed"
    assert str(Goal(least=0.95)) == "at least 0.95"


def test_a_row_without_a_goal_has_no_outcome_and_a_judged_one_its_own() -> None:
    row = Row("start", 1.0, 2.0, "script", "s", exact(1, 2), 0)
    assert row.outcome is None
    assert Row("faith", None, None, "", "", None, 0, judged="missed").outcome == "missed"
    assert Row("start", None, None, "", "", None, 0, Goal(most=1)).outcome == "not shown"
