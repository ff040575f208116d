"""From a graph and its weights to a plain Keras 3 inference model, with what it does to pixels first taken out."""

import inspect
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from edgeall.errors import ModelError, UsageError
from edgeall.importing import allowed_layers, keras_dtypes
from edgeall.importing.graph import GraphStep, Layer, LayerGraph, OutputRef
from edgeall.importing.keras_config import activation_name
from edgeall.importing.layer_weights import StoredWeights
from edgeall.importing.output import Output
from edgeall.importing.preprocessing import InModelPreprocessing
from edgeall.importing.resizing_layers import of_resizing

_MAX_WEIGHTS = 1 << 30
_SIZES = (8, 4096)
_COMMUTING = ("Resizing", "CenterCrop", "Cropping2D")
"""Average or choose pixels, so that an affine map of each channel may as well come before them."""
_INTEGERS = ("uint8", "int16", "uint16", "int32", "uint32", "int64")
"""Input types that hold every byte."""
_BINARY = {"add": "Add", "subtract": "Subtract", "multiply": "Multiply"}
_POOLING = {"mean": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}


@dataclass(frozen=True)
class BuiltModel:
    """What came out.

    Attributes:
        model: float32 (n, size, size, 3) in, probabilities out, one flat graph.
        front: what the file's model did to the image first; the new one expects it to be done already.
        size: height and width of its input.
        taken_out: names of the layers that did it.
        left_out: names of layers that act in training only.
    """

    model: Any
    front: InModelPreprocessing
    size: int
    taken_out: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Pixels:
    """A value that is still the image.

    Attributes:
        tensor: the model's input, or what chooses pixels of it; None while the picture may have any size.
        front: what would have been done to it.
        integer: whether the file's model still has it in integers.
    """

    tensor: Any
    front: InModelPreprocessing
    integer: bool


def build(
    graph: LayerGraph, weights: StoredWeights, output: Output, size: int | None, file: str
) -> BuiltModel:
    """Build the model anew and copy the weights in.

    Args:
        size: height and width that the user asks for, in pixels; None where the file says them.

    Raises:
        ModelError: a layer cannot be built from its description, or its weights do not fit it.
        UsageError: the file says no size, and neither does the user; or both do.
    """
    return _Builder(weights, size, file).build(graph, output)


class _Builder:
    def __init__(self, weights: StoredWeights, size: int | None, file: str) -> None:
        self._weights, self._file, self._asked = weights, file, size
        self._image: Any = None
        self._made: dict[tuple[str, ...], Any] = {}
        self._filled: list[tuple[Layer, Any]] = []
        self._names = {"pixels"}
        self._front: InModelPreprocessing | None = None
        self._taken_out: list[str] = []
        self._left_out: list[str] = []

    def build(self, graph: LayerGraph, output: Output) -> BuiltModel:
        values: list[Any] = []
        image = self._begin(graph)
        for step in graph.steps:
            operands = [
                (image if operand.step < 0 else values[operand.step])
                if isinstance(operand, OutputRef)
                else operand
                for operand in step.operands
            ]
            try:
                values.append(self._take(step, operands))
            except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
                reason = str(error).strip().partition("\n")[0][:160]
                raise self._refuse(f"layer '{step.layer.name}' cannot be built ({reason})") from None
        last = self._plain(values[graph.output])
        if output.appended is not None:
            last = keras.layers.Activation(output.appended, name=self._name("probability"))(last)
        model = keras.Model(self._image, last, name="imported")
        for layer, made in self._filled:
            self._fill(layer, made)
        front = self._front or InModelPreprocessing()
        size = int(self._image.shape[1])
        return BuiltModel(model, front, size, tuple(self._taken_out), tuple(dict.fromkeys(self._left_out)))

    def _begin(self, graph: LayerGraph) -> _Pixels:
        dtype = graph.input_dtype
        if not keras_dtypes.is_float(dtype) and dtype not in _INTEGERS:
            raise self._refuse(
                f"takes its input in {dtype}, which does not hold every byte; edgeall gives float32"
            )
        fixed = graph.input_shape[0] or graph.input_shape[1]
        return _Pixels(fixed and self._input(fixed), InModelPreprocessing(), dtype in _INTEGERS)

    def _input(self, size: int) -> Any:
        if self._image is None:
            if not _SIZES[0] <= size <= _SIZES[1]:
                raise UsageError(
                    f"{self._file}: input size {size} is not between {_SIZES[0]} and {_SIZES[1]}"
                )
            self._image = keras.Input((size, size, 3), name="pixels")
        elif self._image.shape[1] != size:
            raise self._refuse(
                "resizes its input in two different ways; edgeall takes models that do so in one"
            )
        return self._image

    def _take(self, step: GraphStep, operands: list[Any]) -> Any:
        layer, kind = step.layer, step.layer.kind
        first = operands[0]
        if kind.startswith("op:"):
            self._check_operation(step)
        if kind == "op:cast":
            return replace(first, integer=False) if isinstance(first, _Pixels) else first
        if kind in allowed_layers.IDENTITY:
            if not kind.startswith("op:"):
                self._left_out.append(layer.name)
            return first
        if isinstance(first, _Pixels) and kind in ("op:getitem", "op:stack", "op:concatenate"):
            self._taken_out.append(layer.name)
            return self._channels(step, operands)
        if (affine := self._affine(step, operands)) is not None:
            return self._scaled(layer, affine)
        if isinstance(first, _Pixels) and kind in _COMMUTING:
            if first.tensor is None:
                return self._squared(layer, first)
            if not layer.options.get("pad_to_aspect_ratio"):
                return replace(first, tensor=self._layer(layer, first.tensor)(first.tensor))
        tensors = [self._plain(operand) for operand in operands]
        if kind.removeprefix("op:") in _BINARY and len({len(tensor.shape) for tensor in tensors}) > 1:
            raise ValueError("puts tensors of different ranks together")
        made = self._operation(step, tensors[0]) if kind.startswith("op:") else self._layer(layer, tensors[0])
        return made(tensors if len(tensors) > 1 else tensors[0])

    def _squared(self, layer: Layer, pixels: _Pixels) -> _Pixels:
        """A picture of any size made a square by the model itself: the pixel mapping does it instead."""
        if layer.kind != "Resizing":
            raise ValueError(
                "cuts a part out of a picture of any size, which edgeall's pixel mapping cannot: give the model an "
                "input of one size, or a Resizing first"
            )
        squared = of_resizing(layer.options)
        size = squared.resize.size
        if self._asked is not None:
            raise UsageError(
                f"--input-size {self._asked}: {self._file} resizes pictures itself, to {size} x {size} (layer "
                f"'{layer.name}'), which edgeall does as the layer would; leave out --input-size"
            )
        self._taken_out.append(layer.name)
        return replace(pixels, tensor=self._input(size), front=pixels.front.resized(squared))

    def _affine(self, step: GraphStep, operands: list[Any]) -> tuple[Any, Any, Any] | None:
        """(operand, scale, offset) of a step that is an affine map of its channels; None of any other."""
        layer, kind, first = step.layer, step.layer.kind, operands[0]
        if kind == "Rescaling":
            return first, layer.options["scale"], layer.options.get("offset", 0.0)
        if kind == "Normalization":
            return first, *self._normalization(layer)
        if kind not in ("op:add", "op:subtract", "op:multiply", "op:divide") or len(operands) != 2:
            return None
        second = operands[1]
        if not _constant(second) and not _constant(first):
            return None
        image, constant = (second, first) if _constant(first) else (first, second)
        wraps = isinstance(image, _Pixels) and image.integer and kind != "op:divide"
        if wraps and np.asarray(constant).dtype.kind in "iu":
            raise ValueError(
                "computes in the integers of its input, where results wrap; cast the input to float32 first"
            )
        if _constant(first):
            if kind == "op:divide":
                raise ValueError("divides a constant by the image")
            first, second, negative = second, first, kind == "op:subtract"
            return first, *((-1.0, second) if negative else _as_affine(kind, second))
        return first, *_as_affine(kind, second)

    def _normalization(self, layer: Layer) -> tuple[Any, Any]:
        if layer.options.get("invert"):
            raise ValueError("takes a normalization back (invert=True), which edgeall does not")
        if layer.options.get("axis", -1) not in (-1, 3, [-1], [3]):
            raise ValueError("normalizes something else than channels")
        mean, variance = layer.options.get("mean"), layer.options.get("variance")
        if mean is None:
            mean, variance = self._weights.of(layer)[:2]
        deviation = np.maximum(np.sqrt(np.asarray(variance, dtype=np.float64)), 1e-7)
        return 1 / deviation, -np.asarray(mean, dtype=np.float64) / deviation

    def _scaled(self, layer: Layer, affine: tuple[Any, Any, Any]) -> Any:
        value, scale, offset = affine
        factors, addends = (_row(values) for values in (scale, offset))
        if not all(map(math.isfinite, (*factors, *addends))):
            raise ValueError("its scale is not finite")
        if isinstance(value, _Pixels):
            self._taken_out.append(layer.name)
            width = len(value.front.channels)
            front = value.front.then(_spread(factors, width), _spread(addends, width))
            return replace(value, front=front, integer=False)
        width = max(len(factors), len(addends))
        plain = [list(_spread(values, width)) if width > 1 else values[0] for values in (factors, addends)]
        return keras.layers.Rescaling(*plain, name=self._name(*layer.path), dtype="float32")(value)

    def _channels(self, step: GraphStep, operands: list[Any]) -> _Pixels:
        """Channels of the image picked, turned round or put together."""
        pixels: _Pixels = operands[0]
        if step.layer.kind == "op:getitem":
            key = operands[1] if isinstance(operands[1], list) else [operands[1]]
            width = len(pixels.front.channels)
            *before, last = key
            reaches = len(key) == 4 or any(_is_ellipsis(part) for part in before)
            if not reaches or not all(_takes_all(part) for part in before):
                raise ValueError("cuts a part out of the image")
            if isinstance(last, int):
                indices: tuple[int, ...] = (range(width)[last],)
            else:
                given = last.get("config", last)
                parts = (given.get(side) for side in ("start", "stop", "step"))
                indices = tuple(range(width)[slice(*parts)])
            return replace(pixels, front=pixels.front.take(indices))
        if _axis(step) not in (-1, 3):
            raise ValueError("puts the image's channels together along another axis")
        if not all(isinstance(operand, _Pixels) and operand.tensor is pixels.tensor for operand in operands):
            raise ValueError("puts the image together with something else")
        if len({operand.front.resize for operand in operands}) > 1:
            raise ValueError("puts together an image resized in two different ways")
        return replace(pixels, front=InModelPreprocessing.together([operand.front for operand in operands]))

    def _plain(self, value: Any) -> Any:
        """A tensor that a layer can take. All that ever see the image must see it alike."""
        if not isinstance(value, _Pixels):
            if _constant(value):
                raise ValueError("is given a constant")
            return value
        if self._front not in (None, value.front):
            raise self._refuse(
                "scales or resizes its input in two different ways; edgeall takes models that do so in one"
            )
        self._front = value.front
        if value.tensor is not None:
            return value.tensor
        if self._asked is None:
            raise UsageError(
                f"{self._file} takes images of any size: say at which it was trained with --input-size N"
            )
        return self._input(self._asked)

    def _layer(self, layer: Layer, tensor: Any) -> Any:
        if layer.path not in self._made:
            options = self._options(layer)
            _check_axis(options.get("axis"), tensor)
            made = getattr(keras.layers, layer.kind)(**options, name=self._name(*layer.path), dtype="float32")
            self._check_size(layer, tensor)
            self._made[layer.path] = made
            self._filled.append((layer, made))
        return self._made[layer.path]

    def _options(self, layer: Layer) -> dict[str, Any]:
        known = inspect.signature(getattr(keras.layers, layer.kind).__init__).parameters
        options = {}
        for given, value in layer.options.items():
            key = allowed_layers.RENAMED.get((layer.kind, given), given)
            if key in allowed_layers.IRRELEVANT or key.endswith(
                ("_initializer", "_regularizer", "_constraint")
            ):
                continue
            if key == "activation":
                options[key] = self._activation(value)
            elif key == "interpolation" and value not in allowed_layers.INTERPOLATIONS:
                raise ValueError(f"its interpolation '{value}' is none that Keras 3 has")
            elif key in known and not isinstance(value, dict):
                options[key] = (
                    value[0] if key == "axis" and isinstance(value, list) and len(value) == 1 else value
                )
            elif value is not None and not _same(value, allowed_layers.UNUSED.get(key)):
                raise ValueError(f"its option {given} = {value!r} is none that edgeall takes over")
        return options

    def _activation(self, given: Any) -> str:
        name = activation_name(given)
        known = (
            allowed_layers.ACTIVATIONS | allowed_layers.ACTIVATIONS_OF_KERAS_3
            if self._weights.keras_3
            else allowed_layers.ACTIVATIONS
        )
        if name not in known:
            raise ValueError(f"its activation '{name}' is none that edgeall takes over")
        return name

    def _operation(self, step: GraphStep, tensor: Any) -> Any:
        kind, options = step.layer.kind.removeprefix("op:"), step.layer.options | step.options
        name = self._name(*step.layer.path)
        if kind in _BINARY:
            return getattr(keras.layers, _BINARY[kind])(name=name)
        if kind in _POOLING:
            axes = options.get("axis")
            if sorted(axes if isinstance(axes, list) else []) not in ([1, 2], [-3, -2]):
                raise ValueError(f"reduces over the axes {axes}, not over height and width")
            return getattr(keras.layers, _POOLING[kind])(keepdims=bool(options.get("keepdims")), name=name)
        if kind == "concatenate":
            _check_axis(_axis(step), tensor)
            return keras.layers.Concatenate(axis=_axis(step), name=name)
        if kind == "relu6":
            return keras.layers.ReLU(6.0, name=name)
        if kind in allowed_layers.ACTIVATIONS:
            return keras.layers.Activation(kind, name=name)
        raise ValueError(f"the operation '{kind}' is used in a way that edgeall does not take over")

    def _check_operation(self, step: GraphStep) -> None:
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
                raise ValueError(f"the operation '{kind}' with {key}={text} is none that edgeall takes over")

    def _check_size(self, layer: Layer, tensor: Any) -> None:
        """Before Keras allocates what a description claims."""
        units = layer.options.get("units") or layer.options.get("filters") or 1
        kernel = layer.options.get("kernel_size", 1)
        sides = kernel if isinstance(kernel, list) else [kernel, kernel]
        size = tensor.shape[-1] or 1
        if abs(units * math.prod(sides) * size) > _MAX_WEIGHTS or math.prod(tensor.shape[1:]) > _MAX_WEIGHTS:
            raise ValueError("claims more than 2^30 weights or values")

    def _fill(self, layer: Layer, made: Any) -> None:
        variables = [variable.name for variable in made.weights]
        if not variables:
            return
        arrays = self._weights.of(layer, variables)
        shapes = [tuple(array.shape) for array in arrays]
        wanted = [tuple(variable.shape) for variable in made.weights]
        if shapes != wanted:
            raise self._refuse(
                f"layer '{layer.name}' needs weights of the shapes {wanted}; the file has {shapes}"
            )
        made.set_weights([np.asarray(array, dtype=np.float32) for array in arrays])

    def _name(self, *path: str) -> str:
        """Short where that is unique in a flat model."""
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


def _same(value: Any, other: Any) -> bool:
    """Equal and of one type: 1 is not True."""
    return type(value) is type(other) and value == other


def _axis(step: GraphStep) -> Any:
    axis = (step.layer.options | step.options).get("axis")
    return -1 if axis is None else axis


def _check_axis(axis: Any, tensor: Any) -> None:
    rank = len(tensor.shape)
    for one in axis if isinstance(axis, list | tuple) else [axis]:
        if one is not None and one % rank == 0:
            raise ValueError(
                "works across the pictures of a batch, so that a picture's answer depends on the others"
            )


def _row(values: Any) -> list[float]:
    """One number, or one a channel."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.size != array.shape[-1]:
        raise ValueError("scales pixels by their place")
    row: list[float] = array.ravel().tolist()
    return row


def _as_affine(kind: str, value: Any) -> tuple[Any, Any]:
    constant = np.asarray(value, dtype=np.float64)
    return {
        "op:add": (1.0, constant),
        "op:subtract": (1.0, -constant),
        "op:multiply": (constant, 0.0),
        "op:divide": (1 / constant, 0.0),
    }[kind]


def _constant(value: Any) -> bool:
    return isinstance(value, int | float | list)


def _takes_all(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    given = part.get("config", part)
    return _is_ellipsis(part) or not any(given.get(k) for k in ("start", "stop", "step"))


def _is_ellipsis(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == "__ellipsis__"


def _spread(values: Sequence[float], width: int) -> tuple[float, ...]:
    if len(values) not in (1, width):
        raise ValueError(f"scales by {len(values)} numbers where there are {width} channels")
    return tuple(values) * (width if len(values) == 1 else 1)
