"""Corrects weight scales of a model that ONNX Runtime quantized, so that they represent its biases.

A bias is stored in units of input scale times weight scale. Where all weights of a channel are zero, as after folding
BatchNormalization, ONNX Runtime (1.32) uses a weight scale of 1, and rounds a bias below half an input scale to zero.
Where the weights are so small that the bias is near 2 ** 31 units, the 32-bit sum of products overflows.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_STEPS = 2.0**29
"""Units of a bias, at most: a quarter of the range of 32 bits, and exact to one part in a billion."""
_NO_STEP = float(np.finfo(np.float32).tiny)
"""Engines treat a scale as small as this as zero."""
_SUFFIX = "_quantized"
Array = npt.NDArray[Any]


def refit(quantized: Path, floats: Path) -> None:
    """Replace weight scales in the file `quantized` that do not fit the biases of the float model `floats`.

    Weights and bias of these channels are rounded again. All others stay as they are.
    """
    import onnx

    model = onnx.load(quantized)
    file = _File(model.graph, onnx)
    original = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(floats).graph.initializer}
    by_kernel: dict[str, list[_Pair]] = defaultdict(list)
    for node in model.graph.node:
        pair = file.pair(node)
        if pair is not None and pair.kernel_name in original and pair.bias_name in original:
            by_kernel[pair.kernel].append(pair)
    for pairs in by_kernel.values():
        # A kernel of several nodes has one scale for all.
        least = np.max([pair.least(original[pair.bias_name]) for pair in pairs], axis=0)
        if _refit_kernel(file, pairs[0], least, original[pairs[0].kernel_name]):
            for pair in pairs:
                _refit_bias(file, pair, original[pair.bias_name])
    onnx.save(model, quantized)


@dataclass(frozen=True)
class _Pair:
    """Kernel and bias of a node: names of their codes and scales, the channel axis, and the input scale."""

    kernel: str
    kernel_scale: str
    axis: int
    bias: str
    bias_scale: str
    input_step: float
    channels: int

    @property
    def kernel_name(self) -> str:
        return self.kernel.removesuffix(_SUFFIX)

    @property
    def bias_name(self) -> str:
        return self.bias.removesuffix(_SUFFIX)

    def least(self, bias: Array) -> Array:
        """The smallest weight scales at which the bias fits, (channels,) or (1,)."""
        found = np.abs(bias.astype(np.float64)).reshape(-1) / (self.input_step * _MOST_STEPS)
        return found if self.channels > 1 else found.max(keepdims=True)


class _File:
    def __init__(self, graph: Any, onnx: Any) -> None:
        self._onnx = onnx
        self._constants = {each.name: each for each in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}

    def value(self, name: str) -> Array:
        found: Array = self._onnx.numpy_helper.to_array(self._constants[name])
        return found

    def replace(self, name: str, value: Array) -> None:
        old = self.value(name)
        made = self._onnx.numpy_helper.from_array(value.astype(old.dtype).reshape(old.shape), name)
        self._constants[name].CopyFrom(made)

    def pair(self, node: Any) -> _Pair | None:
        """The pair of a node; None without quantized kernel and bias."""
        if node.op_type not in ("Conv", "ConvTranspose", "Gemm") or len(node.input) < 3:
            return None
        makers = [self._makers[name] for name in node.input[:3] if name in self._makers]
        if [each.op_type for each in makers] != ["DequantizeLinear"] * 3:
            return None
        source, kernel, bias = makers
        names = (*kernel.input[:2], *bias.input[:2], source.input[1])
        if any(name not in self._constants for name in names):
            return None
        axis = next((each.i for each in kernel.attribute if each.name == "axis"), 1)
        step = float(self.value(source.input[1]).reshape(-1)[0])
        channels = self.value(kernel.input[1]).size
        return _Pair(kernel.input[0], kernel.input[1], axis, bias.input[0], bias.input[1], step, channels)


def _refit_kernel(file: _File, pair: _Pair, least: Array, kernel: Array) -> bool:
    """Round channels of `kernel` again whose scale is below `least` or whose codes are zero; whether there are any."""
    steps, codes = file.value(pair.kernel_scale).reshape(-1).astype(np.float64), file.value(pair.kernel)
    shape = [1] * codes.ndim
    if pair.channels > 1:
        shape[pair.axis] = pair.channels
    dead = ~codes.any(axis=tuple(axis for axis in range(codes.ndim) if shape[axis] == 1)).reshape(-1)
    # Channels of zeros allow any scale.
    wanted = np.where(dead & (least > _NO_STEP), least, np.maximum(steps, least))
    changed = (wanted != steps).reshape(shape)
    if not changed.any():
        return False
    file.replace(pair.kernel_scale, wanted)
    file.replace(pair.kernel, np.where(changed, np.rint(kernel / wanted.reshape(shape)), codes))
    return True


def _refit_bias(file: _File, pair: _Pair, bias: Array) -> None:
    step = file.value(pair.kernel_scale).reshape(-1).astype(np.float64) * pair.input_step
    file.replace(pair.bias, np.rint(bias / step))
    file.replace(pair.bias_scale, step)
