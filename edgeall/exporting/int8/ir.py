"""A classifier as the plain list of operators that every engine runs in INT8.

A Keras model is rewritten into this form (`lowering`), simulated with fake quantization from it (`fake_quant`) and
written from it into each format, so that a tensor has one name everywhere and no scale is ever matched by guessing.
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
"""Kinds whose inputs and output share one scale and zero point: TFLite demands it, the others accept it."""


@dataclass(frozen=True)
class Node:
    """One operator and the tensor it makes; the two share a name.

    Attributes:
        shape: of the tensor, without the batch: (height, width, channels) or (units,).
        activation: applied to the result; its range is all that INT8 needs to know of it.
        pads: (top, bottom, left, right): zeros, but positions that do not count for pools.
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
    """Whether a node's result is brought to a grid that what it reads is not already on."""
    return node.kind not in SAME_SCALE or node.kind == "average_pool"


@dataclass(frozen=True)
class FloatWeights:
    """Kernel and bias of a node, float32.

    Kernel: conv (height, width, in, out), depthwise (height, width, channels, multiplier), dense (in, units).

    Attributes:
        scale: of the grid that the kernel lies on already, to which it broadcasts; None where it was not rounded.
    """

    kernel: Floats
    bias: Floats
    scale: Floats | None = None


@dataclass(frozen=True)
class Graph:
    """Operators in an order in which each comes after what it reads; the first is the input, the last the output."""

    nodes: tuple[Node, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """For each tensor the name that stands for all the tensors which share its scale and zero point."""
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
        """The nodes that `node` reads."""
        return [self.by_name[name] for name in node.inputs]

    def same_padding(self, node: Node, window: tuple[int, int]) -> bool:
        """Whether `node.pads` is what TensorFlow calls "same" for this `window` and input; no padding is not."""
        height, width, _ = self.by_name[node.inputs[0]].shape
        return node.pads != NO_PADS and node.pads == same_pads(
            (height, width), window, node.strides, node.dilation
        )


@dataclass(frozen=True)
class IrModel:
    """A float model in plain form."""

    graph: Graph
    weights: Mapping[str, FloatWeights] = field(repr=False)


def same_pads(
    size: tuple[int, int], window: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int]
) -> Pads:
    """TensorFlow's "same" padding: the output has ceil(size / stride) positions, the odd zero goes at the end."""
    pads = []
    for length, wide, stride, step in zip(size, window, strides, dilation, strict=True):
        total = max((-(-length // stride) - 1) * stride + (wide - 1) * step + 1 - length, 0)
        pads += [total // 2, total - total // 2]
    return (pads[0], pads[1], pads[2], pads[3])
