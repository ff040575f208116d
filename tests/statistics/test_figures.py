"""Figures are scikit-learn's, and influences their derivatives by the weights of images."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from edgeall.statistics import figures

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=30).filter(
    lambda rows: {truth for truth, _ in rows} == {True, False}
)
JUDGES: dict[str, Callable[..., Any]] = {
    "ppv": lambda y, called, _, w: metrics.precision_score(y, called, sample_weight=w, zero_division=0),
    "f1": lambda y, called, _, w: metrics.f1_score(y, called, sample_weight=w, zero_division=0),
    "balanced_accuracy": lambda y, called, _, w: metrics.balanced_accuracy_score(y, called, sample_weight=w),
    "mcc": lambda y, called, _, w: metrics.matthews_corrcoef(y, called, sample_weight=w),
    "auc": lambda y, _, scores, w: metrics.roc_auc_score(y, scores, sample_weight=w),
    "average_precision": lambda y, _, scores, w: metrics.average_precision_score(y, scores, sample_weight=w),
}


@pytest.mark.parametrize("name", JUDGES)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_values_and_derivatives_are_scikit_learns(name: str, rows: list[tuple[bool, int]]) -> None:
    positive = np.array([row[0] for row in rows])
    scores = np.array([row[1] / 5 for row in rows])
    called = scores >= 0.5
    figure = (
        figures.OF_SCORES[name](positive, scores)
        if name in figures.OF_SCORES
        else figures.OF_CALLS[name](positive, called)
    )
    if figure is None:
        assert not called.any()
        return
    judge, step = JUDGES[name], 1e-4

    def at(index: int, by: float) -> float:
        weights = np.ones(len(rows))
        weights[index] += by
        return float(judge(positive, called, scores, weights))

    assert figure.value == pytest.approx(judge(positive, called, scores, np.ones(len(rows))), abs=1e-9)
    slopes = np.array([(at(index, step) - at(index, -step)) / (2 * step) for index in range(len(rows))])
    for those in (positive, ~positive):
        # The shares of the classes are held: what all images of a class have in common says nothing.
        np.testing.assert_allclose(
            figure.influence[those] - figure.influence[those].mean(),
            slopes[those] - slopes[those].mean(),
            atol=1e-5,
        )


def test_what_nothing_calls_is_undefined() -> None:
    truth, none = np.array([True, False]), np.zeros(2, bool)
    assert figures.predictive_value(truth, none) is None
    assert figures.f1(none, none) is None
    assert figures.mcc(truth, none).value == 0.0
