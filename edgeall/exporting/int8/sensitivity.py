"""Which layers suffer from INT8: the signal-to-quantization-noise ratio of each, on real activations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeall.exporting.int8.fake_quant import activate, fake_quantize, fake_quantize_weights, operate
from edgeall.exporting.int8.ir import WEIGHTED, IrModel, Node, rounds
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.pixels import ByteImage, PixelMapping

_MOST = 120.0
"""dB; where there is no noise at all."""


@dataclass(frozen=True)
class LayerNoise:
    """SQNR in dB, 10 log10 of the power of a layer's float result over that of what rounding changes in it.

    Attributes:
        weights_db: its weights alone rounded; None where it has none.
        own_db: its weights and its result rounded, what it reads in float.
        total_db: everything up to it rounded, as in the INT8 model.
    """

    layer: str
    kind: str
    weights_db: float | None
    own_db: float
    total_db: float


def measure(
    plain: IrModel,
    grids: Mapping[str, QuantParams],
    weight_bits: int,
    images: ByteImage,
    mapping: PixelMapping,
) -> list[LayerNoise]:
    """One row a tensor that is rounded, in the order of the network; `images` go through together."""
    from keras import ops

    graph = plain.graph
    last_reader = {name: node.name for node in graph.nodes for name in node.inputs}
    exact: dict[str, Any] = {}
    coarse: dict[str, Any] = {}
    rows = []

    def as_given(node: Node) -> tuple[Any, Any]:
        return plain.weights[node.name].kernel, plain.weights[node.name].bias

    def as_rounded(node: Node) -> tuple[Any, Any]:
        kernel = ops.convert_to_tensor(plain.weights[node.name].kernel)
        return fake_quantize_weights(kernel, node.kind, weight_bits), plain.weights[node.name].bias

    for node in graph.nodes:
        grid = grids[graph.groups[node.name]]
        if node is graph.input:
            value = alone = everything = ops.convert_to_tensor(mapping.apply(images))
        else:
            read = [exact[name] for name in node.inputs]
            value = activate(node, operate(graph, node, read, as_given))
            alone = activate(node, operate(graph, node, read, as_rounded))
            everything = activate(
                node, operate(graph, node, [coarse[name] for name in node.inputs], as_rounded)
            )
        exact[node.name] = value
        coarse[node.name] = fake_quantize(everything, grid) if rounds(node) else everything
        if rounds(node):
            rows.append(
                LayerNoise(
                    layer=node.name,
                    kind=node.kind,
                    weights_db=_sqnr(value, alone) if node.kind in WEIGHTED else None,
                    own_db=_sqnr(value, fake_quantize(alone, grid)),
                    total_db=_sqnr(value, coarse[node.name]),
                )
            )
        for name in set(node.inputs):
            if last_reader[name] == node.name:
                del exact[name], coarse[name]
    return rows


def _sqnr(value: Any, rounded: Any) -> float:
    from keras import ops

    power, noise = (
        float(np.asarray(ops.convert_to_numpy(ops.mean(ops.square(each)))))
        for each in (value, value - rounded)
    )
    return float(min(10 * np.log10(max(power, 1e-30) / max(noise, 1e-30)), _MOST))
