"""Every option of every layer that import takes, away from its default: Keras' own answer, or a refusal."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from importing.read_model import answers, built_from, randomised
from keras import layers

from edgeall.errors import ModelError
from edgeall.importing import allowed_layers

SIZE = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)

CONVOLUTION: dict[str, list[Any]] = {
    "strides": [2, (2, 2)],
    "padding": ["same"],
    "dilation_rate": [2],
    "activation": ["relu", "gelu"],
    "use_bias": [False],
    "kernel_regularizer": ["l2"],
    "kernel_constraint": ["non_neg"],
    "kernel_initializer": ["ones"],
    "trainable": [False],
    "dtype": ["float64"],
}  # fmt: skip
CONVOLUTION_BY_CHANNEL: dict[str, list[Any]] = {
    key: values for key, values in CONVOLUTION.items() if not key.startswith("kernel_")
} | {"depth_multiplier": [2], "depthwise_regularizer": ["l2"], "depthwise_constraint": ["non_neg"]}
MERGE = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")

REQUIRED: dict[str, dict[str, Any]] = {
    "AveragePooling2D": {"pool_size": 2},
    "Activation": {"activation": "relu"},
    "CenterCrop": {"height": 4, "width": 4},
    "Conv2D": {"filters": 4, "kernel_size": 3},
    "Conv2DTranspose": {"filters": 4, "kernel_size": 3},
    "Dense": {"units": 5},
    "DepthwiseConv2D": {"kernel_size": 3},
    "Permute": {"dims": (2, 1, 3)},
    "Rescaling": {"scale": 0.5},
    "Reshape": {"target_shape": (5, 20, 4)},
    "Resizing": {"height": 7, "width": 7},
    "SeparableConv2D": {"filters": 4, "kernel_size": 3},
    "GroupNormalization": {"groups": 2},
    "Normalization": {"mean": [0.1, 0.2, 0.3, 0.4], "variance": [1.0, 2.0, 3.0, 4.0]},
}

OPTIONS: dict[str, dict[str, list[Any]]] = {
    "Activation": {"activation": sorted(allowed_layers.ACTIVATIONS | allowed_layers.ACTIVATIONS_OF_KERAS_3)},
    "AveragePooling2D": {"pool_size": [3, (2, 3)], "strides": [1, 3], "padding": ["same"]},
    "BatchNormalization": {
        "axis": [1, 2, 3, -2], "momentum": [0.5], "epsilon": [0.1], "center": [False], "scale": [False],
        "synchronized": [True], "trainable": [False], "renorm": [True], "renorm_momentum": [0.5],
        "beta_regularizer": ["l2"], "gamma_constraint": ["non_neg"], "moving_mean_initializer": ["ones"],
    },
    "CenterCrop": {"height": [3, 8, 11], "width": [5, 12]},
    "Concatenate": {"axis": [1, 2, 3, -2]},
    "Conv2D": CONVOLUTION | {"groups": [2], "kernel_size": [(1, 3), 1], "padding": ["same", "valid"]},
    "Conv2DTranspose": CONVOLUTION | {"strides": [2, 3]},
    "Cropping2D": {"cropping": [1, (1, 2), ((1, 0), (0, 2))]},
    "Dense": {key: CONVOLUTION[key] for key in ("activation", "use_bias", "kernel_regularizer", "dtype")}
    | {"activity_regularizer": ["l2"]},
    "DepthwiseConv2D": CONVOLUTION_BY_CHANNEL,
    "ELU": {"alpha": [0.3]},
    "Flatten": {"data_format": ["channels_first"]},
    "GlobalAveragePooling2D": {"keepdims": [True], "data_format": ["channels_first"]},
    "GlobalMaxPooling2D": {"keepdims": [True], "data_format": ["channels_first"]},
    "GroupNormalization": {
        "groups": [1, 4, -1], "axis": [1, 2], "epsilon": [0.1], "center": [False], "scale": [False],
    },
    "LayerNormalization": {
        "axis": [1, 2, (1, 2), (1, 2, 3), [3]], "epsilon": [0.1], "center": [False], "scale": [False],
        "rms_scaling": [True],
    },
    "LeakyReLU": {"negative_slope": [0.05, 0.9]},
    "MaxPooling2D": {"pool_size": [3, (2, 3)], "strides": [1, 3], "padding": ["same"]},
    "Normalization": {"axis": [(1, 3)], "invert": [True]},
    "PReLU": {"shared_axes": [[1], [1, 2]], "alpha_initializer": ["ones"], "alpha_constraint": ["non_neg"]},
    "Permute": {"dims": [(1, 3, 2), (3, 1, 2)]},
    "ReLU": {"max_value": [0.4], "negative_slope": [0.2], "threshold": [0.3]},
    "Rescaling": {"scale": [-2.0, [1.0, 2.0, 3.0, 4.0]], "offset": [0.5, [0.1, 0.2, 0.3, 0.4]]},
    "Reshape": {"target_shape": [(-1, 4), (10, 40), (400,)]},
    "Resizing": {
        "height": [20, 9], "width": [3, 15], "interpolation": ["nearest", "bicubic", "lanczos3", "lanczos5"],
        "crop_to_aspect_ratio": [True], "pad_to_aspect_ratio": [True], "antialias": [True],
    },
    "SeparableConv2D": CONVOLUTION_BY_CHANNEL,
    "Softmax": {"axis": [1, 2, -2, (1, 2)]},
    "UpSampling2D": {"size": [3, (1, 2)], "interpolation": ["bilinear", "nearest", "bicubic", "lanczos3"]},
    "ZeroPadding2D": {"padding": [2, (1, 2), ((1, 0), (0, 2))]},
}  # fmt: skip
CASES = [
    (kind, option, value)
    for kind, options in OPTIONS.items()
    for option, values in options.items()
    for value in values
] + [(kind, "trainable", False) for kind in MERGE]


REFUSED = {
    ("Flatten", "data_format"): "channels first",
    ("GlobalAveragePooling2D", "data_format"): "channels first",
    ("GlobalMaxPooling2D", "data_format"): "channels first",
    ("LayerNormalization", "rms_scaling"): "option rms_scaling",
    ("Normalization", "axis"): "another axis than the channels",
    ("Normalization", "invert"): "is an inverse normalization",
}


def made(kind: str, **options: Any) -> keras.Model:
    layer = getattr(layers, kind)(**REQUIRED.get(kind, {}) | options)
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 3, activation="tanh")(layers.Rescaling(1 / 255)(image))
    merges = kind in (*MERGE, "Concatenate")
    return randomised(keras.Model(image, layer([x, layers.Conv2D(4, 1)(x)] if merges else x)))


def outcome(model: keras.Model, file: Path) -> tuple[str, float]:
    """Why the model is refused, or "" and how far its answers are from Keras' own."""
    model.save(file)
    try:
        built = built_from(file)
    except ModelError as error:
        return str(error).removeprefix(f"{file}: "), 0.0
    expected = model.predict_on_batch(IMAGES.astype(np.float32))
    return "", float(np.abs(answers(built, IMAGES) - expected).max() / max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in CASES}))
def test_options_answer_as_in_keras_or_are_refused(kind: str, tmp_path: Path) -> None:
    seen = set()
    for option, value in [case[1:] for case in CASES if case[0] == kind]:
        model = made(kind, **{option: value})
        # Both kinds of files describe layers alike; they differ in how weights are found.
        for suffix in ("keras",) if option in seen or not model.layers[-1].weights else ("keras", "h5"):
            refusal, difference = outcome(model, tmp_path / f"m.{suffix}")
            expected = REFUSED.get((kind, option), "")
            assert expected in refusal, (option, value, suffix)
            assert bool(expected) == bool(refusal), (option, value, suffix, refusal)
            assert difference < 1e-5, (option, value, suffix)
        seen.add(option)


def test_no_layer_is_left_out() -> None:
    assert {kind for kind, _, _ in CASES} == allowed_layers.LAYERS


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: layers.Softmax(axis=0), "along the batch axis"),
        (lambda: layers.BatchNormalization(axis=0), "along the batch axis"),
        (lambda: layers.LayerNormalization(axis=[0, 3]), "along the batch axis"),
        (lambda: layers.Rescaling(2, dtype="uint8"), "computes in uint8"),
        (lambda: layers.Activation("relu", dtype="int32"), "computes in int32"),
    ],
)
def test_layers_whose_answers_edgeall_cannot_give_are_refused(layer, words: str, tmp_path: Path) -> None:
    image = keras.Input((SIZE, SIZE, 3), batch_size=3)
    refusal, _ = outcome(keras.Model(image, layer()(image)), tmp_path / "m.keras")
    assert words in refusal


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"])
def test_other_precisions_are_computed_in_float32(policy: str, tmp_path: Path) -> None:
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 3, dtype=policy)(layers.Rescaling(1 / 255)(image))
    model = randomised(keras.Model(image, layers.GlobalAveragePooling2D(dtype=policy)(x)))
    refusal, difference = outcome(model, tmp_path / "m.keras")
    assert (refusal, difference < (0.02 if "16" in policy else 1e-5)) == ("", True)


@pytest.mark.parametrize("mode", ["int8", "float8", "int4"])
def test_models_quantized_by_keras_are_refused(mode: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Flatten(), layers.Dense(2)])
    model.quantize(mode)
    refusal, _ = outcome(model, tmp_path / "m.keras")
    assert f"was quantized by Keras ({mode}" in refusal
    assert "before model.quantize()" in refusal


def test_a_low_rank_adapter_is_merged(tmp_path: Path) -> None:
    model = made("Dense")
    model.layers[-1].enable_lora(2)
    model.layers[-1].lora_kernel_b.assign(np.ones_like(model.layers[-1].lora_kernel_b))
    assert outcome(model, tmp_path / "m.keras") == ("", pytest.approx(0, abs=1e-5))
