"""Percentiles only with enough runs; ratios over rounds."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_1samp, ttest_ind

from edgeall.statistics import (
    RUNS_NEEDED,
    percentiles,
    ratio_of_separate_rounds,
    ratio_over_rounds,
    round_spread,
)


@pytest.mark.parametrize(("name", "needed"), RUNS_NEEDED.items())
def test_the_runs_needed_are_the_fewest_that_reach_past_the_percentile_twice(name: str, needed: int) -> None:
    beyond = 1 - float(name[1:]) / 100
    assert binom.cdf(1, needed, beyond) <= 0.01 < binom.cdf(1, needed - 1, beyond)


@settings(deadline=None)
@given(n=st.integers(0, 800))
def test_a_percentile_appears_with_the_run_that_makes_it_known(n: int) -> None:
    found = percentiles([float(i) for i in range(n)])
    assert set(found.percentiles) == {name for name, needed in RUNS_NEEDED.items() if n >= needed}


def test_nothing_is_clipped() -> None:
    found = percentiles([1.0] * 99 + [10_000.0])
    assert found.max == 10_000.0
    assert found.mean == pytest.approx(100.99)
    assert found.percentiles == {"p50": 1.0, "p90": 1.0}


def test_the_document_says_null_where_the_runs_do_not_suffice() -> None:
    document = json.loads(json.dumps(percentiles([1.0, 2.0, 3.0]).to_dict()))
    assert document == {"n": 3, "p50": None, "p90": None, "mean": 2.0, "min": 1.0, "max": 3.0}
    assert percentiles([]).to_dict()["mean"] is None


def test_a_constant_ratio_is_found_whatever_the_machine_drifts() -> None:
    drift = [10.0, 14.0, 11.0, 19.0]
    found = ratio_over_rounds([2 * t for t in drift], drift)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_the_interval_is_the_t_tests() -> None:
    import numpy as np

    a, b = [10.0, 11.0, 10.5, 10.2], [5.0, 5.2, 5.1, 5.4]
    found = ratio_over_rounds(a, b)
    ends = ttest_1samp(np.log(a) - np.log(b), 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((np.exp(ends.low), np.exp(ends.high)))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4)), min_size=2, max_size=9))
def test_turned_round_the_ratio_is_the_inverse(pairs: list[tuple[float, float]]) -> None:
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    forth, back = ratio_over_rounds(a, b), ratio_over_rounds(b, a)
    assert forth is not None
    assert back is not None
    assert forth.low <= forth.value <= forth.high
    assert forth.value == pytest.approx(1 / back.value)
    assert forth.low == pytest.approx(1 / back.high)


def test_one_round_has_a_ratio_and_no_interval() -> None:
    found = ratio_over_rounds([4.0], [2.0])
    assert found is not None
    assert found.to_dict() == {"value": 2.0, "low": None, "high": None}
    assert ratio_over_rounds([], []) is None
    with pytest.raises(ValueError, match="pairs"):
        ratio_over_rounds([1.0], [])


def test_spread_between_rounds() -> None:
    assert round_spread([10.0, 11.0, 10.5]) == pytest.approx(1 / 10.5)
    assert round_spread([10.0]) is None


def test_separate_rounds_need_not_be_as_many_and_give_welchs_interval() -> None:
    a, b = [10.0, 10.4, 9.9, 10.1], [5.0, 5.3, 4.9]
    found = ratio_of_separate_rounds(a, b)
    assert found is not None
    welch = ttest_ind([math.log(x) for x in a], [math.log(x) for x in b], equal_var=False)
    assert found.value == pytest.approx(math.exp(sum(map(math.log, a)) / 4 - sum(map(math.log, b)) / 3))
    ends = welch.confidence_interval(0.95)
    assert (found.low, found.high) == (
        pytest.approx(math.exp(ends.low)),
        pytest.approx(math.exp(ends.high)),
    )


def test_separate_rounds_that_cannot_tell_do_not() -> None:
    assert ratio_of_separate_rounds([], [1.0]) is None
    single = ratio_of_separate_rounds([4.0], [2.0, 2.1])
    assert single is not None
    assert single.low is None
    exact = ratio_of_separate_rounds([4.0, 4.0], [2.0, 2.0])
    assert (exact.value, exact.low, exact.high) == pytest.approx((2.0, 2.0, 2.0))
