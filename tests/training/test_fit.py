"""A phase visits every image, keeps its best epoch, and says so when it diverges."""

import itertools
import math
from collections.abc import Callable

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.errors import EdgeallError
from edgeall.progress import SILENT
from edgeall.training.fit import (
    Epoch,
    Phase,
    Truth,
    ValidationScores,
    batches,
    rate_factor,
    run_phase,
    validate,
    warmup_cosine,
)
from edgeall.training.standardize import StandardizedFeatures


class Points:
    """Points in a plane, the same in each epoch; class 1 lies to the right."""

    def __init__(self, n: int, seed: int = 0) -> None:
        self.values = np.random.default_rng(seed).normal(0, 1, (n, 2)).astype(np.float32)
        self.classes = (self.values[:, 0] > 0).astype(np.int64)
        self.truth = Truth(self.classes, np.ones(n, np.float32))

    def batch(self, epoch: int, indices: np.ndarray) -> np.ndarray:
        return self.values[indices]


def model(seed: int = 0) -> keras.Model:
    inputs = keras.Input((2,))
    start = keras.initializers.GlorotUniform(seed)
    return keras.Model(inputs, keras.layers.Dense(1, "sigmoid", kernel_initializer=start)(inputs))


def fit(
    trained: keras.Model, points: Points, *, watch: Points | None = None, **changes: float
) -> list[Epoch]:
    seen: list[Epoch] = []
    watched = watch or Points(30, seed=9)
    phase = Phase(
        **({"name": "test", "epochs": 5, "rate": 0.05, "batch_size": 8, "patience": 9, "seed": 0} | changes)
    )
    run_phase(trained, phase, points, points.truth, watched.values, watched.truth, seen.append, SILENT)
    return seen


@given(st.integers(1, 500), st.integers(1, 100), st.integers(0, 99), st.integers(0, 99))
def test_an_epoch_shows_every_image_in_batches_of_one_size(n: int, size: int, seed: int, epoch: int) -> None:
    order = batches(n, size, seed, epoch)
    assert order.shape[1] == min(size, n)
    assert set(order.ravel()) == set(range(n))
    assert order.size - n < min(size, n)
    np.testing.assert_array_equal(order, batches(n, size, seed, epoch))


@given(st.integers(1, 200))
def test_the_rate_rises_over_one_epoch_and_then_falls(epochs: int) -> None:
    shares = [warmup_cosine(at, epochs) for at in np.linspace(0, epochs, 10 * epochs, endpoint=False)]
    assert all(0 < share <= 1 for share in shares)
    assert shares[0] < 0.02
    after = shares[10:]
    assert all(a >= b for a, b in itertools.pairwise(after))


def test_it_learns_and_records_a_row_an_epoch() -> None:
    seen = fit(model(), Points(60), epochs=20, patience=20)
    assert [row.epoch for row in seen] == list(range(21))
    assert math.isnan(seen[0].loss)
    assert math.isnan(seen[0].accuracy)
    assert seen[-1].val_auc > 0.95
    assert seen[-1].val_accuracy > 0.9
    assert seen[-1].accuracy > 0.9
    assert seen[-1].val_loss < seen[0].val_loss


def test_the_best_epoch_is_kept_and_waiting_ends() -> None:
    points, watched = Points(60), Points(30, seed=9)
    # Validation says the contrary of training, so every epoch is worse than the state before the first.
    watched = Points(30, seed=9)
    watched.truth = Truth(1 - watched.classes, watched.truth.weights)
    trained = model()
    before = trained.get_weights()
    trained.set_weights([np.zeros_like(before[0]), before[1]])
    seen = fit(trained, points, watch=watched, epochs=50, patience=3)
    assert len(seen) == 1 + 3
    np.testing.assert_array_equal(trained.get_weights()[0], 0)


def test_a_model_is_settled_after_each_epoch_and_validated_as_it_is_then() -> None:
    points, watched = Points(60), Points(30, seed=9)
    trained, settled = model(), []

    def settle() -> None:
        settled.append(trained.get_weights()[0].copy())
        trained.set_weights([np.zeros((2, 1)), np.zeros(1)])

    seen: list[Epoch] = []
    phase = Phase("test", epochs=3, rate=0.05, batch_size=8, patience=0, seed=0)
    run_phase(
        trained,
        phase,
        points,
        points.truth,
        watched.values,
        watched.truth,
        seen.append,
        SILENT,
        settle=settle,
    )
    assert len(settled) == 3
    assert all(np.any(weights) for weights in settled), "settled after training, not before it"
    assert [row.val_auc for row in seen[1:]] == [0.5] * 3
    assert not np.any(trained.get_weights()[0])


def test_without_patience_all_epochs_run_and_the_last_state_stays() -> None:
    points, watched = Points(60), Points(30, seed=9)
    watched.truth = Truth(1 - watched.classes, watched.truth.weights)
    trained = model()
    trained.set_weights([np.zeros_like(weights) for weights in trained.get_weights()])
    seen = fit(trained, points, watch=watched, epochs=7, patience=0)
    assert [row.epoch for row in seen] == list(range(8))
    assert seen[-1].val_loss > seen[0].val_loss
    now = validate(trained, watched.values, watched.truth)
    assert (now.auc, now.loss) == (seen[-1].val_auc, seen[-1].val_loss)


def test_a_constant_rate_neither_warms_up_nor_falls() -> None:
    phase = Phase("test", 10, 0.05, 8, 0, 0, "constant")
    assert {rate_factor(phase, at) for at in np.linspace(0, 10, 50, endpoint=False)} == {1.0}
    trained = model()
    fit(trained, Points(40), epochs=3, schedule="constant")
    assert float(trained.optimizer.learning_rate) == pytest.approx(0.05)
    fit(trained, Points(40), epochs=3, schedule="cosine")
    assert float(trained.optimizer.learning_rate) < 0.04


def test_training_accuracy_is_a_plain_share_whatever_classes_weigh() -> None:
    """Three of four images lie on the side that the frozen model calls them; the fourth weighs a hundredfold."""
    points = Points(4)
    points.values[:] = [[1, 0], [2, 0], [-1, 0], [-2, 0]]
    points.classes = np.array([1, 1, 0, 1])
    points.truth = Truth(points.classes, np.array([1, 1, 1, 100], np.float32))
    trained = model()
    trained.set_weights([np.array([[1.0], [0.0]], np.float32), np.zeros(1, np.float32)])
    seen = fit(trained, points, watch=points, epochs=1, batch_size=2, rate=1e-9)
    assert [row.val_accuracy for row in seen] == [0.75, 0.75]
    assert seen[1].accuracy == 0.75
    assert seen[1].loss > 10


def test_a_seed_repeats() -> None:
    one, other = model(), model()
    assert [r.val_loss for r in fit(one, Points(40))] == [r.val_loss for r in fit(other, Points(40))]
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_divergence_is_an_error_with_a_way_out() -> None:
    points = Points(40)
    points.values[3] = np.nan
    with pytest.raises(
        EdgeallError, match=r"training diverged in epoch 1 of 'test'.*lower learning rate than 0.05"
    ):
        fit(model(), points)


def test_class_weights_weigh() -> None:
    """Of two contradicting images at one point, the weightier decides."""
    points = Points(2)
    points.values[:] = 1.0
    points.classes = np.array([0, 1])
    answers = []
    for heavy in (0, 1):
        points.truth = Truth(points.classes, np.where(points.classes == heavy, 9.0, 1.0).astype(np.float32))
        trained = model()
        fit(trained, points, watch=points, epochs=60, patience=60, batch_size=2)
        answers.append(float(trained.predict_on_batch(points.values)[0, 0]))
    assert answers[0] < 0.5 < answers[1]


def test_validation_of_several_classes_is_macro_over_them() -> None:
    class Echo(keras.Model):
        def call(self, inputs):
            return inputs

    perfect = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]] * 0.8 + 0.1
    truth = Truth(np.array([0, 1, 2, 0, 1, 2]), np.ones(6, np.float32))
    echo = Echo()
    echo.compile(jit_compile=False)
    found = validate(echo, perfect, truth)
    assert found.auc == found.accuracy == 1.0
    assert found.loss == pytest.approx(-math.log(0.9))
    wrong = validate(echo, perfect, Truth(np.array([1, 0, 2, 1, 0, 2]), np.ones(6, np.float32)))
    assert wrong.auc == pytest.approx((0.25 + 0.25 + 1) / 3)
    assert wrong.accuracy == pytest.approx(1 / 3)


def test_of_equal_areas_the_lower_loss_is_better() -> None:
    assert ValidationScores(0.9, 9.0, 0.5).better_than(ValidationScores(0.8, 0.1, 0.9))
    assert ValidationScores(1.0, 0.2, 0.5).better_than(ValidationScores(1.0, 0.3, 0.9))
    assert not ValidationScores(1.0, 0.2, 0.9).better_than(ValidationScores(1.0, 0.2, 0.5))
    assert not ValidationScores(float("nan"), float("nan"), float("nan")).better_than(
        ValidationScores(0.5, 9.0, 0.5)
    )


@pytest.mark.parametrize("hidden", [(), (5,)])
def test_standardized_features_fold_into_the_head(hidden: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal([100, -3, 0], [20, 0.1, 0], (50, 3)).astype(np.float32)

    class Fixed:
        batch: Callable[[int, np.ndarray], np.ndarray] = staticmethod(lambda epoch, indices: values[indices])

    standard = StandardizedFeatures.of(Fixed(), len(values))
    scaled = standard.batch(0, np.arange(50))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert np.sqrt((scaled**2).mean()) == pytest.approx(1, rel=1e-4)
    inputs = keras.Input((3,))
    layers = [
        keras.layers.Dropout(0.5),
        *(keras.layers.Dense(n, "relu") for n in hidden),
        keras.layers.Dense(1),
    ]
    tensor = inputs
    for layer in layers:
        tensor = layer(tensor)
    head = keras.Model(inputs, tensor)
    learned = np.asarray(head(scaled))
    standard.fold_into(layers)
    np.testing.assert_allclose(np.asarray(head(values)), learned, rtol=1e-3, atol=1e-3)


def test_features_that_never_vary_are_no_division_by_zero() -> None:
    class Constant:
        batch: Callable[[int, np.ndarray], np.ndarray] = staticmethod(
            lambda epoch, indices: np.full((len(indices), 2), 7.0, np.float32)
        )

    standard = StandardizedFeatures.of(Constant(), 5)
    np.testing.assert_array_equal(standard.batch(0, np.arange(5)), 0)
