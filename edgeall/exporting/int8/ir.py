"""The intermediate representation (IR): a classifier as a list of operators that every engine runs in INT8.

`lowering` makes it from a Keras model, `fake_quant` computes it in Keras, and writers turn it into each format. A
tensor has the same name in all of them, so that its quantization parameters are found by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal[
    "input", "conv", "depthwise", "dense", "add", "concat", "pad",
    "max_pool", "average_pool", "mean", "flatten", "sigmoid", "softmax",
]  # fmt: skip
Activation = Literal["linear", "relu", "relu6"]
Floats = npt.NDArray[np.float32]
Pads = tuple[int, int, int, int]
NO_PADS: Pads = (0, 0, 0, 0)

WEIGHTED = ("conv", "depthwise", "dense")
SAME_SCALE = ("concat", "pad", "max_pool", "average_pool", "flatten")
"""Kinds whose inputs and output share one scale and zero point. TFLite requires it; ONNX and OpenVINO allow it."""


@dataclass(frozen=True)
class Node:
    """One operator and its output tensor, which has the same name.

    Attributes:
        shape: of the output without the batch axis: (height, width, channels) or (units,).
        activation: applied to the result. In INT8 it only limits the output's range.
        pads: (top, bottom, left, right). Zeros for convolutions; pools ignore padded positions.
        window: (height, width) of a pool.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    activation: Activation = "linear"
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = NO_PADS
    window: tuple[int, int] = (1, 1)


def requantizes(node: Node) -> bool:
    """Whether a node's output is rounded: its values are not all codes of its input already."""
    return node.kind not in SAME_SCALE or node.kind == "average_pool"


@dataclass(frozen=True)
class FloatWeights:
    """Kernel and bias of a node, float32.

    Kernel: conv (height, width, in, out), depthwise (height, width, channels, multiplier), dense (in, units).

    Attributes:
        scale: of a kernel that is rounded already, broadcastable to it; None for a kernel that is not.
    """

    kernel: Floats
    bias: Floats
    scale: Floats | None = None


@dataclass(frozen=True)
class Graph:
    """Operators in topological order: the first is the input, the last the output."""

    nodes: tuple[Node, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """For each tensor, the name of its group: tensors with the same scale and zero point."""
        leader = {node.name: node.name for node in self.nodes}

        def find(name: str) -> str:
            while leader[name] != name:
                name = leader[name]
            return name

        for node in self.nodes:
            if node.kind in SAME_SCALE:
                first, *others = (find(name) for name in (*node.inputs, node.name))
                for other in others:
                    leader[find(other)] = find(first)
        return {name: find(name) for name in leader}

    @property
    def input(self) -> Node:
        return self.nodes[0]

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    def sources(self, node: Node) -> list[Node]:
        """The nodes whose outputs `node` reads."""
        return [self.by_name[name] for name in node.inputs]

    def same_padding(self, node: Node, window: tuple[int, int]) -> bool:
        """Whether `node.pads` is TensorFlow's "same" padding for this `window` and input. False without padding."""
        height, width, _ = self.by_name[node.inputs[0]].shape
        return node.pads != NO_PADS and node.pads == same_pads(
            (height, width), window, node.strides, node.dilation
        )


@dataclass(frozen=True)
class IrModel:
    """A float model in intermediate representation."""

    graph: Graph
    weights: Mapping[str, FloatWeights] = field(repr=False)


def same_pads(
    size: tuple[int, int], window: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int]
) -> Pads:
    """TensorFlow's "same" padding: the output has ceil(size / stride) positions. An odd zero goes at the end."""
    pads = []
    for length, wide, stride, step in zip(size, window, strides, dilation, strict=True):
        total = max((-(-length // stride) - 1) * stride + (wide - 1) * step + 1 - length, 0)
        pads += [total // 2, total - total // 2]
    return (pads[0], pads[1], pads[2], pads[3])
