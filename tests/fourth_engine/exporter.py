"""The Keras model's frozen graph to a list of NumPy's operators."""

import json
from pathlib import Path
from typing import Any

from edgeall.fourth_engine.runtime import KERNELS

from edgeall.artifact import Metadata, TensorInfo, Tensors
from edgeall.errors import ExportError
from edgeall.exporting.frozen import INPUT, OUTPUT, place_of
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.source_models import Sources

NEEDS = ()
PACKAGES = ("keras", "tensorflow")
QUANTIZER = None


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(sources.graph.read_bytes())
    nodes = {node.name: node for node in graph.node}

    def source(name: str) -> Any:
        node = nodes[name.partition(":")[0]]
        return source(node.input[0]) if node.op == "Identity" else node

    steps: list[list[Any]] = []
    node = source(OUTPUT)
    while node.op != "Placeholder":
        if node.op not in KERNELS:
            raise ExportError(f"{place_of(node.name)}: NumPy has no operator for TensorFlow's {node.op}")
        constants = [tf.make_ndarray(source(name).attr["value"].tensor).tolist() for name in node.input[1:]]
        steps.insert(0, [node.op, *constants])
        node = source(node.input[0])
    size = sources.pixels.size
    classes = len(next(step[1] for step in reversed(steps) if step[0] == "AddV2"))
    document = {"steps": steps, "input": [size, size, 3], "output": [classes]}
    out.write_text(json.dumps(document), encoding="utf-8")


def tensors(path: Path) -> Tensors:
    network = json.loads(path.read_text(encoding="utf-8"))
    return Tensors(
        TensorInfo(INPUT, (1, *network["input"]), "float32"),
        TensorInfo(OUTPUT, (1, *network["output"]), "float32"),
    )


def describe(path: Path, metadata: Metadata) -> None:
    """The format has no fields of its own to fill."""
