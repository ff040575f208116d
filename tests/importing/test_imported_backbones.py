"""Networks that people fine-tune import with the answers that they give in Keras."""

from pathlib import Path

import keras
import numpy as np
import pytest
from importing.read_model import answers, built_from
from keras import layers


def unlike_new(model: keras.Model) -> keras.Model:
    """Statistics and gammas away from 0 and 1, so that mixing them up shows."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name in ("moving_mean", "moving_variance", "gamma", "beta"):
            low = 0.0 if variable.name in ("moving_mean", "beta") else 0.9
            variable.assign(low + 0.2 * rng.random(variable.shape))
    return model


def fine_tuned(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    base = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(32, 32, 3))
    x = layers.GlobalAveragePooling2D()(base.output)
    return unlike_new(keras.Model(base.input, layers.Dense(2, activation="softmax")(x)))


def teachable() -> keras.Model:
    """As Teachable Machine nests it: a Sequential of two, one with MobileNet and pooling, one of Dense layers."""
    keras.utils.set_random_seed(0)
    base = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)
    features = keras.Sequential([base, layers.GlobalAveragePooling2D()], name="sequential_1")
    classes = keras.Sequential(
        [layers.Dense(20, activation="relu"), layers.Dense(2, activation="softmax", use_bias=False)],
        name="sequential_3",
    )
    model = keras.Sequential([features, classes])
    model.build((None, 32, 32, 3))
    return unlike_new(model)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("EfficientNetB0", "keras"),
        ("MobileNetV3Small", "keras"),
        ("ResNet50", "h5"),
        ("Teachable Machine", "h5"),
        ("Teachable Machine", "keras"),
    ],
)
def test_answers_are_those_of_keras(name: str, suffix: str, tmp_path: Path) -> None:
    model = teachable() if name == "Teachable Machine" else fine_tuned(name)
    model.save(tmp_path / f"m.{suffix}")
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = model.predict_on_batch(images.astype(np.float32))
    found = answers(built_from(tmp_path / f"m.{suffix}"), images)
    np.testing.assert_allclose(found, expected, atol=1e-5)
