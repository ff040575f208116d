"""An INT8 model as data, the same for all formats, and its .npz file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import documents, files
from edgeall.arrays import read_arrays
from edgeall.errors import ExportError
from edgeall.exporting.int8.ir import Floats, FloatWeights, Graph, Node
from edgeall.exporting.int8.quant_params import QuantParams, quantize_weights

SCHEMA = 3


@dataclass(frozen=True)
class IntWeights:
    """Integer weights of a node.

    Attributes:
        kernel: int8, laid out as `ir.FloatWeights.kernel`; value = scale * code, a scale an output channel.
        scale: float32, one an output channel, or one in all for dense layers.
        bias: int32, in steps of the input's scale times `scale`.
    """

    kernel: npt.NDArray[np.int8]
    scale: Floats
    bias: npt.NDArray[np.int32]


@dataclass(frozen=True)
class QuantizedModel:
    """One set of weights, scales and zero points for every format.

    Attributes:
        quant_params: of each group of tensors (`Graph.groups`).
        weight_bits: 7 or 8, see `quant_params.weight_limit`.
    """

    graph: Graph
    weights: Mapping[str, IntWeights] = field(repr=False)
    quant_params: Mapping[str, QuantParams] = field(repr=False)
    weight_bits: int

    def params_of(self, name: str) -> QuantParams:
        """Quantization parameters of the tensor `name`."""
        return self.quant_params[self.graph.groups[name]]


def freeze(
    graph: Graph,
    weights: Mapping[str, FloatWeights],
    quant_params: Mapping[str, QuantParams],
    weight_bits: int,
) -> QuantizedModel:
    """Quantize float weights to integers."""
    whole = {}
    for name, pair in weights.items():
        node = graph.by_name[name]
        source, result = (quant_params[graph.groups[tensor]] for tensor in (node.inputs[0], name))
        whole[name] = IntWeights(*quantize_weights(pair, node.kind, weight_bits, source, result))
    return QuantizedModel(graph, whole, dict(quant_params), weight_bits)


@dataclass(frozen=True)
class _ModelSchema:
    schema: int


@dataclass(frozen=True)
class _ModelDocument:
    """The JSON document beside the arrays."""

    nodes: tuple[Node, ...]
    grids: dict[str, tuple[float, int]]
    weight_bits: int
    weighted: tuple[str, ...]


def save(model: QuantizedModel, path: Path) -> None:
    """Write `model` to `path`, a .npz without pickles."""
    document = {
        "schema": SCHEMA,
        "nodes": [dataclasses.asdict(node) for node in model.graph.nodes],
        "grids": {name: [params.scale, params.zero_point] for name, params in model.quant_params.items()},
        "weight_bits": model.weight_bits,
        "weighted": list(model.weights),
    }
    arrays: dict[str, Any] = {"document": np.frombuffer(json.dumps(document).encode(), dtype=np.uint8)}
    for index, name in enumerate(model.weights):
        for part in ("kernel", "scale", "bias"):
            arrays[f"{index}_{part}"] = getattr(model.weights[name], part)
    with files.replacing(path) as part_path, part_path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> QuantizedModel:
    """Read what `save` wrote.

    Raises:
        ExportError: missing, damaged, or of another version.
    """
    try:
        arrays = read_arrays(path)
        content = documents.parse(arrays["document"].tobytes())
        if documents.build(_ModelSchema, content).schema != SCHEMA:
            raise ExportError(f"{path}: written by another version of edgeall; quantize the model again")
        document = documents.build(_ModelDocument, content)
        weights = {
            name: IntWeights(*(arrays[f"{index}_{part}"] for part in ("kernel", "scale", "bias")))
            for index, name in enumerate(document.weighted)
        }
        return QuantizedModel(
            graph=Graph(document.nodes),
            weights=weights,
            quant_params={name: QuantParams(scale, zero) for name, (scale, zero) in document.grids.items()},
            weight_bits=document.weight_bits,
        )
    except (ValueError, KeyError) as error:
        raise ExportError(f"{path}: not a quantized model ({error}); quantize the model again") from None
