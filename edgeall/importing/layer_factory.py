"""Keras layers made from descriptions in a model file: only known classes, operations and options."""

import inspect
import math
from typing import Any

import keras

from edgeall.importing import allowed_layers
from edgeall.importing.graph import GraphStep, Layer
from edgeall.importing.keras_config import activation_name

BINARY = {"add": "Add", "subtract": "Subtract", "multiply": "Multiply"}
"""Element-wise operations of two tensors, and the Keras layers that compute them."""

_POOLING = {"mean": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}
_MAX_WEIGHTS = 1 << 30
_NO_EFFECT = ("_initializer", "_regularizer", "_constraint")
"""Endings of options that act in training only."""


def make_layer(layer: Layer, tensor: Any, name: str, keras_3: bool) -> Any:
    """A new Keras layer as `layer` describes it, for the input `tensor`; float32, without weights yet.

    Raises:
        ValueError: an option or its value is unknown, or the layer works across images or claims too many weights.
    """
    options = _options(layer, keras_3)
    _check_axis(options.get("axis"), tensor)
    made = getattr(keras.layers, layer.kind)(**options, name=name, dtype="float32")
    _check_size(layer, tensor)
    return made


def make_operation(step: GraphStep, tensor: Any, name: str) -> Any:
    """A Keras layer that computes the operation of `step` on `tensor`.

    Raises:
        ValueError: no layer does.
    """
    kind, options = step.layer.kind.removeprefix("op:"), step.layer.options | step.options
    if kind in BINARY:
        return getattr(keras.layers, BINARY[kind])(name=name)
    if kind in _POOLING:
        axes = options.get("axis")
        if sorted(axes if isinstance(axes, list) else []) not in ([1, 2], [-3, -2]):
            raise ValueError(f"reduces over the axes {axes}, not over height and width")
        return getattr(keras.layers, _POOLING[kind])(keepdims=bool(options.get("keepdims")), name=name)
    if kind == "concatenate":
        _check_axis(step.axis, tensor)
        return keras.layers.Concatenate(axis=step.axis, name=name)
    if kind == "relu6":
        return keras.layers.ReLU(6.0, name=name)
    if kind in allowed_layers.ACTIVATIONS:
        return keras.layers.Activation(kind, name=name)
    raise ValueError(f"the operation '{kind}' is used in a way that edgeall does not import")


def check_operation(step: GraphStep) -> None:
    """Raises ValueError where an operation has an option that edgeall does not read."""
    kind = step.layer.kind.removeprefix("op:")
    known = allowed_layers.OPERATIONS.get(kind, {}) | {
        "function": allowed_layers.ANY,
        "name": allowed_layers.ANY,
        "trainable": allowed_layers.ANY,
    }
    # Keras 2 wraps a function in a layer, which has its own dtype.
    own = {key: value for key, value in step.layer.options.items() if key != "dtype"}
    for key, value in (own | step.options).items():
        allowed = known.get(key)
        if value is not None and allowed is not allowed_layers.ANY and not _same(value, allowed):
            text = value if isinstance(value, str | int | float) else "..."
            raise ValueError(f"edgeall does not import the operation '{kind}' with {key}={text}")


def _options(layer: Layer, keras_3: bool) -> dict[str, Any]:
    known = inspect.signature(getattr(keras.layers, layer.kind).__init__).parameters
    options = {}
    for given, value in layer.options.items():
        key = allowed_layers.RENAMED.get((layer.kind, given), given)
        if key in allowed_layers.IRRELEVANT or key.endswith(_NO_EFFECT):
            continue
        if key == "activation":
            options[key] = _activation(value, keras_3)
        elif key == "interpolation" and value not in allowed_layers.INTERPOLATIONS:
            raise ValueError(f"Keras 3 does not have its interpolation '{value}'")
        elif key in known and not isinstance(value, dict):
            single = key == "axis" and isinstance(value, list) and len(value) == 1
            options[key] = value[0] if single else value
        elif value is not None and not _same(value, allowed_layers.UNUSED.get(key)):
            raise ValueError(f"edgeall does not import its option {given} = {value!r}")
    return options


def _activation(given: Any, keras_3: bool) -> str:
    name = activation_name(given)
    known = allowed_layers.ACTIVATIONS | (allowed_layers.ACTIVATIONS_OF_KERAS_3 if keras_3 else frozenset())
    if name not in known:
        raise ValueError(f"edgeall does not import its activation '{name}'")
    return name


def _check_size(layer: Layer, tensor: Any) -> None:
    """Runs before Keras allocates the weights that a description claims."""
    units = layer.options.get("units") or layer.options.get("filters") or 1
    kernel = layer.options.get("kernel_size", 1)
    sides = kernel if isinstance(kernel, list) else [kernel, kernel]
    size = tensor.shape[-1] or 1
    if abs(units * math.prod(sides) * size) > _MAX_WEIGHTS or math.prod(tensor.shape[1:]) > _MAX_WEIGHTS:
        raise ValueError("claims more than 2^30 weights or values")


def _check_axis(axis: Any, tensor: Any) -> None:
    rank = len(tensor.shape)
    for one in axis if isinstance(axis, list | tuple) else [axis]:
        if one is not None and one % rank == 0:
            raise ValueError(
                "works along the batch axis, so that an image's output depends on the other images"
            )


def _same(value: Any, other: Any) -> bool:
    """Equal and of one type: 1 is not True."""
    return type(value) is type(other) and value == other
