"""Sensitivity of layers to INT8: the signal-to-quantization-noise ratio (SQNR) of each, on real activations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.exporting.int8.fake_quant import activate, fake_quantize, fake_quantize_weights, operate
from edgeall.exporting.int8.ir import WEIGHTED, IrModel, Node, requantizes
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.pixels import ByteImage, PixelMapping

_MAX_DB = 120.0
"""dB; reported where there is no noise."""


@dataclass(frozen=True)
class LayerNoise:
    """SQNR of a layer in dB: 10 log10 of the power of its float output over the power of the quantization error.

    Attributes:
        weights_db: with its weights quantized; None for layers without weights.
        own_db: with its weights and its output quantized, and its input in float.
        total_db: with all layers up to it quantized, as in the INT8 model.
    """

    layer: str
    kind: str
    weights_db: float | None
    own_db: float
    total_db: float


def measure(
    ir: IrModel,
    quant_params: Mapping[str, QuantParams],
    weight_bits: int,
    images: ByteImage,
    mapping: PixelMapping,
) -> list[LayerNoise]:
    """One row a quantized tensor, in the order of the network. `images`: RGB bytes (n, size, size, 3), one batch."""
    from keras import ops

    graph = ir.graph
    last_reader = {name: node.name for node in graph.nodes for name in node.inputs}
    float_values: dict[str, Any] = {}
    quantized_values: dict[str, Any] = {}
    rows = []

    def float_weights(node: Node) -> tuple[Any, Any]:
        return ir.weights[node.name].kernel, ir.weights[node.name].bias

    def quantized_weights(node: Node) -> tuple[Any, Any]:
        kernel = ops.convert_to_tensor(ir.weights[node.name].kernel)
        return fake_quantize_weights(kernel, node.kind, weight_bits), ir.weights[node.name].bias

    for node in graph.nodes:
        params = quant_params[graph.groups[node.name]]
        if node is graph.input:
            value = alone = everything = ops.convert_to_tensor(mapping.apply(images))
        else:
            read = [float_values[name] for name in node.inputs]
            value = activate(node, operate(graph, node, read, float_weights))
            alone = activate(node, operate(graph, node, read, quantized_weights))
            everything = activate(
                node,
                operate(graph, node, [quantized_values[name] for name in node.inputs], quantized_weights),
            )
        float_values[node.name] = value
        quantized_values[node.name] = fake_quantize(everything, params) if requantizes(node) else everything
        if requantizes(node):
            rows.append(
                LayerNoise(
                    layer=node.name,
                    kind=node.kind,
                    weights_db=_sqnr(value, alone) if node.kind in WEIGHTED else None,
                    own_db=_sqnr(value, fake_quantize(alone, params)),
                    total_db=_sqnr(value, quantized_values[node.name]),
                )
            )
        for name in set(node.inputs):
            if last_reader[name] == node.name:
                del float_values[name], quantized_values[name]
    return rows


def _sqnr(value: Any, rounded: Any) -> float:
    from keras import ops

    power, noise = (
        float(np.asarray(ops.convert_to_numpy(ops.mean(ops.square(each)))))
        for each in (value, value - rounded)
    )
    return float(min(10 * np.log10(max(power, 1e-30) / max(noise, 1e-30)), _MAX_DB))
