"""A backbone of four layers beside the six, for tests of what is done around a training and not of the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edgeall.training import TrainingSettings
from edgeall.training.backbones import BACKBONES, Backbone
from edgeall.tuning.space import DEPTHS

SMALL = Backbone(
    *("small", "Small", "Small", "tf"),
    features=(7, 7, 16),
    parameters=1416,
    statistics=16,
    upper="upper",
    upper_weights=1168,
    published="all",
    licence="Apache-2.0",
)


def _construct(include_top: bool, weights: None, input_tensor: Any, input_shape: tuple[int, int, int]) -> Any:
    """As the constructors of `keras.applications` are called."""
    import keras
    from keras import layers

    x = layers.Conv2D(8, 3, strides=4, use_bias=False)(input_tensor)
    x = layers.BatchNormalization(name="upper")(x)
    # Not a number stays one, which a ReLU may make 0 of.
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="tanh")(x)
    return keras.Model(input_tensor, x)


@contextmanager
def small_backbone() -> Iterator[None]:
    """The backbone "small" is known until the block ends."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, SMALL.name, SMALL)
        patch.setitem(DEPTHS, SMALL.name, ())
        patch.setattr(keras.applications, SMALL.constructor, _construct, raising=False)
        yield


def settings(**given: Any) -> TrainingSettings:
    """To train it at 32 pixels, within `small_backbone`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, SMALL.name, SMALL)
        return TrainingSettings(SMALL.name, input_size=32, **given)
