"""Quantization parameters: scale and zero point of activations, scales of weights."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeall.exporting.int8.ir import Floats, FloatWeights

STEPS = 255
"""Steps between the lowest and the highest of 256 codes."""


@dataclass(frozen=True)
class QuantParams:
    """Of an activation: value = scale * (code - zero_point), code 0 to 255.

    TFLite's int8 codes and zero points are lower by 128.
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
"""The parameters that TFLite prescribes for the INT8 outputs of sigmoid and softmax. Other formats use the same."""


def params_for_range(low: float, high: float, steps: int = STEPS) -> QuantParams:
    """Parameters that cover `low` to `high` in `steps`. The range is widened to hold zero, and zero is a code."""
    low, high = min(low, 0.0), max(high, 0.0)
    # Rounded to float32, which the formats store.
    scale = float(np.float32(max(high - low, 1e-6) / steps))
    return QuantParams(scale, int(np.clip(round(-low / scale), 0, STEPS)))


def weight_limit(kind: str, bits: int) -> int:
    """The largest magnitude of a weight code.

    x86 processors without VNNI add two products of uint8 and int8 in 16 bits. 7-bit weights cannot overflow them:
    2 * 255 * 64 < 2 ** 15. Depthwise convolutions use other kernels, and lose most by a missing bit.
    """
    return 127 if kind == "depthwise" or bits == 8 else 64


def weight_axes(kind: str) -> tuple[int, ...]:
    """Axes of a kernel that share one scale: per-channel for convolutions, per-tensor for dense layers.

    Per-channel dense layers need TFLite operators that interpreters before 2024 refuse.
    """
    return {"conv": (0, 1, 2), "depthwise": (0, 1), "dense": (0, 1)}[kind]


def weight_scale(kernel: Floats, kind: str, bits: int) -> Floats:
    """The smallest scales that hold a kernel's largest weights, broadcastable to it."""
    peak = np.abs(kernel.astype(np.float64)).max(axis=weight_axes(kind), keepdims=True)
    return np.asarray(np.maximum(peak / weight_limit(kind, bits), 1e-12), np.float32)


def quantize_weights(
    weights: FloatWeights, kind: str, bits: int, source: QuantParams, result: QuantParams
) -> tuple[npt.NDArray[np.int8], Floats, npt.NDArray[np.int32]]:
    """Integer weights.

    Args:
        source, result: parameters of the input and output activations.

    Returns:
        Codes of the kernel (its shape); its scales, (channels,) or (1,); codes of the bias in steps of
        `source.scale` times these scales.
    """
    limit, kernel, bias = weight_limit(kind, bits), weights.kernel, weights.bias.astype(np.float64)
    scale = (weight_scale(kernel, kind, bits) if weights.scale is None else weights.scale).astype(np.float64)
    # Channels of tiny weights need a scale at which the bias fits 32 bits, and engines accept the requantization ratio.
    by_bias = np.abs(bias) / (source.scale * 2.0**29)
    least = by_bias.reshape(scale.shape) if kind != "dense" and scale.size == bias.size else by_bias.max()
    scale = np.maximum(scale, np.maximum(least, result.scale / source.scale * 2.0**-22))
    flat = scale.reshape(-1).astype(np.float32)
    codes = np.clip(np.rint(kernel / flat.reshape(scale.shape)), -limit, limit).astype(np.int8)
    return codes, flat, np.rint(bias / (source.scale * flat.astype(np.float64))).astype(np.int32)
