"""From a Keras model to plain form: BatchNormalization, zero padding and activations become part of convolutions.

BatchNormalization that follows a convolution or dense layer is folded into its weights. One that comes first, as in
ResNetV2 and DenseNet, becomes a 1 x 1 depthwise convolution: every engine runs that in INT8 with a scale per channel,
where a multiplication and an addition would have one scale for all channels, and the ReLU after it comes for free.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from edgeall.errors import ExportError
from edgeall.exporting.qat.plain import (
    SAME_SCALE,
    Activation,
    Floats,
    Graph,
    Kind,
    Node,
    PlainModel,
    Weights,
    same_pads,
)


@dataclass(frozen=True)
class _Step:
    """A node while it is being rewritten, with what has no place in plain form: scale and offset a channel."""

    node: Node
    kernel: Floats | None = None
    bias: Floats | None = None
    affine: tuple[Floats, Floats] | None = None
    activates: bool = False


def prepare(model: Any) -> PlainModel:
    """Rewrite a Keras functional or sequential image classifier into plain form, equal to it but for rounding.

    `model` takes one float32 input (n, height, width, channels), of fixed size, and gives one output.

    Raises:
        ExportError: it holds a layer that has no plain form; the message names it.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ExportError(
            f"{model.name}: has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one each"
        )
    shape = tuple(model.inputs[0].shape[1:])
    if len(shape) != 3 or None in shape:
        raise ExportError(f"{model.name}: input {shape} is not (height, width, channels) of a fixed size")
    reader = _Reader()
    source = reader.add("input", (), shape)
    reader.read(model, {id(model.inputs[0]): source})
    steps = reader.steps
    for rewrite in (
        _fold_back,
        _fuse_activations,
        _fold_forward,
        _affine_to_depthwise,
        _fold_pads,
        _separate_ranges,
    ):
        steps = rewrite(steps)
    return PlainModel(
        graph=Graph(tuple(step.node for step in steps)),
        weights={
            step.node.name: Weights(step.kernel.astype(np.float32), _bias(step).astype(np.float32))
            for step in steps
            if step.kernel is not None
        },
    )


class _Reader:
    """Collects steps from the layers of a model, nested models included."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self.names: Counter[str] = Counter()

    def add(self, kind: Kind, inputs: tuple[str, ...], shape: tuple[int, ...], **extra: Any) -> str:
        """Append a step and return its name; `extra` goes to the step or the node, whichever knows it."""
        base = str(extra.pop("name", kind)).replace("/", "_")
        self.names[base] += 1
        name = base if self.names[base] == 1 else f"{base}_{self.names[base]}"
        own = {key: extra.pop(key) for key in ("kernel", "bias", "affine", "activates") if key in extra}
        self.steps.append(_Step(Node(name, kind, inputs, shape, **extra), **own))
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return next(step.node.shape for step in reversed(self.steps) if step.node.name == name)

    def read(self, model: Any, values: dict[int, str]) -> str:
        """Read all layers of `model`, whose input tensors have names in `values`; returns the output's name."""
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
    # In float64: the square root of a small variance loses digits that folding would multiply.
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
        raise ExportError(f"layer {layer.name}: only plain ReLU and ReLU6 have an INT8 form here")
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


def _bias(step: _Step) -> Floats:
    assert step.kernel is not None
    if step.bias is not None:
        return step.bias
    kernel = step.kernel
    outputs = kernel.shape[2] * kernel.shape[3] if step.node.kind == "depthwise" else kernel.shape[-1]
    return np.zeros(outputs, np.float32)


def _rename(steps: list[_Step], new_names: dict[str, str]) -> list[_Step]:
    """Let readers of a dropped tensor read another one."""

    def final(name: str) -> str:
        while name in new_names:
            name = new_names[name]
        return name

    return [
        replace(step, node=replace(step.node, inputs=tuple(final(name) for name in step.node.inputs)))
        for step in steps
    ]


def _merging(
    steps: list[_Step], merge: Callable[[_Step, _Step], _Step | None], upstream: bool = True
) -> list[_Step]:
    """Merge pairs (earlier, later) where the later is the only reader of the earlier, wherever `merge` gives a step.

    The merged step takes the earlier's place when `upstream`, else the later's.
    """
    readers = Counter(name for step in steps for name in step.node.inputs)
    done: dict[str, _Step] = {}
    dropped: dict[str, str] = {}
    for step in steps:
        inputs = tuple(dropped.get(name, name) for name in step.node.inputs) if upstream else step.node.inputs
        step = replace(step, node=replace(step.node, inputs=inputs))
        earlier = done.get(inputs[0]) if len(inputs) == 1 and readers[step.node.inputs[0]] == 1 else None
        merged = merge(earlier, step) if earlier else None
        if earlier is None or merged is None:
            done[step.node.name] = step
        elif upstream:
            done[earlier.node.name] = merged
            dropped[step.node.name] = earlier.node.name
            readers[earlier.node.name] = readers[step.node.name]
        else:
            del done[earlier.node.name]
            done[step.node.name] = merged
    return _rename(list(done.values()), dropped)


def _fold_back(steps: list[_Step]) -> list[_Step]:
    """Scale and offset after a convolution, a dense layer or another scale and offset become part of it."""

    def merge(earlier: _Step, later: _Step) -> _Step | None:
        if later.affine is None:
            return None
        scale, offset = later.affine
        if earlier.affine is not None:
            return replace(earlier, affine=(earlier.affine[0] * scale, earlier.affine[1] * scale + offset))
        if earlier.kernel is None:
            return None
        kernel = earlier.kernel
        by_channel = scale.reshape(kernel.shape[2:]) if earlier.node.kind == "depthwise" else scale
        return replace(earlier, kernel=kernel * by_channel, bias=_bias(earlier) * scale + offset)

    return _merging(steps, merge)


def _fuse_activations(steps: list[_Step]) -> list[_Step]:
    """ReLU and ReLU6 become part of what comes before; where that has other readers or none can, of an identity."""

    def merge(earlier: _Step, later: _Step) -> _Step | None:
        able = earlier.kernel is not None or earlier.affine is not None or earlier.node.kind == "add"
        if not later.activates or earlier.node.activation != "linear" or not able:
            return None
        return replace(earlier, node=replace(earlier.node, activation=later.node.activation))

    return _merging(steps, merge)


def _fold_forward(steps: list[_Step]) -> list[_Step]:
    """Scale and offset on a vector become part of the dense layer that reads it."""

    def merge(earlier: _Step, later: _Step) -> _Step | None:
        linear = earlier.affine is not None and earlier.node.activation == "linear"
        if later.node.kind != "dense" or later.kernel is None or earlier.affine is None or not linear:
            return None
        scale, offset = earlier.affine
        return replace(
            later,
            node=replace(later.node, inputs=earlier.node.inputs),
            kernel=later.kernel * scale[:, None],
            bias=_bias(later) + offset @ later.kernel,
        )

    return _merging(steps, merge, upstream=False)


def _affine_to_depthwise(steps: list[_Step]) -> list[_Step]:
    """Scales and offsets that are left, and lone activations, become 1 x 1 depthwise convolutions."""
    return [_depthwise(step) if step.affine is not None or step.activates else step for step in steps]


def _depthwise(step: _Step) -> _Step:
    if len(step.node.shape) != 3:
        raise ExportError(
            f"layer {step.node.name}: has no INT8 form on a vector that no dense layer reads next"
        )
    channels = step.node.shape[-1]
    scale, offset = step.affine or (np.ones(channels, np.float32), np.zeros(channels, np.float32))
    return _Step(step.node, kernel=scale.reshape(1, 1, channels, 1), bias=offset)


def _fold_pads(steps: list[_Step]) -> list[_Step]:
    """Zero padding becomes part of the convolution after it, or of the max pool where no value is below zero."""
    classes = _classes(steps)

    def merge(earlier: _Step, later: _Step) -> _Step | None:
        node = later.node
        if earlier.node.kind != "pad":
            return None
        below_window = max(earlier.node.pads) < min(node.window)
        pool = (
            node.kind == "max_pool"
            and classes[earlier.node.name] != "linear"
            and below_window
            and not any(node.pads)
        )
        if not pool and node.kind not in ("conv", "depthwise"):
            return None
        pads = tuple(a + b for a, b in zip(earlier.node.pads, node.pads, strict=True))
        return replace(later, node=replace(node, inputs=earlier.node.inputs, pads=cast(Any, pads)))

    return _merging(steps, merge, upstream=False)


def _classes(steps: list[_Step]) -> dict[str, Activation]:
    """For each tensor the activation that bounds all its values: "linear" where they have no common bound."""
    classes: dict[str, Activation] = {}
    for step in steps:
        node = step.node
        found = {classes[name] for name in node.inputs} if node.kind in SAME_SCALE else {node.activation}
        classes[node.name] = found.pop() if len(found) == 1 else "linear"
    return classes


def _separate_ranges(steps: list[_Step]) -> list[_Step]:
    """Give a tensor bounded by an activation a range of its own before it is concatenated with unbounded ones.

    INT8 activations are the ends of a range. Where the range is shared, a 1 x 1 depthwise identity changes the scale.
    """
    classes = _classes(steps)

    def separated() -> Iterator[_Step]:
        for step in steps:
            node = step.node
            if node.kind == "concat" and classes[node.name] == "linear":
                inputs = []
                for index, name in enumerate(node.inputs):
                    if classes[name] == "linear":
                        inputs.append(name)
                        continue
                    shape = next(other.node.shape for other in steps if other.node.name == name)
                    identity = Node(f"{node.name}_rescaled_{index}", "depthwise", (name,), shape)
                    yield _depthwise(_Step(identity, activates=True))
                    inputs.append(identity.name)
                step = replace(step, node=replace(node, inputs=tuple(inputs)))
            yield step

    return list(separated())
