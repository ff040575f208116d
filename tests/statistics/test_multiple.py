"""Many comparisons at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.statistics import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_adjustment_only_ever_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    assert [q for _, q in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
