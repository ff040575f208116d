"""Channels whose weights are zero, or next to it, keep their bias in every INT8 file.

Folding BatchNormalization leaves such channels: ImageNet's MobileNetV2 has nine. The step of a bias is the product of
the input's step and the weights' step, so a quantizer has to choose the latter for channels that give it no hint.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import draw

from edgeall.artifact import suffix_of
from edgeall.exporting import frozen, int8
from edgeall.exporting.recipes import load_recipe
from edgeall.exporting.source_models import INTERMEDIATES, Sources
from edgeall.pixels import PixelMapping
from edgeall.runtimes import open_model
from edgeall.runtimes.onnx_providers import saturates

SIZE = 32
PIXELS = PixelMapping(SIZE, "BGR", (1.0,) * 3, (-103.939, -116.779, -123.68))
CALIBRATION, IMAGES = draw(24, SIZE, seed=1), draw(40, SIZE, seed=2)
NEARLY_DEAD = (0.0, 1e-40, 1e-30, 1e-12, 1e-9, 3e-9, 6e-9, 1e-8, 1.5e-8, 2e-8, 3e-8, 1e-7, 1e-6, 1e-5)
"""Largest weight of a channel. Near 1e-8 the bias comes to 2 ** 31 steps, where 32 bits end."""
BIAS = 0.4
"""Less than half a step of what the layer reads, whose values go to hundreds."""
LIVE = 4
KINDS = ("conv", "depthwise", "dense")
RECIPES = (
    "tflite-int8",
    "tflite-int8-io",
    "tflite-dynamic",
    "onnx-int8",
    "onnx-int8-portable",
    "openvino-int8",
)
SHARED = ("tflite", "onnx", "openvino")
MOST = 0.03
"""Mean change of the score: twice what rounding activations does. Without the bias of two channels it is 0.09."""


def network(kind: str) -> Any:
    """The layer in the middle has `LIVE` channels and one of each of `NEARLY_DEAD`; all speak up in the answer."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    channels = LIVE + len(NEARLY_DEAD)
    given = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(channels, 3, strides=2, padding="same")(given)
    middle = {
        "conv": layers.Conv2D(channels, 3, padding="same"),
        "depthwise": layers.DepthwiseConv2D(3, padding="same"),
        "dense": layers.Dense(channels),
    }[kind]
    x = (
        middle(layers.GlobalAveragePooling2D()(x))
        if kind == "dense"
        else layers.GlobalAveragePooling2D()(middle(x))
    )
    head = layers.Dense(1, activation="sigmoid")
    model = keras.Model(given, head(x))
    features = keras.Model(given, x).predict_on_batch(PIXELS.apply(CALIBRATION))
    kernel, bias = middle.get_weights()
    by_channel = kernel[..., 0] if kind == "depthwise" else kernel
    # A feature that lives has mean 0 and standard deviation 0.3; one that does not is `BIAS`.
    factor = 0.3 / features.std(axis=0)
    by_channel *= factor
    bias[:] = -features.mean(axis=0) * factor
    for place, largest in enumerate(NEARLY_DEAD, LIVE):
        part = np.abs(by_channel[..., place])
        by_channel[..., place] = part / part.max() * np.float32(largest)
        bias[place] = BIAS
    middle.set_weights([kernel, bias])
    # Each that does not live moves the logit by a half while it speaks up: alike those with weights that have no step
    # in float32, and those of either side of 32 bits' end; all of them by nothing together.
    weights = np.full((channels, 1), 0.5 / BIAS, np.float32)
    weights[LIVE + 3 :: 2] *= -1
    head.set_weights([weights, -BIAS * weights[LIVE:].sum(axis=0)])
    return model


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Sources]:
    """The network, and what its formats are converted from."""
    model = network(request.param)
    sources = Sources(tmp_path_factory.mktemp(request.param), PIXELS)
    np.save(sources.folder / "calibration.npy", CALIBRATION)
    frozen.freeze(model, SIZE, sources.graph)
    for build in INTERMEDIATES.values():
        build(sources)
    return model, sources


def change(model: Any, file: Path, format: Any) -> float:
    """Mean change of the score against the Keras model."""
    if format == "openvino" and saturates():
        # A live channel's weights are near the largest here, so that it shows: the scores say nothing of the bias then.
        pytest.skip("OpenVINO's products of 8-bit weights saturate on this processor (x86-64 without VNNI)")
    expected = model.predict_on_batch(PIXELS.apply(IMAGES)).ravel()
    with open_model(file, format, PIXELS, precision="int8") as session:
        score = session.predict(IMAGES)[:, 1]
    return float(np.abs(score - expected).mean())


@pytest.mark.parametrize("name", RECIPES)
def test_a_quantizer_keeps_the_bias(case: tuple[Any, Sources], name: str) -> None:
    model, sources = case
    recipe = load_recipe(name)
    out = sources.folder / f"{name}{suffix_of(recipe.format)}"
    calibration = sources.folder / "calibration.npy" if recipe.calibration else None
    importlib.import_module(f"edgeall.exporting.{recipe.format}").convert(sources, recipe, calibration, out)
    assert change(model, out, recipe.format) < MOST


@pytest.fixture(scope="module")
def shared(case: tuple[Any, Sources]) -> int8.QuantizedModel:
    plain = int8.prepare(case[0])
    grids = int8.calibrate(plain, CALIBRATION, PIXELS, method="min-max")
    return int8.freeze(plain.graph, plain.weights, grids, 8)


@pytest.mark.parametrize("format", SHARED)
def test_the_shared_model_keeps_the_bias(
    case: tuple[Any, Sources], shared: int8.QuantizedModel, format: str
) -> None:
    model, sources = case
    out = sources.folder / f"shared{suffix_of(format)}"  # type: ignore[arg-type]
    int8.write(shared, format, out)
    assert change(model, out, format) < MOST
