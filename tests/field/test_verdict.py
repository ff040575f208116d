"""From class probabilities to a decision: thresholds are inclusive, referral comes first, labels agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.artifact import Decision
from edgeall.field import decide, verdict_of

TWO = Decision(("healthy", "ALL"), ("ALL",))
FOUR = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"))


def test_the_score_is_the_sum_over_positive_labels() -> None:
    probabilities = np.array([[0.4, 0.1, 0.2, 0.3], [1.0, 0.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(FOUR.scores(probabilities), [0.6, 0.0], atol=1e-7)


@pytest.mark.parametrize(
    ("score", "expected"), [(0.0, "negative"), (0.4999, "negative"), (0.5, "positive"), (1.0, "positive")]
)
def test_a_score_at_the_threshold_is_positive(score: float, expected: str) -> None:
    assert decide(score, TWO) == expected


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.29, "negative"), (0.3, "refer"), (0.5, "refer"), (0.69, "refer"), (0.7, "positive")],
)
def test_scores_in_the_band_go_to_a_human(score: float, expected: str) -> None:
    assert decide(score, Decision(TWO.labels, TWO.positive, 0.5, (0.3, 0.7))) == expected


def test_an_empty_band_refers_nothing() -> None:
    assert decide(0.5, Decision(TWO.labels, TWO.positive, 0.5, (0.5, 0.5))) == "positive"


def test_a_positive_verdict_names_a_positive_label_even_where_healthy_is_likelier() -> None:
    verdict = verdict_of(np.array([0.45, 0.2, 0.25, 0.1], dtype=np.float32), FOUR)
    assert (verdict.decision, verdict.label) == ("positive", "pre")
    assert verdict.probability == pytest.approx(0.25)
    assert verdict.score == pytest.approx(0.55)


def test_a_low_threshold_is_kept_to() -> None:
    verdict = verdict_of(np.array([0.7, 0.3], dtype=np.float32), Decision(TWO.labels, TWO.positive, 0.25))
    assert (verdict.decision, verdict.label, verdict.probability) == ("positive", "ALL", pytest.approx(0.3))


@given(
    weights=st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any),
    threshold=st.floats(0, 1),
    band=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).map(tuple),
)
def test_label_decision_and_score_never_contradict_each_other(
    weights: list[int], threshold: float, band: tuple[float, float] | None
) -> None:
    probabilities = np.array(weights, dtype=np.float32) / np.float32(sum(weights))
    decision = Decision(FOUR.labels, FOUR.positive, threshold, band)
    verdict = verdict_of(probabilities, decision)
    assert 0.0 <= verdict.score <= 1.0
    assert verdict.probability == probabilities[decision.labels.index(verdict.label)]
    if verdict.decision == "refer":
        assert band is not None
        assert band[0] <= verdict.score < band[1]
        assert verdict.probability == probabilities.max()
    else:
        assert (verdict.label in decision.positive) == (verdict.decision == "positive")
        assert (verdict.score >= threshold) == (verdict.decision == "positive")
