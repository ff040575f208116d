"""Reads the layers of a Keras model as nodes of the IR, before BatchNormalization and ReLU are folded (`lowering`)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from edgeall.errors import ExportError
from edgeall.exporting.int8.ir import Floats, Kind, Node, same_pads


@dataclass(frozen=True)
class LayerCall:
    """A node while it is lowered, with parts that the IR does not have.

    Attributes:
        affine: scale and offset, (channels,) each, still to be folded.
        activates: the node is an activation, still to be fused.
    """

    node: Node
    kernel: Floats | None = None
    bias: Floats | None = None
    affine: tuple[Floats, Floats] | None = None
    activates: bool = False

    def full_bias(self) -> Floats:
        """The bias; zeros where the layer has none."""
        assert self.kernel is not None
        if self.bias is not None:
            return self.bias
        depthwise = self.node.kind == "depthwise"
        return np.zeros(
            self.kernel.shape[2] * self.kernel.shape[3] if depthwise else self.kernel.shape[-1], np.float32
        )


def read_layers(model: Any) -> list[LayerCall]:
    """The calls of `model` in topological order, the input first.

    Raises:
        ExportError: a layer has no INT8 form; the message names it.
    """
    reader = _Reader()
    source = reader.add("input", (), tuple(model.inputs[0].shape[1:]))
    reader.read(model, {id(model.inputs[0]): source})
    return reader.calls


class _Reader:
    """Collects calls from the layers of a model, including nested models."""

    def __init__(self) -> None:
        self.calls: list[LayerCall] = []
        self.names: Counter[str] = Counter()

    def add(self, kind: Kind, inputs: tuple[str, ...], shape: tuple[int, ...], **extra: Any) -> str:
        """Append a call and return its name; `extra` are fields of the call or of its node."""
        base = str(extra.pop("name", kind)).replace("/", "_")
        self.names[base] += 1
        name = base if self.names[base] == 1 else f"{base}_{self.names[base]}"
        own = {key: extra.pop(key) for key in ("kernel", "bias", "affine", "activates") if key in extra}
        self.calls.append(LayerCall(Node(name, kind, inputs, shape, **extra), **own))
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return next(call.node.shape for call in reversed(self.calls) if call.node.name == name)

    def read(self, model: Any, values: dict[int, str]) -> str:
        """Read all layers of `model` and return the output's name; `values` has the names of its input tensors."""
        graph = getattr(model, "_functional", None) or model
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for call in graph._nodes_by_depth[depth]:
                if call.is_input:
                    continue
                sources = tuple(values[id(tensor)] for tensor in call.input_tensors)
                values[id(call.output_tensors[0])] = self._read_layer(
                    call.operation, sources, call.output_tensors
                )
        return values[id(graph.outputs[0])]

    def _read_layer(self, layer: Any, sources: tuple[str, ...], outputs: list[Any]) -> str:
        if hasattr(layer, "layers") and hasattr(layer, "outputs"):
            inner = getattr(layer, "_functional", None) or layer
            return self.read(layer, {id(t): name for t, name in zip(inner.inputs, sources, strict=True)})
        if getattr(layer, "data_format", "channels_last") != "channels_last":
            raise ExportError(f"layer {layer.name}: has channels first; build the model with channels last")
        kind = type(layer).__name__
        if kind in _IDENTITIES:
            return sources[0]
        if kind not in _READERS:
            raise ExportError(
                f"layer {layer.name}: {kind} has no INT8 form here; known: {', '.join(sorted(_READERS))}"
            )
        return _READERS[kind](self, layer, sources, tuple(outputs[0].shape[1:]))

    def activate(self, function: Any, layer: Any, source: str) -> str:
        """Append the activation `function` (a Keras function or its name) of `layer`."""
        name = function if isinstance(function, str) else getattr(function, "__name__", str(function))
        shape = self.shape(source)
        if name == "linear":
            return source
        if name in ("relu", "relu6"):
            return self.add(
                "depthwise", (source,), shape, name=f"{layer.name}_{name}", activation=name, activates=True
            )
        if name in ("sigmoid", "softmax") and len(shape) == 1:
            return self.add(cast(Kind, name), (source,), shape, name=f"{layer.name}_{name}")
        raise ExportError(f"layer {layer.name}: activation {name} has no INT8 form here")


_IDENTITIES = frozenset(
    (
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
        "GaussianDropout",
        "AlphaDropout",
        "ActivityRegularization",
    )
)
_Read = Callable[[_Reader, Any, tuple[str, ...], tuple[int, ...]], str]


def _conv(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if getattr(layer, "groups", 1) != 1:
        raise ExportError(f"layer {layer.name}: convolution in {layer.groups} groups has no INT8 form here")
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    kernel = _array(layer.kernel)
    height, width, _ = reader.shape(sources[0])
    window, strides, dilation = tuple(layer.kernel_size), tuple(layer.strides), tuple(layer.dilation_rate)
    pads = same_pads((height, width), window, strides, dilation) if layer.padding == "same" else (0, 0, 0, 0)
    name = reader.add(
        "depthwise" if depthwise else "conv", sources, shape, name=layer.name, kernel=kernel,
        bias=_array(layer.bias) if layer.use_bias else None, strides=strides, dilation=dilation, pads=pads,
    )  # fmt: skip
    return reader.activate(layer.activation, layer, name)


def _dense(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if len(shape) != 1:
        raise ExportError(
            f"layer {layer.name}: a dense layer on {reader.shape(sources[0])} has no INT8 form here"
        )
    bias = _array(layer.bias) if layer.use_bias else None
    name = reader.add("dense", sources, shape, name=layer.name, kernel=_array(layer.kernel), bias=bias)
    return reader.activate(layer.activation, layer, name)


def _batch_normalization(
    reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]
) -> str:
    if layer.axis not in (-1, len(shape)):
        raise ExportError(f"layer {layer.name}: normalizes axis {layer.axis}, not the channels")
    # In float64: float32 loses digits in the root of a small variance, and folding multiplies the error.
    scale = 1.0 / np.sqrt(_array(layer.moving_variance).astype(np.float64) + layer.epsilon)
    if layer.scale:
        scale = scale * _array(layer.gamma)
    offset = -_array(layer.moving_mean) * scale
    if layer.center:
        offset = offset + _array(layer.beta)
    return reader.add("depthwise", sources, shape, name=layer.name, affine=(scale, offset))


def _rescaling(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    scale, offset = (
        np.broadcast_to(np.asarray(v, np.float64), shape[-1:]) for v in (layer.scale, layer.offset)
    )
    return reader.add("depthwise", sources, shape, name=layer.name, affine=(scale, offset))


def _activation(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    return reader.activate(layer.activation, layer, sources[0])


def _relu(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if layer.negative_slope or layer.threshold or layer.max_value not in (None, 6):
        raise ExportError(
            f"layer {layer.name}: only ReLU and ReLU6 without slope or threshold have an INT8 form here"
        )
    return reader.activate("relu6" if layer.max_value == 6 else "relu", layer, sources[0])


def _softmax(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    return reader.activate("softmax", layer, sources[0])


def _zero_padding(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    (top, bottom), (left, right) = layer.padding
    return reader.add("pad", sources, shape, name=layer.name, pads=(top, bottom, left, right))


def _pool(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    height, width, _ = reader.shape(sources[0])
    window, strides = tuple(layer.pool_size), tuple(layer.strides)
    pads = same_pads((height, width), window, strides, (1, 1)) if layer.padding == "same" else (0, 0, 0, 0)
    if type(layer).__name__ == "AveragePooling2D" and not any(pads):
        # An average of codes often falls half way between two, and engines round halves differently.
        # The output of a depthwise convolution has its own scale, so that halves are rare.
        channels = shape[-1]
        kernel = np.full((*window, channels, 1), 1 / (window[0] * window[1]), np.float32)
        return reader.add("depthwise", sources, shape, name=layer.name, kernel=kernel, strides=strides)
    kind: Kind = "max_pool" if type(layer).__name__ == "MaxPooling2D" else "average_pool"
    return reader.add(kind, sources, shape, name=layer.name, window=window, strides=strides, pads=pads)


def _global_average(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if layer.keepdims:
        raise ExportError(f"layer {layer.name}: keepdims=True has no INT8 form here")
    return reader.add("mean", sources, shape, name=layer.name)


def _global_max(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    height, width, channels = reader.shape(sources[0])
    pooled = reader.add("max_pool", sources, (1, 1, channels), name=layer.name, window=(height, width))
    return reader.add("flatten", (pooled,), (channels,), name=f"{layer.name}_flat")


def _flatten(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if len(shape) != 1:
        raise ExportError(f"layer {layer.name}: only reshaping to one axis has an INT8 form here")
    if len(reader.shape(sources[0])) == 1:
        return sources[0]
    return reader.add("flatten", sources, shape, name=layer.name)


def _add(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if any(reader.shape(source) != shape for source in sources):
        raise ExportError(f"layer {layer.name}: adds tensors of different shapes")
    total = sources[0]
    for source in sources[1:]:
        total = reader.add("add", (total, source), shape, name=layer.name)
    return total


def _concatenate(reader: _Reader, layer: Any, sources: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if layer.axis not in (-1, len(shape)):
        raise ExportError(f"layer {layer.name}: concatenates axis {layer.axis}, not the channels")
    return reader.add("concat", sources, shape, name=layer.name)


_READERS: dict[str, _Read] = {
    "Conv2D": _conv,
    "DepthwiseConv2D": _conv,
    "Dense": _dense,
    "BatchNormalization": _batch_normalization,
    "Rescaling": _rescaling,
    "Activation": _activation,
    "ReLU": _relu,
    "Softmax": _softmax,
    "ZeroPadding2D": _zero_padding,
    "MaxPooling2D": _pool,
    "AveragePooling2D": _pool,
    "GlobalAveragePooling2D": _global_average,
    "GlobalMaxPooling2D": _global_max,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Add": _add,
    "Concatenate": _concatenate,
}


def _array(variable: Any) -> Floats:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable))
