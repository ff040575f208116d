"""Layers kept in float32 inside an INT8 model: those whose rounding its answer feels most.

A tensor escapes rounding only where both what makes it and what reads it compute in float. What a pool, a padding or a
flattening reads has to stay in float behind that too: these hand on values as they are, or would round them after all.
What a concatenation reads cannot: in float it would need every other tensor that it joins in float too.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from edgeall.exporting.int8.fake_quant import partly_rounded_model
from edgeall.exporting.int8.ir import SAME_SCALE, WEIGHTED, Floats, Graph, Node, PlainModel, Weights, rounds
from edgeall.exporting.int8.quant_params import Grid
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress

_ROUNDED = ":rounded"
_LEAST_COST = 1e-3
"""Share of the multiplications that a tensor costs at least: operators without any are not free in float either."""


def disturbances(
    plain: PlainModel,
    grids: Mapping[str, Grid],
    images: ByteImage,
    mapping: PixelMapping,
    progress: Progress = SILENT,
) -> dict[str, float]:
    """How far the answer moves when one tensor alone is rounded: standard deviation, of logits, over `images`.

    Of each tensor that can stay in float. A mean shift is left out: correcting biases undoes it. `images`: RGB bytes
    (n, size, size, 3), which go through together, once a tensor.
    """
    graph = plain.graph
    joined = {name for node in graph.nodes if node.kind == "concat" for name in node.inputs}
    names = [
        node.name
        for node in graph.nodes[:-1]
        if rounds(node) and joined.isdisjoint(_handed_on(graph, [node.name]))
    ]
    model = partly_rounded_model(plain, grids, names)
    tensors = mapping.apply(images)

    def answer(shares: Floats) -> Floats:
        return np.asarray(model.predict_on_batch([tensors, np.tile(shares, (len(tensors), 1))]))

    exact = answer(np.zeros(len(names), np.float32))
    found = {}
    with progress.stage("sensing tensors", len(names)) as advance:
        for name, alone in zip(names, np.eye(len(names), dtype=np.float32), strict=True):
            found[name] = float((answer(alone) - exact).std(axis=0).max())
            advance(1)
    return found


def keep_in_float(
    plain: PlainModel, grids: Mapping[str, Grid], tensors: Collection[str]
) -> tuple[PlainModel, dict[str, Grid]]:
    """`plain` with what makes or reads one of `tensors` computed in float32, and the grids of the rest, as they were.

    Concatenations stay in INT8.
    """
    graph = plain.graph
    kept = _computed_in_float(graph, tensors)
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


def by_worth(plain: PlainModel, moved: Mapping[str, float]) -> list[str]:
    """The tensors of `moved` (see `disturbances`), first the one that is most worth leaving unrounded.

    Its worth is the square of its effect, as independent errors add, beside the multiplications that it takes into
    float; those that the tensors before it have taken there are free.
    """
    graph, work = plain.graph, _work(plain.graph, plain.weights)
    reached = {name: _computed_in_float(graph, [name]) for name in moved}
    ordered: list[str] = []
    taken: set[str] = set()

    def worth(name: str) -> float:
        cost = sum(work.get(node, 0.0) for node in reached[name] - taken)
        return moved[name] ** 2 / max(cost, _LEAST_COST)

    while len(ordered) < len(moved):
        best = max((name for name in moved if name not in ordered), key=worth)
        ordered.append(best)
        taken |= reached[best]
    return ordered


def float_share(graph: Graph, weights: Mapping[str, Weights]) -> float:
    """Of the multiplications of one inference, how many are computed in float32: 0 to 1."""
    work = _work(graph, weights)
    return sum(work[name] for name in work if graph.by_name[name].float)


def _work(graph: Graph, weights: Mapping[str, Weights]) -> dict[str, float]:
    """Of each weighted node, its share of the multiplications of one inference."""
    work = {
        node.name: float(np.prod(node.shape[:-1])) * weights[node.name].kernel.size
        for node in graph.nodes
        if node.kind in WEIGHTED
    }
    whole = sum(work.values())
    return {name: each / whole for name, each in work.items()}


def _computed_in_float(graph: Graph, tensors: Collection[str]) -> set[str]:
    """What makes or reads one of `tensors`, or the same values further on."""
    unrounded = _handed_on(graph, tensors)
    return {
        node.name
        for node in graph.nodes
        if node.kind != "concat" and (node.name in unrounded or not unrounded.isdisjoint(node.inputs))
    }


def _handed_on(graph: Graph, tensors: Collection[str]) -> set[str]:
    """`tensors`, and those that hold the same values further on."""
    found = set(tensors)
    for node in graph.nodes:
        if node.kind in SAME_SCALE and node.kind != "concat" and not found.isdisjoint(node.inputs):
            found.add(node.name)
    return found


def _rounded(name: str) -> str:
    return f"{name}{_ROUNDED}"
