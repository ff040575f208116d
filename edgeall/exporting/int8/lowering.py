"""Lowering of a Keras model to IR: BatchNormalization, zero padding and activations become part of convolutions.

BatchNormalization after a convolution or dense layer is folded into its weights. BatchNormalization before one, as in
ResNetV2 and DenseNet, becomes a 1 x 1 depthwise convolution. Every engine runs it in INT8 with per-channel scales and a
fused ReLU; a multiplication and an addition would have one scale for all channels.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np

from edgeall.errors import ExportError
from edgeall.exporting.int8.ir import SAME_SCALE, Activation, FloatWeights, Graph, IrModel, Node
from edgeall.exporting.int8.keras_reader import LayerCall, read_layers


def prepare(model: Any) -> IrModel:
    """The IR of a Keras functional or sequential image classifier, equal to it up to float rounding.

    `model` has one float32 input (n, height, width, channels) of fixed size, and one output.

    Raises:
        ExportError: a layer has no INT8 form; the message names it.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ExportError(
            f"{model.name}: has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one each"
        )
    shape = tuple(model.inputs[0].shape[1:])
    if len(shape) != 3 or None in shape:
        raise ExportError(f"{model.name}: input {shape} is not (height, width, channels) of a fixed size")
    calls = read_layers(model)
    for rewrite in (
        _fold_affine_back,
        _fuse_activations,
        _fold_affine_forward,
        _affine_to_depthwise,
        _fold_pads,
        _separate_ranges,
    ):
        calls = rewrite(calls)
    return IrModel(
        graph=Graph(tuple(call.node for call in calls)),
        weights={
            call.node.name: FloatWeights(call.kernel.astype(np.float32), call.full_bias().astype(np.float32))
            for call in calls
            if call.kernel is not None
        },
    )


def _rename(calls: list[LayerCall], new_names: dict[str, str]) -> list[LayerCall]:
    """Redirect the inputs that name dropped tensors."""

    def final(name: str) -> str:
        while name in new_names:
            name = new_names[name]
        return name

    return [
        replace(call, node=replace(call.node, inputs=tuple(final(name) for name in call.node.inputs)))
        for call in calls
    ]


def _merge_pairs(
    calls: list[LayerCall], merge: Callable[[LayerCall, LayerCall], LayerCall | None], upstream: bool = True
) -> list[LayerCall]:
    """Merge pairs (earlier, later) where the later is the only reader of the earlier and `merge` returns a call.

    The merged call takes the earlier's place when `upstream`, else the later's.
    """
    readers = Counter(name for call in calls for name in call.node.inputs)
    done: dict[str, LayerCall] = {}
    dropped: dict[str, str] = {}
    for call in calls:
        inputs = tuple(dropped.get(name, name) for name in call.node.inputs) if upstream else call.node.inputs
        call = replace(call, node=replace(call.node, inputs=inputs))
        earlier = done.get(inputs[0]) if len(inputs) == 1 and readers[call.node.inputs[0]] == 1 else None
        merged = merge(earlier, call) if earlier else None
        if earlier is None or merged is None:
            done[call.node.name] = call
        elif upstream:
            done[earlier.node.name] = merged
            dropped[call.node.name] = earlier.node.name
            readers[earlier.node.name] = readers[call.node.name]
        else:
            del done[earlier.node.name]
            done[call.node.name] = merged
    return _rename(list(done.values()), dropped)


def _fold_affine_back(calls: list[LayerCall]) -> list[LayerCall]:
    """Fold scale and offset into the preceding convolution, dense layer, or scale and offset."""

    def merge(earlier: LayerCall, later: LayerCall) -> LayerCall | None:
        if later.affine is None:
            return None
        scale, offset = later.affine
        if earlier.affine is not None:
            return replace(earlier, affine=(earlier.affine[0] * scale, earlier.affine[1] * scale + offset))
        if earlier.kernel is None:
            return None
        kernel = earlier.kernel
        by_channel = scale.reshape(kernel.shape[2:]) if earlier.node.kind == "depthwise" else scale
        return replace(earlier, kernel=kernel * by_channel, bias=earlier.full_bias() * scale + offset)

    return _merge_pairs(calls, merge)


def _fuse_activations(calls: list[LayerCall]) -> list[LayerCall]:
    """Fuse ReLU and ReLU6 into the preceding operator, where it supports them and has no other reader."""

    def merge(earlier: LayerCall, later: LayerCall) -> LayerCall | None:
        able = earlier.kernel is not None or earlier.affine is not None or earlier.node.kind == "add"
        if not later.activates or earlier.node.activation != "linear" or not able:
            return None
        return replace(earlier, node=replace(earlier.node, activation=later.node.activation))

    return _merge_pairs(calls, merge)


def _fold_affine_forward(calls: list[LayerCall]) -> list[LayerCall]:
    """Fold scale and offset of a vector into the dense layer that reads it."""

    def merge(earlier: LayerCall, later: LayerCall) -> LayerCall | None:
        linear = earlier.affine is not None and earlier.node.activation == "linear"
        if later.node.kind != "dense" or later.kernel is None or earlier.affine is None or not linear:
            return None
        scale, offset = earlier.affine
        return replace(
            later,
            node=replace(later.node, inputs=earlier.node.inputs),
            kernel=later.kernel * scale[:, None],
            bias=later.full_bias() + offset @ later.kernel,
        )

    return _merge_pairs(calls, merge, upstream=False)


def _affine_to_depthwise(calls: list[LayerCall]) -> list[LayerCall]:
    """Turn the remaining scales and offsets, and activations that were not fused, into 1 x 1 depthwise convolutions."""
    return [_depthwise(call) if call.affine is not None or call.activates else call for call in calls]


def _depthwise(call: LayerCall) -> LayerCall:
    if len(call.node.shape) != 3:
        raise ExportError(
            f"layer {call.node.name}: has no INT8 form on a vector that no dense layer reads next"
        )
    channels = call.node.shape[-1]
    scale, offset = call.affine or (np.ones(channels, np.float32), np.zeros(channels, np.float32))
    return LayerCall(call.node, kernel=scale.reshape(1, 1, channels, 1), bias=offset)


def _fold_pads(calls: list[LayerCall]) -> list[LayerCall]:
    """Fold zero padding into the convolution that follows, or into a max pool of values that are never negative."""
    bounds = _value_bounds(calls)

    def merge(earlier: LayerCall, later: LayerCall) -> LayerCall | None:
        node = later.node
        if earlier.node.kind != "pad":
            return None
        below_window = max(earlier.node.pads) < min(node.window)
        pool = (
            node.kind == "max_pool"
            and bounds[earlier.node.name] != "linear"
            and below_window
            and not any(node.pads)
        )
        if not pool and node.kind not in ("conv", "depthwise"):
            return None
        pads = tuple(a + b for a, b in zip(earlier.node.pads, node.pads, strict=True))
        return replace(later, node=replace(node, inputs=earlier.node.inputs, pads=cast(Any, pads)))

    return _merge_pairs(calls, merge, upstream=False)


def _value_bounds(calls: list[LayerCall]) -> dict[str, Activation]:
    """For each tensor, the activation that bounds all its values: "linear" where there is no common bound."""
    bounds: dict[str, Activation] = {}
    for call in calls:
        node = call.node
        found = {bounds[name] for name in node.inputs} if node.kind in SAME_SCALE else {node.activation}
        bounds[node.name] = found.pop() if len(found) == 1 else "linear"
    return bounds


def _separate_ranges(calls: list[LayerCall]) -> list[LayerCall]:
    """Insert a rescaling before tensors bounded by an activation are concatenated with unbounded ones.

    INT8 applies an activation as the ends of its range, and a concatenation shares one range. A 1 x 1 depthwise
    identity changes the scale.
    """
    bounds = _value_bounds(calls)

    def separated() -> Iterator[LayerCall]:
        for call in calls:
            node = call.node
            if node.kind == "concat" and bounds[node.name] == "linear":
                inputs = []
                for index, name in enumerate(node.inputs):
                    if bounds[name] == "linear":
                        inputs.append(name)
                        continue
                    shape = next(other.node.shape for other in calls if other.node.name == name)
                    identity = Node(f"{node.name}_rescaled_{index}", "depthwise", (name,), shape)
                    yield _depthwise(LayerCall(identity, activates=True))
                    inputs.append(identity.name)
                call = replace(call, node=replace(node, inputs=tuple(inputs)))
            yield call

    return list(separated())
