"""Bias correction: rounding shifts the mean of each channel; the bias compensates the shift.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction" (arXiv:1906.04721), in its
empirical form: means are taken over images, layer by layer, with the preceding layers corrected already.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgeall.exporting.int8.fake_quant import activate, fake_quantize, fake_quantize_weights, operate
from edgeall.exporting.int8.gptq import round_kernel
from edgeall.exporting.int8.ir import WEIGHTED, IrModel, Node, requantizes
from edgeall.exporting.int8.quant_params import QuantParams, weight_scale
from edgeall.pixels import ByteImage, PixelMapping

CORRECTION_IMAGES = 64
"""Images over which kernels are rounded and biases corrected, at most."""
_LARGEST_TENSOR = 128 << 20
"""Bytes of the largest tensor over all images, at most. About eight tensors of this size are held at once."""


def correct_biases(
    ir: IrModel,
    quant_params: Mapping[str, QuantParams],
    weight_bits: int,
    images: ByteImage,
    mapping: PixelMapping,
    *,
    gptq: bool = False,
) -> IrModel:
    """`ir` with biases that give every channel of the INT8 model its float mean over `images`.

    Args:
        images: RGB bytes (n, size, size, 3). As many as memory allows are computed together; 16 are enough, since each
            has many positions.
        gptq: also round kernels by GPTQ (`gptq`), each for the quantized inputs that it reads.
    """
    from keras import ops

    graph, weights = ir.graph, dict(ir.weights)
    largest = 4 * max(int(np.prod(node.shape)) for node in graph.nodes)
    images = images[: max(_LARGEST_TENSOR // largest, 4)]
    last_reader = {name: node.name for node in graph.nodes for name in node.inputs}
    float_values: dict[str, Any] = {}
    quantized_values: dict[str, Any] = {}

    def float_weights(node: Node) -> tuple[Any, Any]:
        return ir.weights[node.name].kernel, ir.weights[node.name].bias

    def quantized_weights(node: Node) -> tuple[Any, Any]:
        if weights[node.name].scale is not None:
            return weights[node.name].kernel, weights[node.name].bias
        kernel = ops.convert_to_tensor(weights[node.name].kernel)
        return fake_quantize_weights(kernel, node.kind, weight_bits), weights[node.name].bias

    for node in graph.nodes:
        if node is graph.input:
            value = rounded = ops.convert_to_tensor(mapping.apply(images))
        else:
            value = operate(graph, node, [float_values[name] for name in node.inputs], float_weights)
            if gptq and node.kind in WEIGHTED:
                kernel = weights[node.name].kernel
                scale = weight_scale(kernel, node.kind, weight_bits)
                kernel = round_kernel(
                    graph, node, kernel, scale, weight_bits, quantized_values[node.inputs[0]]
                )
                weights[node.name] = replace(weights[node.name], kernel=kernel, scale=scale)
            rounded = operate(
                graph, node, [quantized_values[name] for name in node.inputs], quantized_weights
            )
        if node.kind in WEIGHTED:
            axes = tuple(range(len(node.shape)))
            shift = np.asarray(ops.convert_to_numpy(ops.mean(value - rounded, axis=axes)))
            weights[node.name] = replace(weights[node.name], bias=weights[node.name].bias + shift)
            rounded = rounded + shift
        float_values[node.name], rounded = activate(node, value), activate(node, rounded)
        quantized_values[node.name] = (
            fake_quantize(rounded, quant_params[graph.groups[node.name]]) if requantizes(node) else rounded
        )
        for name in set(node.inputs):
            if last_reader[name] == node.name:
                del float_values[name], quantized_values[name]
    return IrModel(graph, weights)
