"""Cross-layer equalization: a tensor's channels share one scale, and channels of small range lose most by rounding.

Between two convolutions or dense layers, a channel can be scaled down in the first and up in the second, and the
network's output stays the same: Nagel et al. 2019 (arXiv:1906.04721), section 4.1. The share of a channel's range that
moves into the weights that read it: Xiao et al. 2023 (arXiv:2211.10438).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.exporting.int8.fake_quant import float_model
from edgeall.exporting.int8.ir import WEIGHTED, Floats, FloatWeights, Graph, IrModel, Kind, Node
from edgeall.pixels import ByteImage, PixelMapping

_CHANNELWISE: tuple[Kind, ...] = ("add", "concat", "mean", "max_pool", "average_pool", "pad")
"""Kinds that operate on each channel alone and keep its factor. Inputs of an addition have the same factors."""
_RANGE_EXPONENT = 0.5
"""Exponent of a channel's range in its factor: the share that moves into the weights that read it. Of 0, .5, .8 and 1,
the nearest to float after bias correction on validation images (MobileNetV2, C-NMC)."""
_MAX_FACTOR = 64.0
_BATCH = 4


@dataclass(frozen=True)
class _ChannelGroup:
    """Tensors that share their channels' factors, and the nodes that read them.

    A convolution can be both, where its input is concatenated with its output.
    """

    nodes: Sequence[Node]
    consumers: Sequence[Node]

    @property
    def producers(self) -> list[Node]:
        return [node for node in self.nodes if node.kind in WEIGHTED]

    @property
    def scalable(self) -> bool:
        """Whether weights on both sides can take a factor a channel. ReLU6 rules it out, because its cap would move."""
        return (
            bool(self.consumers)
            and bool(self.producers)
            and all(node.kind in (*WEIGHTED, *_CHANNELWISE) for node in self.nodes)
            and all(node.kind in WEIGHTED for node in self.consumers)
            and all(node.activation != "relu6" for node in self.nodes)
            and not {"add", "concat"} <= {node.kind for node in self.nodes}
        )

    def factor_indices(self) -> dict[str, npt.NDArray[np.int64]]:
        """For each tensor, the index of each channel's factor, (channels,).

        Tensors that are added or passed on share factors. Tensors that are concatenated have their own.
        """
        joined = any(node.kind == "concat" for node in self.nodes)
        found: dict[str, npt.NDArray[np.int64]] = {}
        first = 0
        for node in self.nodes:
            if node.kind in WEIGHTED:
                found[node.name] = first + np.arange(node.shape[-1])
                first += node.shape[-1] if joined else 0
            else:
                sources = [found[name] for name in node.inputs]
                found[node.name] = np.concatenate(sources) if node.kind == "concat" else sources[0]
        return found


def equalize(ir: IrModel, images: ByteImage, mapping: PixelMapping) -> IrModel:
    """`ir` with channels of more equal range over `images`, RGB bytes (n, size, size, 3), streamed.

    On any images the output equals that of `ir` up to float rounding. Channels before ReLU6 stay as they are.
    """
    weights = dict(ir.weights)
    peaks = _channel_peaks(ir, images, mapping)
    for group in _channel_groups(ir.graph):
        # Depthwise kernels with several outputs a channel are left out; no backbone has them.
        weighted = [node for node in (*group.nodes, *group.consumers) if node.kind in WEIGHTED]
        if not group.scalable or any(
            node.kind == "depthwise" and weights[node.name].kernel.shape[3] != 1 for node in weighted
        ):
            continue
        factor_indices = group.factor_indices()
        factor = _factors(group, factor_indices, weights, peaks)
        for node in group.producers:
            weights[node.name] = _scaled_output(
                weights[node.name], node.kind, factor[factor_indices[node.name]]
            )
        for node in group.consumers:
            weights[node.name] = _scaled_input(weights[node.name], 1 / factor[factor_indices[node.inputs[0]]])
    return IrModel(ir.graph, weights)


def _channel_peaks(ir: IrModel, images: ByteImage, mapping: PixelMapping) -> dict[str, Floats]:
    """The largest magnitude of each channel of each tensor."""
    model = float_model(ir, every_tensor=True)
    peaks: dict[str, Floats] = {}
    for start in range(0, len(images), _BATCH):
        for name, values in model.predict_on_batch(mapping.apply(images[start : start + _BATCH])).items():
            found = np.abs(np.asarray(values)).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, np.float32(0)), found)
    return peaks


def _channel_groups(graph: Graph) -> list[_ChannelGroup]:
    leader = {node.name: node.name for node in graph.nodes}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for node in graph.nodes:
        if node.kind in _CHANNELWISE:
            for source in node.inputs:
                leader[find(source)] = find(node.name)
    members: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        members[find(node.name)].append(node)
    return [
        _ChannelGroup(
            nodes,
            [
                consumer
                for consumer in graph.nodes
                if consumer.kind not in _CHANNELWISE
                and any(find(source) == name for source in consumer.inputs)
            ],
        )
        for name, nodes in members.items()
    ]


def _factors(
    group: _ChannelGroup,
    factor_indices: Mapping[str, npt.NDArray[np.int64]],
    weights: Mapping[str, FloatWeights],
    peaks: Mapping[str, Floats],
) -> npt.NDArray[np.float64]:
    """A factor a channel, with a geometric mean of 1. Channels that are always zero get the median."""
    # A depthwise kernel has per-channel scales, and loses nothing by any factor.
    exponent = 1.0 if all(node.kind == "depthwise" for node in group.consumers) else _RANGE_EXPONENT
    ranges, weight_shares = np.zeros((2, 1 + max(int(each.max()) for each in factor_indices.values())))
    for node in group.nodes:
        np.maximum.at(ranges, factor_indices[node.name], peaks[node.name])
    for node in group.consumers:
        np.maximum.at(
            weight_shares,
            factor_indices[node.inputs[0]],
            _input_weight_shares(weights[node.name].kernel, node.kind),
        )
    active = ranges > 1e-6 * max(float(ranges.max()), 1e-30)
    if not active.any():
        return np.ones_like(ranges)
    factor = np.ones_like(ranges)
    factor[active] = np.maximum(weight_shares[active], 1e-6) ** (1 - exponent) / ranges[active] ** exponent
    factor[~active] = np.median(factor[active])
    return np.asarray(
        np.clip(factor / np.exp(np.log(factor).mean()), 1 / _MAX_FACTOR, _MAX_FACTOR), np.float64
    )


def _input_weight_shares(kernel: Floats, kind: Kind) -> npt.NDArray[np.float64]:
    """For each input channel, the largest weight relative to the largest that shares its scale."""
    size = np.abs(kernel.astype(np.float64))
    if kind == "depthwise":
        return np.ones(kernel.shape[2])
    axes: Any = (0, 1, 2) if kind == "conv" else (0, 1)
    relative = size / np.maximum(size.max(axis=axes, keepdims=True), 1e-12)
    found: npt.NDArray[np.float64] = relative.max(axis=(0, 1, 3) if kind == "conv" else 1)
    return found


def _scaled_output(weights: FloatWeights, kind: Kind, factor: npt.NDArray[np.float64]) -> FloatWeights:
    by_channel = factor[:, None] if kind == "depthwise" else factor
    return FloatWeights(
        (weights.kernel * by_channel).astype(np.float32), (weights.bias * factor).astype(np.float32)
    )


def _scaled_input(weights: FloatWeights, factor: npt.NDArray[np.float64]) -> FloatWeights:
    return FloatWeights((weights.kernel * factor[:, None]).astype(np.float32), weights.bias)
