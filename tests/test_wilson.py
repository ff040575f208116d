"""Wilson's interval of a share: one formula for field devices and workstations."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeall.wilson import wilson


@settings(deadline=None)
@given(n=st.integers(1, 5000), data=st.data())
def test_it_is_scipy_s(n: int, data: st.DataObject) -> None:
    binomtest = pytest.importorskip("scipy.stats", reason="compares with SciPy").binomtest
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@settings(deadline=None)
@given(share=st.floats(0, 1), n=st.floats(0.5, 1e9))
def test_it_holds_its_share_and_stays_within_0_and_1(share: float, n: float) -> None:
    low, high = wilson(share, n)
    assert 0.0 <= low <= share <= high <= 1.0


def test_a_field_device_has_it_without_scipy() -> None:
    code = (
        "import sys, edgeall.wilson, edgeall.artifact; "
        "print({'scipy', 'sklearn', 'statistics'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
