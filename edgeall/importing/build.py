"""A float32 Keras 3 inference model from a graph and its weights, with the image's preprocessing taken out of it."""

import re
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from edgeall.errors import ModelError, UsageError
from edgeall.importing import allowed_layers, keras_dtypes
from edgeall.importing.graph import GraphStep, Layer, LayerGraph, OutputRef
from edgeall.importing.layer_factory import BINARY, check_operation, make_layer, make_operation
from edgeall.importing.layer_weights import StoredWeights
from edgeall.importing.output import Output
from edgeall.importing.preprocessing import InModelPreprocessing
from edgeall.importing.resizing_layers import read_resizing
from edgeall.importing.symbolic_image import (
    CHANNEL_STEPS,
    AffineStep,
    SymbolicImage,
    affine_step,
    is_constant,
    select_channels,
)

_SIZES = (8, 4096)
_COMMUTING = ("Resizing", "CenterCrop", "Cropping2D")
"""Layers that average or select pixels, so that an affine map of each channel can be moved before them."""
_INTEGERS = ("uint8", "int16", "uint16", "int32", "uint32", "int64")
"""Integer input types that hold every byte."""


@dataclass(frozen=True)
class BuiltModel:
    """The new model, and what is no longer in it.

    Attributes:
        model: float32 (n, size, size, 3) in, probabilities out, one flat graph.
        preprocessing: what the source model did to the image first; the new model expects it to be done already.
        size: height and width of its input, in pixels.
        taken_out: names of the layers that did the preprocessing.
        left_out: names of layers that act in training only.
    """

    model: Any
    preprocessing: InModelPreprocessing
    size: int
    taken_out: tuple[str, ...]
    left_out: tuple[str, ...]


def build(
    graph: LayerGraph, weights: StoredWeights, output: Output, size: int | None, file: str
) -> BuiltModel:
    """Build the model and copy the weights into it.

    Args:
        size: height and width from the user, in pixels; None where the file states them.

    Raises:
        ModelError: a layer cannot be built from its description, or its weights do not fit it.
        UsageError: neither the file nor the user gives a size, or both do.
    """
    return _Builder(weights, size, file).build(graph, output)


class _Builder:
    def __init__(self, weights: StoredWeights, size: int | None, file: str) -> None:
        self._weights, self._file, self._size = weights, file, size
        self._input: Any = None
        self._layers: dict[tuple[str, ...], tuple[Layer, Any]] = {}
        self._names = {"pixels"}
        self._preprocessing: InModelPreprocessing | None = None
        self._taken_out: list[str] = []
        self._left_out: list[str] = []

    def build(self, graph: LayerGraph, output: Output) -> BuiltModel:
        values: list[Any] = []
        image = self._input_image(graph)
        for step in graph.steps:
            operands = [
                (image if operand.step < 0 else values[operand.step])
                if isinstance(operand, OutputRef)
                else operand
                for operand in step.operands
            ]
            try:
                values.append(self._apply(step, operands))
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
                reason = str(error).strip().partition("\n")[0][:160]
                raise self._refuse(f"layer '{step.layer.name}' cannot be built ({reason})") from None
        last = self._tensor(values[graph.output])
        if output.appended is not None:
            last = keras.layers.Activation(output.appended, name=self._name("probability"))(last)
        model = keras.Model(self._input, last, name="imported")
        for layer, made in self._layers.values():
            self._copy_weights(layer, made)
        return BuiltModel(
            model,
            self._preprocessing or InModelPreprocessing(),
            int(self._input.shape[1]),
            tuple(self._taken_out),
            tuple(dict.fromkeys(self._left_out)),
        )

    def _input_image(self, graph: LayerGraph) -> SymbolicImage:
        dtype = graph.input_dtype
        if not keras_dtypes.is_float(dtype) and dtype not in _INTEGERS:
            raise self._refuse(
                f"takes its input in {dtype}, which does not hold every byte; edgeall passes float32"
            )
        fixed = graph.input_shape[0] or graph.input_shape[1]
        return SymbolicImage(fixed and self._sized_input(fixed), InModelPreprocessing(), dtype in _INTEGERS)

    def _sized_input(self, size: int) -> Any:
        """The model's input tensor, (n, size, size, 3)."""
        if self._input is None:
            if not _SIZES[0] <= size <= _SIZES[1]:
                raise UsageError(
                    f"{self._file}: input size {size} is not between {_SIZES[0]} and {_SIZES[1]}"
                )
            self._input = keras.Input((size, size, 3), name="pixels")
        elif self._input.shape[1] != size:
            raise self._refuse("resizes its input in two different ways; edgeall imports models with one")
        return self._input

    def _apply(self, step: GraphStep, operands: list[Any]) -> Any:
        """The value of a step: a `SymbolicImage` while only preprocessing has happened, else a tensor."""
        layer, kind, first = step.layer, step.layer.kind, operands[0]
        is_operation = kind.startswith("op:")
        if is_operation:
            check_operation(step)
        if kind == "op:cast":
            return replace(first, integer=False) if isinstance(first, SymbolicImage) else first
        if kind in allowed_layers.IDENTITY:
            if not is_operation:
                self._left_out.append(layer.name)
            return first
        if isinstance(first, SymbolicImage) and kind in CHANNEL_STEPS:
            self._taken_out.append(layer.name)
            return select_channels(step, operands)
        if (affine := affine_step(step, operands, self._weights)) is not None:
            return self._apply_affine(layer, affine)
        if isinstance(first, SymbolicImage) and kind in _COMMUTING:
            if first.tensor is None:
                return self._resize_image(layer, first)
            if not layer.options.get("pad_to_aspect_ratio"):
                return replace(first, tensor=self._layer(layer, first.tensor)(first.tensor))
        tensors = [self._tensor(operand) for operand in operands]
        if kind.removeprefix("op:") in BINARY and len({len(tensor.shape) for tensor in tensors}) > 1:
            raise ValueError("combines tensors of different ranks")
        made = (
            make_operation(step, tensors[0], self._name(*layer.path))
            if is_operation
            else self._layer(layer, tensors[0])
        )
        return made(tensors if len(tensors) > 1 else tensors[0])

    def _apply_affine(self, layer: Layer, affine: AffineStep) -> Any:
        if isinstance(affine.operand, SymbolicImage):
            self._taken_out.append(layer.name)
            return affine.on_image(affine.operand)
        name = self._name(*layer.path)
        return keras.layers.Rescaling(*affine.rescaling_arguments(), name=name, dtype="float32")(
            affine.operand
        )

    def _resize_image(self, layer: Layer, image: SymbolicImage) -> SymbolicImage:
        """Moves a Resizing of images of any size into the pixel mapping."""
        if layer.kind != "Resizing":
            raise ValueError(
                "crops an image of any size, which edgeall's pixel mapping cannot: give the model an input of one "
                "size, or a Resizing first"
            )
        resizing = read_resizing(layer.options)
        size = resizing.resize.size
        if self._size is not None:
            raise UsageError(
                f"--input-size {self._size}: {self._file} resizes images itself, to {size} x {size} (layer "
                f"'{layer.name}'), and edgeall does the same; leave out --input-size"
            )
        self._taken_out.append(layer.name)
        return replace(
            image, tensor=self._sized_input(size), preprocessing=image.preprocessing.resized(resizing)
        )

    def _tensor(self, value: Any) -> Any:
        """A tensor that a layer can take. Every layer that takes the image must take it preprocessed in one way."""
        if not isinstance(value, SymbolicImage):
            if is_constant(value):
                raise ValueError("takes a constant as its input")
            return value
        if self._preprocessing not in (None, value.preprocessing):
            raise self._refuse(
                "scales or resizes its input in two different ways; edgeall imports models with one"
            )
        self._preprocessing = value.preprocessing
        if value.tensor is not None:
            return value.tensor
        if self._size is None:
            raise UsageError(
                f"{self._file} takes images of any size: give the size of its training images with --input-size N"
            )
        return self._sized_input(self._size)

    def _layer(self, layer: Layer, tensor: Any) -> Any:
        if layer.path not in self._layers:
            made = make_layer(layer, tensor, self._name(*layer.path), self._weights.keras_3)
            self._layers[layer.path] = layer, made
        return self._layers[layer.path][1]

    def _copy_weights(self, layer: Layer, made: Any) -> None:
        variables = [variable.name for variable in made.weights]
        if not variables:
            return
        arrays = self._weights.of(layer, variables)
        shapes = [tuple(array.shape) for array in arrays]
        expected = [tuple(variable.shape) for variable in made.weights]
        if shapes != expected:
            raise self._refuse(
                f"layer '{layer.name}' needs weights of the shapes {expected}; the file has {shapes}"
            )
        made.set_weights([np.asarray(array, dtype=np.float32) for array in arrays])

    def _name(self, *path: str) -> str:
        """The layer's own name where it is unique in the flat model, else its path, numbered if need be."""
        short = re.sub(r"[^A-Za-z0-9_-]", "_", path[-1])
        long = re.sub(r"[^A-Za-z0-9_-]", "_", "_".join(path))
        name = short if short not in self._names else long
        number = 1
        while name in self._names:
            name, number = f"{long}_{number}", number + 1
        self._names.add(name)
        return name

    def _refuse(self, text: str) -> ModelError:
        return ModelError(f"{self._file}: {text}")
