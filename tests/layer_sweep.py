"""Every layer, activation and operation that import allows, as branches of small networks.

A network has one class a branch, whose logit the branch alone gives: what an engine gets wrong shows in the class that
is called after the layer. Logits have mean 0 and standard deviation 1 over the drawn images.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from small_models import draw

from edgeall.importing import allowed_layers

SIZE = 16
IMAGES = draw(12, SIZE, seed=2)
Tensor = Any
Branch = Callable[[Tensor, Callable[[], Tensor], str], Tensor]
"""(the first convolution's result, another one of the same shape, name of the layer) to the layer's result."""


def activations() -> dict[str, Branch]:
    """Of `table.ACTIVATIONS` and `ACTIVATIONS_OF_KERAS_3`, as layers; "dense" and "conv" ones are options of others."""
    from keras import layers

    def of(name: str) -> Branch:
        return lambda x, other, label: layers.Activation(name, name=label)(x)

    return {
        name: of(name) for name in sorted(allowed_layers.ACTIVATIONS | allowed_layers.ACTIVATIONS_OF_KERAS_3)
    }


def fused_activations() -> dict[str, Branch]:
    """The same as the activation of a convolution."""
    from keras import layers

    def of(name: str) -> Branch:
        return lambda x, other, label: layers.Conv2D(4, 3, activation=name, name=label)(x)

    return {
        f"conv_{name}": of(name)
        for name in sorted(allowed_layers.ACTIVATIONS | allowed_layers.ACTIVATIONS_OF_KERAS_3)
    }


def plain_layers() -> dict[str, Branch]:
    """Of `table.LAYERS`: each with the options that converters might take differently."""
    from keras import layers

    # Arguments, options; and how many inputs.
    one: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
        "Activation": [(("relu",), {})],
        "AveragePooling2D": [((2,), {}), ((3, 2), {"padding": "same"})],
        "BatchNormalization": [((), {})],
        "CenterCrop": [((10, 10), {})],
        "Conv2D": [
            ((4, 3), {"strides": 2, "padding": "same"}),
            ((4, 3), {"dilation_rate": 2}),
            ((4, 3), {"groups": 2}),
        ],
        "Conv2DTranspose": [((4, 3), {"strides": 2, "padding": "same"}), ((4, 3), {"strides": 2})],
        "Cropping2D": [((((1, 2), (0, 3)),), {})],
        "Dense": [((5,), {"activation": "relu"})],
        "DepthwiseConv2D": [((3,), {"depth_multiplier": 2}), ((3,), {"strides": 2, "padding": "same"})],
        "ELU": [((0.7,), {})],
        "Flatten": [((), {})],
        "GlobalAveragePooling2D": [((), {}), ((), {"keepdims": True})],
        "GlobalMaxPooling2D": [((), {}), ((), {"keepdims": True})],
        "GroupNormalization": [((3,), {})],
        "LayerNormalization": [((), {}), ((), {"axis": (1, 2, 3)})],
        "LeakyReLU": [((0.2,), {})],
        "MaxPooling2D": [((2,), {}), ((3, 2), {"padding": "same"})],
        "Normalization": [((), {"mean": [1.0] * 6, "variance": [2.0] * 6})],
        "PReLU": [((), {}), ((), {"shared_axes": [1, 2]})],
        "Permute": [(((3, 1, 2),), {}), (((2, 1, 3),), {})],
        "ReLU": [((), {}), ((6.0,), {}), ((3.0,), {"negative_slope": 0.1, "threshold": 0.2})],
        "Rescaling": [((2.0, 0.5), {})],
        "Reshape": [(((8, 32, 6),), {}), (((-1,),), {})],
        "Resizing": [
            *(((24, 11), {"interpolation": kind}) for kind in ("nearest", "bilinear", "bicubic")),
            *(((24, 11), {"interpolation": kind}) for kind in ("area", "lanczos3", "lanczos5")),
            ((9, 9), {"antialias": True}),
            ((24, 10), {"crop_to_aspect_ratio": True}),
        ],
        "SeparableConv2D": [((4, 3), {"strides": 2, "padding": "same", "depth_multiplier": 2})],
        "Softmax": [((), {}), ((), {"axis": 1})],
        "UpSampling2D": [((2,), {"interpolation": kind}) for kind in ("nearest", "bilinear", "bicubic")],
        "ZeroPadding2D": [((((1, 2), (0, 3)),), {})],
    }
    two = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
    assert {*one, *two} == allowed_layers.LAYERS, "a layer that import allows is not in the sweep"

    def alone(name: str, given: tuple[Any, ...], options: dict[str, Any]) -> Branch:
        return lambda x, other, label: getattr(layers, name)(*given, **options, name=label)(x)

    def both(name: str) -> Branch:
        return lambda x, other, label: getattr(layers, name)(name=label)([x, other()])

    found = {
        f"{name}_{number}": alone(name, *arguments)
        for name, variants in one.items()
        for number, arguments in enumerate(variants)
    }
    return found | {name: both(name) for name in two}


def operations() -> dict[str, Branch]:
    """Of `table.KERAS_OPS`, and a squeeze-and-excite gate."""
    from keras import layers, ops

    def gate(x: Tensor, other: Callable[[], Tensor], label: str) -> Tensor:
        squeezed = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        return layers.Multiply(name=label)([x, squeezed])

    return {
        "op_add": lambda x, other, label: x + other(),
        "op_add_constant": lambda x, other, label: 1.5 + x,
        "op_concatenate": lambda x, other, label: ops.concatenate([x, other()], axis=-1),
        "op_divide": lambda x, other, label: x / 2.0,
        "op_max": lambda x, other, label: ops.max(x, axis=[1, 2], keepdims=True),
        "op_mean": lambda x, other, label: ops.mean(x, axis=[1, 2]),
        "op_multiply": lambda x, other, label: x * other(),
        "op_relu": lambda x, other, label: ops.relu(x),
        "op_relu6": lambda x, other, label: ops.relu6(x),
        "op_sigmoid": lambda x, other, label: ops.sigmoid(x),
        "op_silu": lambda x, other, label: ops.silu(x),
        "op_softmax": lambda x, other, label: ops.softmax(x),
        "op_subtract": lambda x, other, label: x - other(),
        "op_subtract_from": lambda x, other, label: 1.0 - x,
        "gate": gate,
    }


def network(branches: dict[str, Branch]) -> Any:
    """A Keras model of images mapped to 0...1, with a class for each of `branches`."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    given = keras.Input((SIZE, SIZE, 3))
    logits = []
    for name, branch in branches.items():
        x = layers.Conv2D(6, 3, padding="same", name=f"{name}_before")(given)
        x = branch(x, lambda: layers.Conv2D(6, 3, padding="same")(given), name)
        if len(x.shape) == 4:
            x = layers.Flatten()(layers.Conv2D(3, 1, strides=4)(x) if x.shape[1] > 4 else x)
        logits.append(layers.Dense(1, name=f"{name}_logit")(x))
    model = keras.Model(given, layers.Softmax(name="probabilities")(layers.Concatenate()(logits)))
    rng = np.random.default_rng(1)
    for layer in model.layers:
        arrays = layer.get_weights()
        if isinstance(layer, layers.BatchNormalization | layers.PReLU):
            layer.set_weights([rng.uniform(0.2, 1.2, each.shape) for each in arrays])
        elif arrays and not layer.name.endswith("_logit"):
            layer.set_weights([*arrays[:-1], rng.normal(0.2, 0.3, arrays[-1].shape)])
    found = keras.Model(given, logits).predict_on_batch(IMAGES / np.float32(255))
    for name, values in zip(branches, found, strict=True):
        head = model.get_layer(f"{name}_logit")
        kernel, _ = head.get_weights()
        spread = values.std()
        assert spread > 1e-3, f"{name} says the same of every image"
        head.set_weights([kernel / spread, -values.mean(axis=0) / spread])
    return model


def batches(branches: dict[str, Branch], size: int = 30) -> Iterable[dict[str, Branch]]:
    """`branches`, so many at a time."""
    names = list(branches)
    for start in range(0, len(names), size):
        yield {name: branches[name] for name in names[start : start + size]}


def logits(probabilities: np.ndarray) -> np.ndarray:
    """What a softmax was given, but for a number common to all classes: less their mean."""
    found = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return found - np.median(found, axis=1, keepdims=True)
