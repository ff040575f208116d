"""Weights rounded with regard to what they read move a layer's results less than each weight's nearest code does."""

from typing import Any

import numpy as np
import pytest
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall.exporting import int8
from edgeall.exporting.int8.fake_quant import operate
from edgeall.exporting.int8.gptq import round_kernel
from edgeall.exporting.int8.ir import WEIGHTED, Graph, Node
from edgeall.exporting.int8.quant_params import weight_limit, weight_scale

IMAGES = drawn_images(24)
BITS = 7


def correlated(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Channels that are mixtures of a few, as activations are; each neighbour like the next."""
    few = rng.normal(size=(*shape[:-1], 2)).cumsum(axis=1)
    return (few @ rng.normal(size=(2, shape[-1])) + 0.1 * rng.normal(size=shape)).astype(np.float32)


LAYERS: dict[str, tuple[Node, tuple[int, ...]]] = {
    "1x1": (Node("y", "conv", ("x",), (8, 8, 16)), (1, 1, 24, 16)),
    "3x3, padded": (Node("y", "conv", ("x",), (8, 8, 16), pads=(1, 1, 1, 1)), (3, 3, 24, 16)),
    "strided": (Node("y", "conv", ("x",), (3, 3, 16), strides=(2, 2)), (3, 3, 24, 16)),
    "dense": (Node("y", "dense", ("x",), (16,)), (24, 16)),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_answers_nearer_to_float(layer: str) -> None:
    rng = np.random.default_rng(1)
    node, shape = LAYERS[layer]
    value = correlated(rng, (16, 24) if node.kind == "dense" else (16, 8, 8, 24))
    graph = Graph((Node("x", "input", (), value.shape[1:]), node))
    kernel = rng.normal(size=shape).astype(np.float32)
    scale = weight_scale(kernel, node.kind, BITS)
    nearest = np.rint(kernel / scale) * scale
    rounded = round_kernel(graph, node, kernel, scale, BITS, value)

    def error(candidate: np.ndarray) -> float:
        given, found = (operate(graph, node, [value], lambda _, k=k: (k, 0.0)) for k in (kernel, candidate))
        return float(np.square(np.asarray(given) - np.asarray(found)).mean())

    codes = rounded / scale
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)
    assert np.abs(np.rint(codes)).max() <= weight_limit(node.kind, BITS)
    assert error(rounded) < 0.8 * error(nearest)


def test_inputs_that_are_always_zero_are_rounded_to_the_nearest() -> None:
    """Nothing is known of what they will carry on other images."""
    rng = np.random.default_rng(2)
    value = correlated(rng, (64, 24))
    value[:, ::3] = 0
    node, graph = LAYERS["dense"][0], Graph((Node("x", "input", (), (24,)), LAYERS["dense"][0]))
    kernel = rng.normal(size=(24, 16)).astype(np.float32)
    scale = weight_scale(kernel, "dense", BITS)
    rounded = round_kernel(graph, node, kernel, scale, BITS, value)
    np.testing.assert_allclose(rounded[::3], (np.rint(kernel / scale) * scale)[::3], rtol=1e-5)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_what_was_rounded_is_what_is_written(network: str) -> None:
    """Freezing finds the codes that rounding chose, not the nearest of another grid."""
    ir = int8.prepare(NETWORKS[network]())
    quant_params = int8.calibrate(ir, IMAGES, MAPPING, method="min-max")
    rounded = int8.correct_biases(ir, quant_params, BITS, IMAGES, MAPPING, gptq=True)
    model = int8.freeze(rounded.graph, rounded.weights, quant_params, BITS)
    for node in ir.graph.nodes:
        if node.kind in WEIGHTED:
            whole: Any = model.weights[node.name]
            pair = rounded.weights[node.name]
            assert pair.scale is not None
            if np.array_equal(whole.scale, pair.scale.reshape(-1)):
                np.testing.assert_array_equal(whole.kernel, np.rint(pair.kernel / pair.scale), node.name)
    same = [
        np.array_equal(model.weights[n].scale, rounded.weights[n].scale.reshape(-1)) for n in model.weights
    ]
    assert np.mean(same) > 0.5
