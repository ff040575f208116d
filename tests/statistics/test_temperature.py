"""The scale of logits is found where it is known; a clipped cross-entropy never becomes infinite."""

import math

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from edgeall.statistics import fit_scale, log_losses
from edgeall.statistics.temperature import LEAST, SCALES, mean_log_loss


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_a_known_scale_is_found_of_one_logit_and_of_several(scale: float) -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(0, 2, (4000, 1))
    truth = (rng.uniform(size=4000) < expit(one[:, 0])).astype(np.int64)
    found = fit_scale(one / scale, truth)
    assert found == pytest.approx(scale, rel=0.1)
    # A sigmoid is a softmax of two logits, of which the first is 0.
    assert fit_scale(np.hstack([np.zeros_like(one), one / scale]), truth) == found
    many = rng.normal(0, 2, (4000, 4))
    drawn = np.array([rng.choice(4, p=p) for p in softmax(many, axis=1)])
    assert fit_scale(many / scale, drawn) == pytest.approx(scale, rel=0.1)


def test_the_scale_is_the_best_of_all() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (5000, 1))
    truth = (rng.uniform(size=5000) < expit(0.5 * logits[:, 0])).astype(np.int64)
    found = fit_scale(logits, truth)
    least = mean_log_loss(logits, truth, found)
    # Softened targets weigh next to nothing in so many images.
    assert all(least < mean_log_loss(logits, truth, found * factor) for factor in (0.9, 1.1))


def test_separated_images_have_a_finite_scale_and_reversed_ones_the_least() -> None:
    logits, truth = np.array([[-3.0], [-2.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    assert fit_scale(logits, truth) < 1
    assert fit_scale(-logits, truth) == SCALES[0]


def test_log_losses_are_those_of_scikit_learn_clipped() -> None:
    rng = np.random.default_rng(2)
    probabilities, truth = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    found = log_losses(probabilities, truth)
    assert found.shape == (50,)
    assert found.mean() == pytest.approx(log_loss(truth, probabilities, labels=[0, 1, 2]))
    certain = log_losses(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert certain.tolist() == pytest.approx([0.0, -math.log(LEAST)])
