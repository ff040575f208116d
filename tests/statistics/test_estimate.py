"""A proportion and its Wilson interval."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgeall import wilson
from edgeall.statistics import Estimate, estimate, independent_difference, one_sided, proportion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_agrees_with_the_table_of_newcombe_1998(k: int, n: int, low: float, high: float) -> None:
    estimate = proportion(k, n)
    assert estimate is not None
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_perfect_score_on_22_images_may_be_85_percent() -> None:
    estimate = proportion(22, 22)
    assert estimate is not None
    assert estimate.to_dict() == {"value": 1.0, "low": pytest.approx(0.8513, abs=1e-4), "high": 1.0}


def test_a_share_of_nothing_is_undefined() -> None:
    assert proportion(0, 0) is None


@settings(deadline=None)
@given(n=st.integers(1, 5000), data=st.data())
def test_the_interval_holds_its_value_and_its_formula_is_scipys(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    estimate = proportion(k, n)
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.low < estimate.high
    scipys = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (estimate.low, estimate.high) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_undefined_cannot_pass_for_a_figure(number: float) -> None:
    with pytest.raises(ValueError, match="None"):
        Estimate(number, 0.0, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 20), (10, 10), 0.6791, 1),
    ],
)
def test_a_difference_of_separate_sets_agrees_with_newcombe_1998(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    parts = [proportion(*part) for part in (a, b)]
    delta = independent_difference(*parts)
    assert delta.value == pytest.approx(b[0] / b[1] - a[0] / a[1])
    assert (delta.low, delta.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_difference_without_an_interval_has_none() -> None:
    found = independent_difference(Estimate(0.5, None, None), Estimate(0.75, 0.5, 0.9))
    assert (found.value, found.low, found.high) == (0.25, None, None)


def test_the_normal_quantiles_are_scipy_s() -> None:
    from scipy.stats import norm

    assert pytest.approx(norm.ppf(0.5 + estimate.CONFIDENCE / 2), rel=1e-15) == wilson.Z
    assert pytest.approx(norm.ppf(estimate.CONFIDENCE), rel=1e-15) == one_sided._Z
