"""Splits a network in two: layers that stay frozen, and layers after them that are trained."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeall.exporting.int8.ir import WEIGHTED, Graph, IrModel, Node
from edgeall.exporting.int8.quant_params import QuantParams


@dataclass(frozen=True)
class Subnetwork:
    """Consecutive nodes of a model as a model, and the quantization parameters of its tensors."""

    model: IrModel
    quant_params: Mapping[str, QuantParams]


def split(
    ir: IrModel, quant_params: Mapping[str, QuantParams], share: float
) -> tuple[Subnetwork, Subnetwork]:
    """`ir` in two at a tensor that every path passes; this tensor is the second part's input.

    The first part has at least `share` (0 to 1) of the multiplications where such a tensor allows it, and else as many
    as possible. The second part has at least one layer with weights.
    """
    nodes = ir.graph.nodes
    place = _cut(ir, share)
    cut = nodes[place]
    entrance = Node(cut.name, "input", (), cut.shape)
    return _part(ir, quant_params, nodes[: place + 1]), _part(
        ir, quant_params, (entrance, *nodes[place + 1 :])
    )


def _cut(ir: IrModel, share: float) -> int:
    """The index of the node after which to split."""
    nodes, done = ir.graph.nodes, np.cumsum(_multiplications(ir))
    places = {node.name: place for place, node in enumerate(nodes)}
    last_reader = [0] * len(nodes)
    for place, node in enumerate(nodes):
        for name in node.inputs:
            last_reader[places[name]] = place
    cuts = [0]
    for place in range(1, len(nodes)):
        if max(last_reader[:place]) <= place and done[place] < done[-1]:
            cuts.append(place)
    return next((place for place in cuts if done[place] >= share * done[-1]), cuts[-1])


def _multiplications(ir: IrModel) -> list[float]:
    """Multiplications of each node in one inference."""
    return [
        float(np.prod(node.shape[:-1])) * ir.weights[node.name].kernel.size if node.kind in WEIGHTED else 0.0
        for node in ir.graph.nodes
    ]


def _part(ir: IrModel, quant_params: Mapping[str, QuantParams], nodes: tuple[Node, ...]) -> Subnetwork:
    weights = {node.name: ir.weights[node.name] for node in nodes if node.kind in WEIGHTED}
    # A group can be named after a tensor of the other part.
    of_each = {node.name: quant_params[ir.graph.groups[node.name]] for node in nodes}
    return Subnetwork(IrModel(Graph(nodes), weights), of_each)
