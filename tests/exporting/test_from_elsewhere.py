"""Networks from elsewhere, imported and exported: the three engines answer as Keras does."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process import exported, prepared
from keras_run import make_keras_run
from small_models import _enliven, draw

from edgeall.artifact import FORMATS
from edgeall.exporting import Options, choose, export_runs, load_recipe
from edgeall.exporting.recipes import Tolerance
from edgeall.importing import import_model

SIZE = 64


def application(name: str) -> Callable[[], Any]:
    """A network of `keras.applications` with random weights, its own preprocessing inside where it has one."""

    def make() -> Any:
        import keras

        base = getattr(keras.applications, name)(
            weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), pooling="avg"
        )
        return keras.Model(base.input, keras.layers.Dense(3, activation="softmax")(base.output))

    return make


def resnet() -> Any:
    """ResNet50's stacks with two of their blocks each."""
    import keras
    from keras.src.applications import resnet

    def stacks(x: Any) -> Any:
        for number, filters in enumerate((64, 128, 256, 512), start=2):
            strides = 1 if number == 2 else 2
            x = resnet.stack_residual_blocks_v1(x, filters, 2, stride1=strides, name=f"conv{number}")
        return x

    base = resnet.ResNet(
        *(stacks, False, True),
        name="resnet",
        weights_name=None,
        weights=None,
        include_top=False,
        input_shape=(SIZE, SIZE, 3),
        pooling="avg",
    )
    return keras.Model(base.input, keras.layers.Dense(3, activation="softmax")(base.output))


def nest() -> Any:
    """As Teachable Machine builds its models: a Sequential of two, the first around a MobileNet."""
    import keras
    from keras import layers

    mobile = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(SIZE, SIZE, 3), alpha=0.25
    )
    features = keras.Sequential([mobile, layers.GlobalAveragePooling2D()], name="features")
    head = keras.Sequential(
        [layers.Dense(100, activation="relu"), layers.Dense(3, "softmax", use_bias=False)]
    )
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), features, head])


NETWORKS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "EfficientNetB0": (application("EfficientNetB0"), "raw", "keras"),
    "MobileNetV3Small": (application("MobileNetV3Small"), "raw", "keras"),
    "ResNet": (resnet, "tf", "keras"),
    "Teachable Machine": (nest, "tf", "h5"),
}
"""How each is built, which of import's preprocessings it is given, and the kind of its file."""


def all_layers(model: Any) -> list[Any]:
    return [
        each
        for layer in model.layers
        for each in (all_layers(layer) if hasattr(layer, "layers") else [layer])
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_from_elsewhere(name: str, tmp_path: Path) -> None:
    import keras

    build, preprocessing, suffix = NETWORKS[name]
    keras.utils.set_random_seed(0)
    model, images = build(), draw(16, SIZE, seed=2)
    pixels = images.astype(np.float32)
    if preprocessing == "tf":
        pixels = pixels / 127.5 - 1
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    if suffix == "keras":
        _enliven(model, pixels)
    else:
        model(pixels, training=True)
    expected = model.predict_on_batch(pixels)
    file = tmp_path / f"model.{suffix}"
    model.save(file)
    run = import_model(
        file,
        ["a", "b", "c"],
        positive=["b"],
        preprocessing=preprocessing,
        input_size=SIZE,
        out=tmp_path / "runs",
    ).run
    sources = prepared(run, tmp_path)
    for format in FORMATS:
        answers, _ = exported(run, sources, f"{format}-fp32", images)
        tolerance = load_recipe(f"{format}-fp32").parity
        difference = np.abs(answers - expected)
        assert difference.mean() <= tolerance.mean_abs_diff, format
        assert difference.max() <= 1e-3, format


def test_what_one_format_cannot_hold_is_no_matter_to_the_others(tmp_path: Path) -> None:
    """TFLite has no asinh. swish has no shared INT8 form, which is a line in the table and not the export's end."""
    import keras
    from keras import layers, ops

    run = make_keras_run(tmp_path / "cells")
    size = run.pixels.size
    given = keras.Input((size, size, 3))
    x = layers.Conv2D(4, 3, strides=4, activation="silu", name="swishing")(given)
    x = ops.arcsinh(x)
    model = keras.Model(given, layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling2D()(x)))
    model.save(run.model_path)
    int8 = load_recipe("onnx-int8")
    strict = dataclasses.replace(int8, parity=Tolerance(images=20, mean_abs_diff=0.0))
    outcome = export_runs([run], [*choose(FORMATS, ("float32",)), strict], Options())
    assert [(each.recipe, each.parity.passed) for each in outcome.exported] == [
        ("onnx-fp32", True),
        ("openvino-fp32", True),
        ("onnx-int8", False),
    ]
    (failure,) = outcome.failures
    assert failure.recipe == "tflite-fp32"
    assert failure.error == "operation 'Asinh': TFLite has no operator for TensorFlow's Asinh"
    others = {each["method"]: each for each in outcome.exported[-1].fallbacks}
    for method in ("bias-correction", "fine-tuning"):
        assert others[method]["error"] == "layer swishing: activation silu has no INT8 form here"
