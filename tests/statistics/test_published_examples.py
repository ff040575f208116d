"""Methods against worked examples of their literature. docs/measuring.md lists what each is checked against."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2

from edgeall.statistics import compare_auc, compare_verdicts, holm, mcnemar_exact
from edgeall.statistics.clustered import counted
from edgeall.statistics.paired import _sign_flip
from edgeall.statistics.roc import _delong_covariance, delong_interval

# DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988): ovarian cancer, the 43 patients with all three measurements.
# Albumin, total protein, Krebs-Goplerud score, whether surgery helped.
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""


class TestDeLong:
    """The output of SAS/STAT, PROC LOGISTIC, example "Comparing Receiver Operating Characteristic Curves"."""

    rows = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    truth = rows[:, 3] == 0
    albumin, protein, score = -rows[:, 0], -rows[:, 1], rows[:, 2]

    @pytest.mark.parametrize(
        ("name", "area", "error"),
        [("albumin", 0.7366, 0.0927), ("score", 0.7258, 0.1028), ("protein", 0.6478, 0.1000)],
    )
    def test_areas_and_their_standard_errors(self, name: str, area: float, error: float) -> None:
        scores = getattr(self, name)
        assert delong_interval(self.truth, scores).value == pytest.approx(area, abs=5e-5)
        variance = _delong_covariance(self.truth, scores[None])[0, 0]
        assert np.sqrt(variance) == pytest.approx(error, abs=6e-5)

    @pytest.mark.parametrize(
        ("name", "delta", "low", "high", "p_value"),
        [("albumin", 0.0108, -0.1761, 0.1976, 0.9102), ("protein", -0.0780, -0.2830, 0.1271, 0.4561)],
    )
    def test_differences_from_the_score(
        self, name: str, delta: float, low: float, high: float, p_value: float
    ) -> None:
        found = compare_auc(self.truth.tolist(), self.score.tolist(), getattr(self, name).tolist())
        assert found is not None
        told = (found.delta.value, found.delta.low, found.delta.high, found.p_value)
        assert told == pytest.approx((delta, low, high, p_value), abs=6e-5)

    def test_all_three_at_once(self) -> None:
        scores = np.stack([self.albumin, self.score, self.protein])
        contrast = np.array([[1, -1, 0], [0, -1, 1]])
        gaps = contrast @ [delong_interval(self.truth, each).value for each in scores]
        of_gaps = contrast @ _delong_covariance(self.truth, scores) @ contrast.T
        statistic = gaps @ np.linalg.solve(of_gaps, gaps)
        assert (statistic, chi2.sf(statistic, 2)) == pytest.approx((2.5340, 0.2817), abs=5e-5)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_and_pearson_in_the_table_of_newcombe_1998(k: int, n: int, low: float, high: float) -> None:
    """Statistics in Medicine 17, 857-872, table I, method 5."""
    assert counted(k / n, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 400), data=st.data())
def test_clopper_and_pearson_are_scipys(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(0.95, method="exact")
    assert counted(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def pairs(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """What a and b have right."""
    counts = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


class TestPairedShares:
    def test_a_complete_response_before_and_after_therapy(self) -> None:
        """Fagerland, Lydersen and Laake, Stat. Med. 33 (2014) 2850-2875, from Cavo et al. 2012; figures as their R
        package contingencytables gives them."""
        a, b = pairs(59, 6, 16, 80)
        found = compare_verdicts(np.ones(161, bool), b, a)
        delta = found.accuracy_delta
        assert (delta.value, delta.low, delta.high) == pytest.approx((-0.0621, -0.1195, -0.0032), abs=5e-5)
        assert found.p_value == pytest.approx(0.052479, abs=5e-7)

    def test_approval_of_the_prime_minister(self) -> None:
        """Agresti, Categorical Data Analysis (2002), table 10.1: -0.04 with Wald's interval -0.06 to -0.02, and
        McNemar's z of -4.17. Of 1600 persons Bonett and Price's interval is Wald's."""
        a, b = pairs(794, 150, 86, 570)
        found = compare_verdicts(np.ones(1600, bool), a, b)
        delta = found.accuracy_delta
        assert (delta.value, delta.low, delta.high) == pytest.approx((-0.040, -0.0587, -0.0213), abs=3e-4)
        assert 2e-5 < found.p_value < 5e-5


def test_fishers_test_of_darwins_maize() -> None:
    """Fisher, The Design of Experiments (1935), section 21: 1726 of 32768 signs give as large a sum, 5.267 %."""
    eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = _sign_flip(np.array(eighths, dtype=float), np.arange(15), 0)
    # 9999 of the 32768 signs are drawn: a standard error of 0.0022.
    assert found == pytest.approx(1726 / 32768, abs=0.007)
    exact = np.array(list(itertools.product([-1, 1], repeat=15))) @ np.abs(eighths)
    assert np.sum(np.abs(exact) >= sum(eighths)) == 1726


class TestHolm:
    def test_the_fifteen_p_values_of_benjamini_and_hochberg(self) -> None:
        """J. R. Stat. Soc. B 57 (1995), section 4.2: familywise procedures reject the first three at 5 %."""
        told = (0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240)
        found = holm([*told, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
        assert found[:4] == pytest.approx([0.0015, 0.0056, 0.0247, 0.1140])
        assert sum(p_value < 0.05 for p_value in found) == 3

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
    def test_it_is_the_closure_of_bonferronis_tests(self, p_values: list[float]) -> None:
        """A hypothesis is rejected where every set with it is: Marcus, Peritz and Gabriel, Biometrika 63 (1976)."""
        places = range(len(p_values))
        sets = [s for size in places for s in itertools.combinations(places, size + 1)]
        closed = [max(min(1, len(s) * min(p_values[i] for i in s)) for s in sets if at in s) for at in places]
        assert holm(p_values) == pytest.approx(closed)


def test_mcnemars_example_of_the_exact_test() -> None:
    """Fay, Exact McNemar's test (vignette of R's exact2x2, 2010): 9 and 2 give p = 0.06543."""
    a, b = pairs(0, 9, 2, 0)
    assert mcnemar_exact(a, b) == pytest.approx(0.06543, abs=5e-6)
