"""Two results side by side: common images, common rounds, and when a difference is shown."""

from typing import Any

import pytest
from bench_documents import document
from bench_documents import result as make_result

from edgeall.results import Result, build
from edgeall.results.differences import MCNEMAR, SIGN_FLIP, Difference, excludes
from edgeall.results.pairing import (
    accuracy_difference,
    auc_difference,
    common_rows,
    differences,
    ratio_over_common_rounds,
    same_speed,
    time_ratio,
)
from edgeall.statistics import Estimate


def result(**changes: Any) -> Result:
    return build("bench", document([make_result(**changes)])).results[0]


@pytest.mark.parametrize(
    ("low", "high", "p_value", "p_adjusted", "shown"),
    [
        (0.01, 0.2, 0.01, None, True),
        (0.01, 0.2, 0.01, 0.15, False),
        (-0.01, 0.2, 0.01, 0.02, False),
        (-0.2, -0.01, 0.01, 0.02, True),
        (0.01, 0.2, None, None, None),
        (None, None, 1.0, None, False),
        (None, None, 0.01, None, None),
    ],
)
def test_a_difference_is_shown_by_interval_and_adjusted_test_together(
    low: float | None, high: float | None, p_value: float | None, p_adjusted: float | None, shown: bool | None
) -> None:
    middle = 0.0 if low is None or high is None else (low + high) / 2
    found = Difference("accuracy", 40, Estimate(middle, low, high), p_value, MCNEMAR, p_adjusted)
    assert found.shown is shown
    assert found.loss is (shown is True and middle < 0)


def test_a_ratio_differs_where_its_interval_leaves_out_one() -> None:
    assert excludes(Estimate(2.0, 1.5, 2.5), 1) is True
    assert excludes(Estimate(1.1, 0.9, 1.3), 1) is False
    assert excludes(Estimate(2.0, None, None), 1) is None
    assert excludes(None, 1) is None


def test_copies_of_an_image_make_as_many_pairs_as_both_sides_have() -> None:
    assert common_rows("abc", "xca") == [(0, 2), (2, 1)]
    assert common_rows("aab", "baa") == [(0, 1), (1, 2), (2, 0)]
    assert common_rows("aaa", "aa") == [(0, 0), (1, 1)]


def test_the_same_images_in_another_order_are_compared() -> None:
    a, b = result(wrong=[0, 1, 2, 3, 4, 5], subjects=22), make_result(subjects=22)
    columns = b["predictions"]
    backwards = {key: column[::-1] for key, column in columns.items()}
    other = result(subjects=22, predictions=backwards)
    found = accuracy_difference(a, other)
    assert found == accuracy_difference(a, result(subjects=22))
    assert found is not None
    assert (found.n, found.delta.value, found.test) == (22, pytest.approx(6 / 22), SIGN_FLIP)
    assert [each.metric for each in differences(a, other)] == ["accuracy", "auc"]


def test_other_images_or_another_truth_are_not_compared() -> None:
    a = result()
    assert accuracy_difference(a, result(negatives=13)) is None
    assert accuracy_difference(a, result(predictions=None)) is None
    assert auc_difference(a, result(negatives=13)) is None
    recorded = make_result()["predictions"]
    swapped = recorded | {"truth": recorded["truth"][::-1], "positive": recorded["positive"][::-1]}
    assert accuracy_difference(a, result(negatives=12, predictions=swapped, auc=None)) is None


def test_rounds_of_equal_session_and_number_make_a_ratio_with_an_interval() -> None:
    fast, slow = result(medians=[1.0, 1.1, 1.0]), result(medians=[2.0, 2.2, 2.0])
    ratio = time_ratio(slow, fast)
    assert ratio is not None
    assert (ratio.value, ratio.low) == pytest.approx((2.0, 2.0))
    apart = time_ratio(slow, result(medians=[1.0, 1.1, 1.0], session=2))
    assert apart is not None
    assert (apart.low, apart.high) == (None, None)
    assert ratio_over_common_rounds({(1, 0): 3.0}, {(2, 0): 1.0}) is None
    assert time_ratio(slow, result(kind="emulated")) is None


def test_equal_speed_is_what_common_rounds_leave_open() -> None:
    a, b = result(medians=[1.0, 1.2, 1.1]), result(medians=[1.1, 1.0, 1.2])
    assert same_speed(a, b)
    assert not same_speed(a, result(medians=[2.0, 2.4, 2.2]))
    assert not same_speed(a, result(medians=[1.0, 1.2, 1.1], session=2))
