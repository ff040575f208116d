"""Probability calibration: found where it is known, folded into a plain model, never a change of ranking."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from edgeall.errors import UsageError
from edgeall.training.backbones import find_backbone
from edgeall.training.heads import find_head
from edgeall.training.model import Classifier, build, run_model
from edgeall.training.probability_calibration import calibrate, logits, penultimate_model


def classifier(outputs: int = 1) -> Classifier:
    built = build(find_backbone("mobilenetv2"), find_head("gap"), outputs, size=32)
    dense = built.head[-1]
    rng = np.random.default_rng(0)
    dense.set_weights([rng.normal(size=array.shape).astype(np.float32) for array in dense.get_weights()])
    return built


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 2, (4000, 1))
    truth = (rng.uniform(size=4000) < expit(true[:, 0])).astype(np.int64)
    found = calibrate(classifier(), "temperature", true * temperature, truth)
    assert found.scale == pytest.approx(1 / temperature, rel=0.1)
    assert found.offset == 0
    assert found.n == 4000


def test_a_known_temperature_of_several_classes_is_found() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(0, 2, (4000, 4))
    truth = np.array([rng.choice(4, p=p) for p in softmax(true, axis=1)])
    assert calibrate(classifier(4), "temperature", true * 3, truth).scale == pytest.approx(1 / 3, rel=0.1)


def test_platt_is_a_logistic_regression_of_the_logit() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 2, (3000, 1))
    truth = (rng.uniform(size=3000) < expit(0.7 * values[:, 0] + 1)).astype(np.int64)
    theirs = LogisticRegression(C=1e6).fit(values, truth)
    ours = calibrate(classifier(), "platt", values, truth)
    # Platt's softened truths weigh next to nothing in so many images.
    assert ours.scale == pytest.approx(theirs.coef_[0, 0], rel=0.01)
    assert ours.offset == pytest.approx(theirs.intercept_[0], abs=0.01)
    assert ours.loss_after < ours.loss_before


def test_a_few_separated_images_make_nothing_certain() -> None:
    values = np.array([[-3.0], [-2.0], [2.0], [3.0]])
    truth = np.array([0, 0, 1, 1])
    found = calibrate(classifier(), "temperature", values, truth)
    # The mean confidence is that of Platt's targets, (2 + 1) / (2 + 2).
    assert expit(found.scale * 2) < 0.75 < expit(found.scale * 3)


@pytest.mark.parametrize(("outputs", "method"), [(1, "temperature"), (1, "platt"), (3, "temperature")])
def test_the_correction_is_folded_into_the_last_layer(outputs: int, method: str) -> None:
    built = classifier(outputs)
    images = np.random.default_rng(4).uniform(-1, 1, (8, 32, 32, 3)).astype(np.float32)
    before = logits(built, run_model(penultimate_model(built), images))
    truth = np.arange(8) % max(outputs, 2)
    found = calibrate(built, method, before, truth)
    after = before * found.scale + found.offset
    expected = expit(after) if outputs == 1 else softmax(after, axis=1)
    np.testing.assert_allclose(run_model(built.model, images), expected, atol=1e-5)


def test_none_changes_nothing() -> None:
    built = classifier()
    before = built.head[-1].get_weights()
    found = calibrate(built, "none", np.array([[1.0], [-1.0]]), np.array([1, 0]))
    assert (found.scale, found.offset, found.loss_after) == (1.0, 0.0, found.loss_before)
    for ours, theirs in zip(built.head[-1].get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_platt_is_refused_for_several_classes() -> None:
    with pytest.raises(UsageError, match="--calibration temperature"):
        calibrate(classifier(3), "platt", np.zeros((3, 3)), np.arange(3))
