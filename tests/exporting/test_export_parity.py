"""Parity: what agrees, what fails, and what is no model at all."""

import numpy as np
import pytest

from edgeall.artifact import Decision
from edgeall.errors import ExportError
from edgeall.exporting.parity import compare
from edgeall.exporting.recipes import Tolerance

DECISION = Decision(("healthy", "all"), ("all",), threshold=0.5)


def rows(*scores: float) -> np.ndarray:
    score = np.array(scores, dtype=np.float32)
    return np.stack([1 - score, score], axis=1)


def test_figures_are_of_the_score() -> None:
    parity = compare(rows(0.1, 0.4, 0.9, 0.8), rows(0.1, 0.6, 0.9, 0.7), DECISION, Tolerance(4, 0.1))
    assert (parity.n, parity.agreement) == (4, 0.75)
    assert parity.mean_abs_diff == pytest.approx(0.075)
    assert parity.max_abs_diff == pytest.approx(0.2)
    assert parity.passed


@pytest.mark.parametrize(
    "tolerance", [Tolerance(4, 0.07), Tolerance(4, 0.1, max_abs_diff=0.19), Tolerance(4, 0.1, agreement=0.8)]
)
def test_each_limit_fails_on_its_own(tolerance: Tolerance) -> None:
    assert not compare(rows(0.1, 0.4, 0.9, 0.8), rows(0.1, 0.6, 0.9, 0.7), DECISION, tolerance).passed


def test_several_positive_labels_add_up() -> None:
    decision = Decision(("benign", "early", "pro"), ("early", "pro"))
    before = np.array([[0.2, 0.5, 0.3]], np.float32)
    after = np.array([[0.2, 0.3, 0.5]], np.float32)
    assert compare(before, after, decision, Tolerance(1, 0.0001)).mean_abs_diff == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (rows(0.1, np.nan, 0.9), "NaN"),
        (rows(0.1, np.inf, 0.9), "NaN or infinity"),
        (rows(0.3, 0.3, 0.3), "whatever the image is"),
        (rows(-4.0, 0.2, 7.0), "no probabilities"),
        (rows(0.1, 0.2), "shape"),
    ],
)
def test_what_is_no_model_fails_whatever_the_tolerance(answers: np.ndarray, complaint: str) -> None:
    with pytest.raises(ExportError, match=complaint):
        compare(rows(0.1, 0.2, 0.9), answers, DECISION, Tolerance(3, 1.0))


def test_the_fall_of_the_auc_is_measured_and_limited() -> None:
    truth = [False, False, True, True]
    before, after = rows(0.1, 0.4, 0.6, 0.9), rows(0.1, 0.61, 0.6, 0.9)
    fallen = compare(before, after, DECISION, Tolerance(4, 1.0), truth)
    assert fallen.auc_delta == pytest.approx(-0.25)
    assert fallen.accuracy_delta == pytest.approx(-0.25)
    assert fallen.auc_delta_low is not None
    assert fallen.auc_delta_high is not None
    assert fallen.auc_delta_low <= -0.25 <= fallen.auc_delta_high
    assert fallen.passed
    assert compare(before, after, DECISION, Tolerance(4, 1.0, auc_fall=0.25), truth).passed
    assert not compare(before, after, DECISION, Tolerance(4, 1.0, auc_fall=0.24), truth).passed


def test_images_of_one_class_have_no_auc_to_fall() -> None:
    truth = [True] * 3
    parity = compare(
        rows(0.1, 0.4, 0.6), rows(0.6, 0.4, 0.1), DECISION, Tolerance(3, 1.0, auc_fall=0.0), truth
    )
    assert (parity.auc_delta, parity.passed) == (None, True)
    assert parity.accuracy_delta == pytest.approx(0.0)


def test_a_model_that_hardly_moves_may_become_constant() -> None:
    assert compare(rows(0.5, 0.5001), rows(0.5, 0.5), DECISION, Tolerance(2, 0.01)).passed


FOUR = Decision(("benign", "early", "pre", "pro"), ("early", "pre", "pro"), threshold=0.5)


def four_classes() -> np.ndarray:
    table = np.random.default_rng(0).dirichlet([0.6] * 4, 40)
    return np.asarray(table, np.float32)


def test_of_two_classes_the_score_tells_all() -> None:
    parity = compare(rows(0.1, 0.9), rows(0.1, 0.8), DECISION, Tolerance(2, 1.0))
    assert (parity.class_agreement, parity.class_max_abs_diff, parity.class_mean_abs_diff) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "tolerance", [Tolerance(40, 0.02), Tolerance(40, 1.0, agreement=0.98), Tolerance(40, 1.0, 0.1)]
)
def test_two_classes_with_a_finding_that_are_exchanged_fail(tolerance: Tolerance) -> None:
    """Their scores, sums over classes with a finding, are equal."""
    before = four_classes()
    exchanged = compare(before, before[:, [0, 2, 1, 3]], FOUR, tolerance)
    assert (exchanged.agreement, exchanged.max_abs_diff) == (1.0, pytest.approx(0, abs=1e-6))
    assert exchanged.class_agreement < 0.9
    assert not exchanged.passed
    assert compare(before, before, FOUR, tolerance).passed


def test_the_differences_of_classes_are_those_of_the_class_that_differs_most() -> None:
    before = np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]], np.float32)
    after = np.array([[0.6, 0.1, 0.2, 0.1], [0.1, 0.35, 0.45, 0.1]], np.float32)
    parity = compare(before, after, FOUR, Tolerance(2, 1.0))
    assert parity.class_agreement == 0.5
    assert parity.class_max_abs_diff == pytest.approx(0.35, abs=1e-6)
    assert parity.class_mean_abs_diff == pytest.approx((0.1 + 0.35) / 2, abs=1e-6)
