"""Layers kept in float32 inside an INT8 model: those whose rounding its answer feels most.

A tensor escapes rounding only where both what makes it and what reads it compute in float.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from edgeall.exporting.qat.plain import Floats, Graph, Node, PlainModel, rounds
from edgeall.exporting.qat.scales import Grid
from edgeall.exporting.qat.twin import partly_rounded_model
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress

_ROUNDED = ":rounded"


def disturbances(
    plain: PlainModel,
    grids: Mapping[str, Grid],
    images: ByteImage,
    mapping: PixelMapping,
    progress: Progress = SILENT,
) -> dict[str, float]:
    """How far the answer moves when one tensor alone is rounded: root mean square, of logits, over `images`.

    `images`: RGB bytes (n, size, size, 3), which go through together, once a tensor.
    """
    names = [node.name for node in plain.graph.nodes[:-1] if rounds(node)]
    model = partly_rounded_model(plain, grids, names)
    tensors = mapping.apply(images)

    def answer(shares: Floats) -> Floats:
        return np.asarray(model.predict_on_batch([tensors, np.tile(shares, (len(tensors), 1))]))

    exact = answer(np.zeros(len(names), np.float32))
    found = {}
    with progress.stage("sensing tensors", len(names)) as advance:
        for name, alone in zip(names, np.eye(len(names), dtype=np.float32), strict=True):
            found[name] = float(np.sqrt(np.mean((answer(alone) - exact) ** 2)))
            advance(1)
    return found


def keep_in_float(
    plain: PlainModel, grids: Mapping[str, Grid], tensors: Collection[str]
) -> tuple[PlainModel, dict[str, Grid]]:
    """`plain` with what makes or reads one of `tensors` computed in float32, and the grids of the rest, as they were.

    Concatenations stay in INT8: one in float would need every other tensor that it joins in float too.
    """
    graph = plain.graph
    kept = {
        node.name
        for node in graph.nodes
        if node.kind != "concat" and (node.name in tensors or not set(node.inputs).isdisjoint(tensors))
    }
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name in kept:
            nodes.append(replace(node, float=True))
            if any(node.name in other.inputs and other.name not in kept for other in graph.nodes):
                nodes.append(Node(_rounded(node.name), "round", (node.name,), node.shape))
        else:
            inputs = tuple(_rounded(name) if name in kept else name for name in node.inputs)
            nodes.append(replace(node, inputs=inputs))
    changed = Graph(tuple(nodes))
    # No two tensors share a grid that did not before.
    kept_grids = {
        changed.groups[node.name]: grids[graph.groups[node.name.removesuffix(_ROUNDED)]]
        for node in nodes
        if not node.float
    }
    return PlainModel(changed, plain.weights), kept_grids


def _rounded(name: str) -> str:
    return f"{name}{_ROUNDED}"
