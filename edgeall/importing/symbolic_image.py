"""The part of a graph that only prepares the image: affine maps, channel selection and resizing, without layers.

These steps go into the pixel mapping. The functions here recognise them and raise ValueError where the mapping has no
equivalent.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeall.importing.graph import GraphStep, Layer
from edgeall.importing.layer_weights import StoredWeights
from edgeall.importing.preprocessing import InModelPreprocessing

CHANNEL_STEPS = ("op:getitem", "op:stack", "op:concatenate")
"""Kinds of steps that select or join channels of an image."""

_ARITHMETIC = ("op:add", "op:subtract", "op:multiply", "op:divide")


@dataclass(frozen=True)
class SymbolicImage:
    """A value in the graph that is still the input image.

    Attributes:
        tensor: the model's input, or a crop of it; None while the input size is open.
        preprocessing: what the source model has done to the image so far.
        integer: whether the source model still holds it in integers.
    """

    tensor: Any
    preprocessing: InModelPreprocessing
    integer: bool


@dataclass(frozen=True)
class AffineStep:
    """`operand * scale + offset`, with one number or one a channel."""

    operand: Any
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def on_image(self, image: SymbolicImage) -> SymbolicImage:
        width = len(image.preprocessing.channels)
        scale, offset = (_broadcast(values, width) for values in (self.scale, self.offset))
        return replace(image, preprocessing=image.preprocessing.then(scale, offset), integer=False)

    def rescaling_arguments(self) -> list[Any]:
        """Scale and offset as `keras.layers.Rescaling` takes them."""
        width = max(len(self.scale), len(self.offset))
        return [
            list(_broadcast(values, width)) if width > 1 else values[0]
            for values in (self.scale, self.offset)
        ]


def affine_step(step: GraphStep, operands: list[Any], weights: StoredWeights) -> AffineStep | None:
    """The step as an affine map of its channels; None for any other step.

    Raises:
        ValueError: an affine map with integer overflow, of single pixels, or with a scale that is not finite.
    """
    affine = _affine(step, operands, weights)
    if affine is None:
        return None
    operand, scale, offset = affine[0], _row(affine[1]), _row(affine[2])
    if not all(map(math.isfinite, (*scale, *offset))):
        raise ValueError("its scale is not finite")
    return AffineStep(operand, scale, offset)


def select_channels(step: GraphStep, operands: list[Any]) -> SymbolicImage:
    """Channels of the image selected, reordered or joined.

    Raises:
        ValueError: the step crops the image, or joins it with something else.
    """
    image: SymbolicImage = operands[0]
    if step.layer.kind == "op:getitem":
        indices = _channel_indices(operands[1], len(image.preprocessing.channels))
        return replace(image, preprocessing=image.preprocessing.select(indices))
    if step.axis not in (-1, 3):
        raise ValueError("joins the image's channels along another axis")
    if not all(isinstance(operand, SymbolicImage) and operand.tensor is image.tensor for operand in operands):
        raise ValueError("joins the image with something else")
    if len({operand.preprocessing.resize for operand in operands}) > 1:
        raise ValueError("joins an image resized in two different ways")
    joined = InModelPreprocessing.concatenate([operand.preprocessing for operand in operands])
    return replace(image, preprocessing=joined)


def is_constant(value: Any) -> bool:
    return isinstance(value, int | float | list)


def _affine(step: GraphStep, operands: list[Any], weights: StoredWeights) -> tuple[Any, Any, Any] | None:
    """(operand, scale, offset), as the step describes them."""
    layer, kind, first = step.layer, step.layer.kind, operands[0]
    if kind == "Rescaling":
        return first, layer.options["scale"], layer.options.get("offset", 0.0)
    if kind == "Normalization":
        return first, *_normalization(layer, weights)
    if kind not in _ARITHMETIC or len(operands) != 2 or not any(map(is_constant, operands)):
        return None
    constant_first = is_constant(first)
    image, constant = reversed(operands) if constant_first else operands
    wraps = isinstance(image, SymbolicImage) and image.integer and kind != "op:divide"
    values = np.asarray(constant)
    if wraps and values.dtype.kind in "iu":
        raise ValueError(
            "computes in the integers of its input, with overflow; cast the input to float32 first"
        )
    values = values.astype(np.float64)
    if constant_first and kind == "op:divide":
        raise ValueError("divides a constant by the image")
    if constant_first and kind == "op:subtract":
        return image, -1.0, values
    return image, *_scale_and_offset(kind, values)


def _normalization(layer: Layer, weights: StoredWeights) -> tuple[Any, Any]:
    if layer.options.get("invert"):
        raise ValueError("is an inverse normalization (invert=True), which edgeall does not import")
    if layer.options.get("axis", -1) not in (-1, 3, [-1], [3]):
        raise ValueError("normalizes along another axis than the channels")
    mean, variance = layer.options.get("mean"), layer.options.get("variance")
    if mean is None:
        mean, variance = weights.of(layer)[:2]
    deviation = np.maximum(np.sqrt(np.asarray(variance, dtype=np.float64)), 1e-7)
    return 1 / deviation, -np.asarray(mean, dtype=np.float64) / deviation


def _scale_and_offset(kind: str, constant: Any) -> tuple[Any, Any]:
    if kind == "op:add":
        return 1.0, constant
    if kind == "op:subtract":
        return 1.0, -constant
    return (constant if kind == "op:multiply" else 1 / constant), 0.0


def _row(values: Any) -> tuple[float, ...]:
    """One number, or one a channel."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.size != array.shape[-1]:
        raise ValueError("scales pixels by their position")
    return tuple(array.ravel().tolist())


def _broadcast(values: tuple[float, ...], width: int) -> tuple[float, ...]:
    if len(values) not in (1, width):
        raise ValueError(f"scales by {len(values)} numbers where there are {width} channels")
    return values * (width if len(values) == 1 else 1)


def _channel_indices(key: Any, width: int) -> tuple[int, ...]:
    """Indices of the channels that image[key] selects."""
    parts = key if isinstance(key, list) else [key]
    *before, last = parts
    reaches_channels = len(parts) == 4 or any(map(_is_ellipsis, before))
    if not reaches_channels or not all(map(_takes_all, before)):
        raise ValueError("crops the image")
    if isinstance(last, int):
        return (range(width)[last],)
    given = last.get("config", last)
    return tuple(range(width)[slice(*(given.get(side) for side in ("start", "stop", "step")))])


def _takes_all(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    given = part.get("config", part)
    return _is_ellipsis(part) or not any(given.get(side) for side in ("start", "stop", "step"))


def _is_ellipsis(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == "__ellipsis__"
