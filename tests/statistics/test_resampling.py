"""The replicates' fast metrics are scikit-learn's, and subjects stay whole."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
)

from edgeall.statistics.resampling import (
    bootstrap,
    clusters,
    confusion_metrics,
    ranking_metrics,
    weighted_mean,
)

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=30
).filter(lambda rows: {truth for truth, _, weight in rows if weight} == {True, False})


@settings(deadline=None)
@given(ROWS)
def test_weighted_metrics_equal_scikit_learn(rows: list[tuple[bool, int, int]]) -> None:
    truth = np.array([row[0] for row in rows])
    scores = np.array([row[1] / 5 for row in rows])
    weights = np.array([row[2] for row in rows], dtype=float)
    called = scores >= 0.5
    reference: dict[str, Callable[..., Any]] = {
        "f1": lambda *a, **k: f1_score(*a, zero_division=0, **k),
        "balanced_accuracy": balanced_accuracy_score,
        "mcc": matthews_corrcoef,
    }
    for name, metric in confusion_metrics(truth, called).items():
        expected = reference[name](truth, called, sample_weight=weights)
        assert metric(weights[None, :])[0] == pytest.approx(expected, abs=1e-9), name
    ranking = ranking_metrics(truth, scores)
    assert ranking["auc"](weights[None, :])[0] == pytest.approx(
        roc_auc_score(truth, scores, sample_weight=weights)
    )
    assert ranking["average_precision"](weights[None, :])[0] == pytest.approx(
        average_precision_score(truth, scores, sample_weight=weights)
    )


def test_images_of_one_subject_are_drawn_together() -> None:
    truth = np.array([False] * 6 + [True] * 4)
    owner = clusters(["a", "a", "a", "b", "b", "b", "c", "c", "d", "d"], 10)
    assert owner is not None
    seen = []

    def spy(weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        seen.append(weights)
        return weights.sum(axis=1)

    bootstrap({"spy": spy}, truth, owner, seed=1)
    weights = np.concatenate(seen)
    for subject in np.unique(owner):
        assert (weights[:, owner == subject] == weights[:, owner == subject][:, :1]).all()
    assert (weights[:, truth].sum(axis=1) == 4).all(), "every replicate keeps both classes"


def test_unknown_subjects() -> None:
    assert clusters(None, 3) is None
    assert clusters([None, None, None], 3) is None
    mixed = clusters(["a", None, None, "a"], 4)
    assert mixed is not None
    assert len(set(mixed)) == 3
    assert mixed[0] == mixed[3]
    with pytest.raises(ValueError, match="2 subjects for 3 images"):
        clusters(["a", "b"], 3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_seed_decides(seed: int) -> None:
    truth = np.array([False, True] * 20)
    metric = {"mean": weighted_mean(np.arange(40) % 7)}
    assert bootstrap(metric, truth, None, seed) == bootstrap(metric, truth, None, seed)


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(3).normal(10, 2, 400)
    ends = bootstrap({"mean": weighted_mean(values)}, np.arange(400) % 2 == 0, None, 0)["mean"]
    half = 1.96 * values.std() / 20
    assert ends == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_few_clusters_widen_the_interval() -> None:
    """Of six subjects in two classes the plain percentile interval of a mean covers two thirds of Student's."""
    values = np.repeat(np.random.default_rng(2).normal(0, 1, 6), 50)
    owner = np.repeat(np.arange(6), 50)
    truth = np.repeat([False, True] * 3, 50)
    ends = bootstrap({"mean": weighted_mean(values)}, truth, owner, 0)["mean"]
    assert ends is not None
    by_class = [values[::50][::2], values[::50][1::2]]
    error = np.sqrt(sum(part.var(ddof=1) / 3 for part in by_class)) / 2
    assert ends[1] - ends[0] > 2 * 1.96 * error
