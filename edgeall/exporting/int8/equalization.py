"""Channel equalization: a tensor's channels share one scale, so those that hardly move are rounded to nothing.

Where whatever makes a tensor and whatever reads it is a convolution or dense layer, a channel can be made smaller in
the first and larger in the second, and the network computes the same: Nagel et al. 2019 (arXiv:1906.04721), section
4.1; how much of a channel's range moves into the weights that read it: Xiao et al. 2023 (arXiv:2211.10438).
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

_TIED: tuple[Kind, ...] = ("add", "concat", "mean", "max_pool", "average_pool", "pad")
"""Kinds that work a channel at a time and keep its factor; what an addition joins has one factor."""
_MOVED = 0.5
"""Power of a channel's range that goes into the weights that read it, which share a scale over all they read. Of 0, .5,
.8 and 1, nearest to float after bias correction on validation images (MobileNetV2, C-NMC)."""
_MOST = 64.0
_BATCH = 4


@dataclass(frozen=True)
class _Bundle:
    """Tensors whose channels' factors hang together: what makes them, and what reads them.

    A convolution may do both, where a tensor that it reads is concatenated with what it makes.
    """

    nodes: Sequence[Node]
    readers: Sequence[Node]

    @property
    def makers(self) -> list[Node]:
        return [node for node in self.nodes if node.kind in WEIGHTED]

    @property
    def scalable(self) -> bool:
        """Whether weights on both sides can take a factor a channel, and no ReLU6 has a cap that would move."""
        return (
            bool(self.readers)
            and bool(self.makers)
            and all(node.kind in (*WEIGHTED, *_TIED) for node in self.nodes)
            and all(node.kind in WEIGHTED for node in self.readers)
            and all(node.activation != "relu6" for node in self.nodes)
            and not {"add", "concat"} <= {node.kind for node in self.nodes}
        )

    def places(self) -> dict[str, npt.NDArray[np.int64]]:
        """For each tensor, which of the bundle's factors each channel has.

        Tensors that are added or passed on have the same; what a concatenation joins have each their own.
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


def equalize(plain: IrModel, images: ByteImage, mapping: PixelMapping) -> IrModel:
    """`plain` with channels of more equal range over `images`, RGB bytes (n, size, size, 3), streamed.

    Equal to `plain` but for float rounding, on any images. Channels before ReLU6, whose cap holds for all, stay.
    """
    weights = dict(plain.weights)
    peaks = _channel_peaks(plain, images, mapping)
    for bundle in _bundles(plain.graph):
        # Depthwise kernels with several outputs a channel keep their own factors; no backbone has them.
        weighted = [node for node in (*bundle.nodes, *bundle.readers) if node.kind in WEIGHTED]
        if not bundle.scalable or any(
            node.kind == "depthwise" and weights[node.name].kernel.shape[3] != 1 for node in weighted
        ):
            continue
        places = bundle.places()
        factor = _factors(bundle, places, weights, peaks)
        for node in bundle.makers:
            weights[node.name] = _scaled_output(weights[node.name], node.kind, factor[places[node.name]])
        for node in bundle.readers:
            weights[node.name] = _scaled_input(weights[node.name], 1 / factor[places[node.inputs[0]]])
    return IrModel(plain.graph, weights)


def _channel_peaks(plain: IrModel, images: ByteImage, mapping: PixelMapping) -> dict[str, Floats]:
    """The largest magnitude of each channel of each tensor."""
    model = float_model(plain, every_tensor=True)
    peaks: dict[str, Floats] = {}
    for start in range(0, len(images), _BATCH):
        for name, values in model.predict_on_batch(mapping.apply(images[start : start + _BATCH])).items():
            found = np.abs(np.asarray(values)).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[name] = np.maximum(peaks.get(name, np.float32(0)), found)
    return peaks


def _bundles(graph: Graph) -> list[_Bundle]:
    leader = {node.name: node.name for node in graph.nodes}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for node in graph.nodes:
        if node.kind in _TIED:
            for source in node.inputs:
                leader[find(source)] = find(node.name)
    members: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        members[find(node.name)].append(node)
    return [
        _Bundle(
            nodes,
            [
                reader
                for reader in graph.nodes
                if reader.kind not in _TIED and any(find(source) == name for source in reader.inputs)
            ],
        )
        for name, nodes in members.items()
    ]


def _factors(
    bundle: _Bundle,
    places: Mapping[str, npt.NDArray[np.int64]],
    weights: Mapping[str, FloatWeights],
    peaks: Mapping[str, Floats],
) -> npt.NDArray[np.float64]:
    """A factor a channel: 1 in the geometric mean, the median for channels that never move."""
    # A depthwise kernel has a scale a channel, and takes any factor for nothing.
    moved = 1.0 if all(node.kind == "depthwise" for node in bundle.readers) else _MOVED
    range_, heard = np.zeros((2, 1 + max(int(each.max()) for each in places.values())))
    for node in bundle.nodes:
        np.maximum.at(range_, places[node.name], peaks[node.name])
    for node in bundle.readers:
        np.maximum.at(heard, places[node.inputs[0]], _share_heard(weights[node.name].kernel, node.kind))
    moving = range_ > 1e-6 * max(float(range_.max()), 1e-30)
    if not moving.any():
        return np.ones_like(range_)
    factor = np.ones_like(range_)
    factor[moving] = np.maximum(heard[moving], 1e-6) ** (1 - moved) / range_[moving] ** moved
    factor[~moving] = np.median(factor[moving])
    return np.asarray(np.clip(factor / np.exp(np.log(factor).mean()), 1 / _MOST, _MOST), np.float64)


def _share_heard(kernel: Floats, kind: Kind) -> npt.NDArray[np.float64]:
    """Of each input channel, the largest weight beside the largest that shares its scale."""
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
