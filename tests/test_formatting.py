"""How figures are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall import formatting
from edgeall.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4.1234, "4.12"),
        (13.0, "13.0"),
        (5.0, "5.00"),
        (112.6, "113"),
        (1234.0, "1230"),
        (0.05, "0.0500"),
        (0, "0"),
    ],
)
def test_three_significant_digits_without_exponent(value: float, text: str) -> None:
    assert formatting.significant(value) == text


@given(st.floats(1e-4, 1e9))
def test_significant_digits_keep_the_value(value: float) -> None:
    text = formatting.significant(value)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=6e-3)


def test_a_ratio_without_an_interval_is_only_about_right() -> None:
    assert formatting.ratio(Estimate(2.0612, 1.9187, 2.2143)) == "2.06x [1.92–2.21]"
    assert formatting.ratio(Estimate(2.0612, None, None)) == "about 2.1x"


def test_differences_carry_their_sign() -> None:
    assert formatting.points(0.045) == "+4.5"
    assert formatting.points(-0.00001) == "0.0"
    assert formatting.difference("accuracy", Estimate(-0.045, -0.182, 0.099)) == "−4.5 points [−18.2 to +9.9]"
    assert formatting.difference("auc", Estimate(0.012, -0.03, 0.054)) == "+0.012 [−0.030 to +0.054]"
    assert formatting.difference("auc", Estimate(0.012, None, None)) == "+0.012"


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "p = 1.00"), (0.4321, "p = 0.43"), (0.0312, "p = 0.031"), (0.0004, "p < 0.001")]
)
def test_p_values(value: float, text: str) -> None:
    assert formatting.p(value) == text


def test_lists_read_as_sentences() -> None:
    assert formatting.listed([]) == ""
    assert formatting.listed(["a"]) == "a"
    assert formatting.listed(["a", "b", "c"], "or") == "a, b or c"


def test_the_undefined_is_a_dash() -> None:
    assert formatting.percent_interval(None) == formatting.ms(None) == formatting.megabytes(None) == "–"
