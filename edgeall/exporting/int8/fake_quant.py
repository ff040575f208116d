"""The IR in Keras operations: in float32, or with fake quantization of weights and activations."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeall.exporting.int8.ir import NO_PADS, Graph, IrModel, Node, requantizes
from edgeall.exporting.int8.quant_params import QuantParams, weight_axes, weight_limit

Tensor = Any
WeightLookup = Callable[[Node], tuple[Tensor, Tensor]]


def evaluate(
    graph: Graph, lookup: WeightLookup, images: Tensor, transform: Callable[[Node, Tensor], Tensor]
) -> Tensor:
    """Run `graph` on `images`, preprocessed float32 (n, height, width, channels), in any Keras backend.

    `lookup` returns a node's kernel and bias. `transform` maps each output to the tensor that its readers receive.
    """
    tensors = {graph.input.name: transform(graph.input, images)}
    for node in graph.nodes[1:]:
        values = [tensors[name] for name in node.inputs]
        tensors[node.name] = transform(node, activate(node, operate(graph, node, values, lookup)))
    return tensors[graph.output.name]


def operate(graph: Graph, node: Node, values: list[Tensor], lookup: WeightLookup) -> Tensor:
    """The output of `node` for the inputs `values`, before its activation."""
    return _OPERATORS[node.kind](graph, node, values, lookup)


def float_model(ir: IrModel, every_tensor: bool = False) -> Any:
    """A Keras model that computes `ir` in float32. With `every_tensor`, its output is a dict of all tensors."""
    return _model(ir, None, None, every_tensor)


def fake_quant_model(ir: IrModel, quant_params: Mapping[str, QuantParams], weight_bits: int) -> Any:
    """A trainable Keras model that computes `ir` with fake quantization and straight-through gradients.

    `quant_params` has one entry a group of `ir.graph.groups`. Weights (`trainable_weights`) are quantized with scales
    taken from their present values. Probabilities are not quantized, because a loss takes their logarithm.
    """
    return _model(ir, quant_params, weight_bits, False)


def simulation_model(ir: IrModel, quant_params: Mapping[str, QuantParams]) -> Any:
    """A Keras model that quantizes every activation; the weights of `ir` are quantized already."""
    return _model(ir, quant_params, None, False)


def trainable_weights(model: Any) -> dict[str, tuple[Any, Any]]:
    """Kernel and bias of each weighted node, as Keras variables, of a model that this module made."""
    return dict(model.get_layer("ir").pairs)


def _model(
    ir: IrModel, quant_params: Mapping[str, QuantParams] | None, weight_bits: int | None, every_tensor: bool
) -> Any:
    import keras

    graph = ir.graph

    class IrLayer(keras.layers.Layer):  # type: ignore[misc]
        """All operators of the graph as one Keras layer."""

        def __init__(self) -> None:
            super().__init__(name="ir")
            self.pairs = {}
            for index, (name, weights) in enumerate(ir.weights.items()):
                self.pairs[name] = tuple(
                    self.add_weight(
                        shape=value.shape,
                        initializer=keras.initializers.Constant(0.0),
                        name=f"{part}_{index}",
                    )
                    for part, value in (("kernel", weights.kernel), ("bias", weights.bias))
                )
                for variable, value in zip(self.pairs[name], (weights.kernel, weights.bias), strict=True):
                    variable.assign(value)

        def call(self, images: Tensor) -> Tensor:
            seen: dict[str, Tensor] = {}

            def transform(node: Node, value: Tensor) -> Tensor:
                probability = node.kind in ("sigmoid", "softmax")
                if (
                    quant_params is not None
                    and requantizes(node)
                    and not (probability and weight_bits is not None)
                ):
                    value = fake_quantize(value, quant_params[graph.groups[node.name]])
                seen[node.name] = value
                return value

            def lookup(node: Node) -> tuple[Tensor, Tensor]:
                kernel, bias = self.pairs[node.name]
                if weight_bits is not None:
                    kernel = fake_quantize_weights(kernel, node.kind, weight_bits)
                return kernel, bias

            result = evaluate(graph, lookup, images, transform)
            return seen if every_tensor else result

    images = keras.Input(graph.input.shape, dtype="float32")
    return keras.Model(images, IrLayer()(images))


def fake_quantize(value: Tensor, params: QuantParams) -> Tensor:
    """`value` quantized and dequantized. The gradient passes within the range and is zero outside."""
    from keras import ops

    scale, zero = params.scale, params.zero_point
    inside = ops.clip(value, -zero * scale, (255 - zero) * scale)
    return inside + ops.stop_gradient(ops.round(inside / scale) * scale - inside)


def fake_quantize_weights(kernel: Tensor, kind: str, bits: int) -> Tensor:
    """`kernel` quantized and dequantized with scales taken from its present values. The gradient passes."""
    from keras import ops

    peak = ops.max(ops.abs(kernel), axis=weight_axes(kind), keepdims=True)
    scale = ops.maximum(ops.stop_gradient(peak), 1e-12) / weight_limit(kind, bits)
    return kernel + ops.stop_gradient(ops.round(kernel / scale) * scale - kernel)


def activate(node: Node, value: Tensor) -> Tensor:
    """The node's activation function of `value`."""
    from keras import ops

    if node.activation == "linear":
        return value
    return ops.relu(value) if node.activation == "relu" else ops.relu6(value)


def padded(graph: Graph, node: Node, value: Tensor, window: tuple[int, int]) -> tuple[Tensor, str]:
    """The input of an operator, padded where no padding mode of Keras does it, and the operator's padding mode."""
    from keras import ops

    if node.pads == NO_PADS:
        return value, "valid"
    if node.kind != "pad" and graph.same_padding(node, window):
        return value, "same"
    top, bottom, left, right = node.pads
    return ops.pad(value, [(0, 0), (top, bottom), (left, right), (0, 0)]), "valid"


def _conv(graph: Graph, node: Node, values: list[Tensor], lookup: WeightLookup) -> Tensor:
    from keras import ops

    kernel, bias = lookup(node)
    value, padding = padded(graph, node, values[0], tuple(kernel.shape[:2]))
    operator = ops.conv if node.kind == "conv" else ops.depthwise_conv
    return operator(value, kernel, node.strides, padding, dilation_rate=node.dilation) + bias


def _dense(graph: Graph, node: Node, values: list[Tensor], lookup: WeightLookup) -> Tensor:
    from keras import ops

    kernel, bias = lookup(node)
    return ops.matmul(values[0], kernel) + bias


def _pool(graph: Graph, node: Node, values: list[Tensor], lookup: WeightLookup) -> Tensor:
    from keras import ops

    value, padding = padded(graph, node, values[0], node.window)
    operator = ops.max_pool if node.kind == "max_pool" else ops.average_pool
    return operator(value, node.window, node.strides, padding)


def _simple(operator: Callable[[Any, Node, list[Tensor]], Tensor]) -> Callable[..., Tensor]:
    def run(graph: Graph, node: Node, values: list[Tensor], lookup: WeightLookup) -> Tensor:
        from keras import ops

        return operator(ops, node, values)

    return run


_OPERATORS: dict[str, Callable[[Graph, Node, list[Tensor], WeightLookup], Tensor]] = {
    "conv": _conv,
    "depthwise": _conv,
    "dense": _dense,
    "max_pool": _pool,
    "average_pool": _pool,
    "pad": lambda graph, node, values, lookup: padded(graph, node, values[0], (1, 1))[0],
    "add": _simple(lambda ops, node, values: values[0] + values[1]),
    "concat": _simple(lambda ops, node, values: ops.concatenate(values, axis=-1)),
    "mean": _simple(lambda ops, node, values: ops.mean(values[0], axis=(1, 2))),
    "flatten": _simple(lambda ops, node, values: ops.reshape(values[0], (-1, int(np.prod(node.shape))))),
    "sigmoid": _simple(lambda ops, node, values: ops.sigmoid(values[0])),
    "softmax": _simple(lambda ops, node, values: ops.softmax(values[0])),
}
