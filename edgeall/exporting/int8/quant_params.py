"""The 8-bit grids on which INT8 tensors live."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeall.exporting.int8.ir import Floats, FloatWeights

STEPS = 255
"""Steps between the lowest and the highest of 256 values."""


@dataclass(frozen=True)
class QuantParams:
    """An activation's 256 values: scale * (code - zero_point), code 0 to 255.

    TFLite's int8 has the same values with code and zero point lowered by 128.
    """

    scale: float
    zero_point: int

    @property
    def low(self) -> float:
        return -self.zero_point * self.scale

    @property
    def high(self) -> float:
        return (STEPS - self.zero_point) * self.scale


PROBABILITY = QuantParams(1.0 / 256.0, 0)
"""The one grid on which TFLite computes the INT8 sigmoid and softmax; the other formats follow."""


def params_for_range(low: float, high: float, steps: int = STEPS) -> QuantParams:
    """The grid of `steps` from `low` to `high`, widened to hold zero and moved so that a code is exactly zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    # Of float32, because that is what the formats keep.
    scale = float(np.float32(max(high - low, 1e-6) / steps))
    return QuantParams(scale, int(np.clip(round(-low / scale), 0, STEPS)))


def weight_limit(kind: str, bits: int) -> int:
    """The largest weight code, of either sign.

    x86 processors without VNNI add two products of uint8 and int8 in 16 bits. 7-bit weights cannot overflow them:
    2 * 255 * 64 < 2 ** 15. Depthwise convolutions are not computed that way, and need the eighth bit most.
    """
    return 127 if kind == "depthwise" or bits == 8 else 64


def weight_axes(kind: str) -> tuple[int, ...]:
    """Axes of a kernel over which one scale holds: all but the output channels; all for dense layers.

    A scale per unit in dense layers needs TFLite operators that interpreters before 2024 refuse.
    """
    return {"conv": (0, 1, 2), "depthwise": (0, 1), "dense": (0, 1)}[kind]


def weight_scale(kernel: Floats, kind: str, bits: int) -> Floats:
    """The steps in which a kernel's largest weights are just held; broadcasts to it."""
    peak = np.abs(kernel.astype(np.float64)).max(axis=weight_axes(kind), keepdims=True)
    return np.asarray(np.maximum(peak / weight_limit(kind, bits), 1e-12), np.float32)


def quantize_weights(
    weights: FloatWeights, kind: str, bits: int, source: QuantParams, result: QuantParams
) -> tuple[npt.NDArray[np.int8], Floats, npt.NDArray[np.int32]]:
    """Codes of a kernel (its shape), scales (one an output channel, or one), codes of the bias at source * scale."""
    limit, kernel, bias = weight_limit(kind, bits), weights.kernel, weights.bias.astype(np.float64)
    scale = (weight_scale(kernel, kind, bits) if weights.scale is None else weights.scale).astype(np.float64)
    # A channel that hardly listens to its input must still have a bias that fits, and a ratio that engines accept.
    by_bias = np.abs(bias) / (source.scale * 2.0**29)
    least = by_bias.reshape(scale.shape) if kind != "dense" and scale.size == bias.size else by_bias.max()
    scale = np.maximum(scale, np.maximum(least, result.scale / source.scale * 2.0**-22))
    flat = scale.reshape(-1).astype(np.float32)
    codes = np.clip(np.rint(kernel / flat.reshape(scale.shape)), -limit, limit).astype(np.int8)
    return codes, flat, np.rint(bias / (source.scale * flat.astype(np.float64))).astype(np.int32)
