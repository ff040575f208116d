"""GPTQ: weights are rounded one after another, and those not rounded yet compensate the error of each.

The nearest code of each weight does not minimize the error of a layer's output: errors of weights with correlated
inputs can cancel. Frantar et al. 2022, "GPTQ" (arXiv:2210.17323), which is Frantar and Alistarh's "Optimal Brain
Compression" (arXiv:2208.11580) with one order of rounding for all output channels.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.exporting.int8.fake_quant import padded
from edgeall.exporting.int8.ir import Floats, Graph, Node
from edgeall.exporting.int8.quant_params import weight_limit

Doubles = npt.NDArray[np.float64]

_MAX_ROWS = 20_000
"""Positions of the input tensor, over all images, that enter the second moments at most."""
_MAX_PATCH_VALUES = 32 << 20
"""Values of patches that are extracted at a time."""
_MAX_INPUTS = 4608
"""Inputs of one output, at most: 3 x 3 x 512. Larger kernels (dense layers after flattening) get the nearest codes."""
_DAMPING = 0.01
"""Share of the mean diagonal of the second moments that is added to the diagonal, as in the paper."""
_BLOCK = 64


def round_kernel(graph: Graph, node: Node, kernel: Floats, scale: Floats, bits: int, value: Any) -> Floats:
    """`kernel` rounded to multiples of `scale`, broadcastable to it, with the least change of the node's output.

    Depthwise kernels, with nine 8-bit weights and a scale for each channel, get the nearest codes. So do dense layers
    after flattening.

    Args:
        value: the node's input, float32 (n, height, width, channels) or (n, units).
    """
    limit, steps = weight_limit(node.kind, bits), kernel / scale
    target = steps.reshape(-1, kernel.shape[-1]).astype(np.float64)
    if node.kind == "depthwise" or len(target) > _MAX_INPUTS:
        codes = np.clip(np.rint(steps), -limit, limit)
    else:
        rows = _input_rows(graph, node, kernel.shape, value)
        codes = _gptq_codes(target, limit, (rows.T @ rows).astype(np.float64))
    return np.asarray(codes.reshape(kernel.shape) * scale, np.float32)


def _input_rows(graph: Graph, node: Node, shape: tuple[int, ...], value: Any) -> Floats:
    """The inputs of a kernel of `shape` at `_MAX_ROWS` positions at most: (positions, height * width * channels)."""
    from keras import ops

    if node.kind == "dense":
        return np.asarray(ops.convert_to_numpy(value))
    rng, window = np.random.default_rng(0), (shape[0], shape[1])
    images, places = len(value), node.shape[0] * node.shape[1]
    together = max(1, _MAX_PATCH_VALUES // (places * int(np.prod(shape[:3]))))
    found = []
    for first in range(0, images, together):
        part, padding = padded(graph, node, value[first : first + together], window)
        if window == (1, 1):
            patches = part[:, :: node.strides[0], :: node.strides[1], :]
        else:
            patches = ops.image.extract_patches(
                part, window, strides=node.strides, dilation_rate=node.dilation, padding=padding
            )
        rows = np.asarray(ops.convert_to_numpy(patches)).reshape(-1, patches.shape[-1])
        most = -(-_MAX_ROWS * len(part) // images)
        found.append(rows if len(rows) <= most else rows[rng.choice(len(rows), most, replace=False)])
    return np.concatenate(found)


def _gptq_codes(target: Doubles, limit: int, moments: Doubles) -> Doubles:
    """Codes of magnitude `limit` at most for `target`, (k, outputs), in units of the scale.

    `moments`, (k, k): second moments of the k inputs of an output, summed over positions.
    """
    power, k = np.diag(moments), len(target)
    # Inputs of the largest power first, while most weights are left to compensate their errors.
    order = np.argsort(-power, kind="stable")
    damped = moments[np.ix_(order, order)] + _DAMPING * max(float(power.mean()), 1e-12) * np.eye(k)
    # Row i: the change of each later weight for an error of one in weight i.
    update = _inverse_factor(damped)
    remaining, codes = target[order], np.empty_like(target)
    for first in range(0, k, _BLOCK):
        last = min(first + _BLOCK, k)
        errors = np.empty((last - first, target.shape[1]))
        for i in range(first, last):
            codes[i] = np.clip(np.rint(remaining[i]), -limit, limit)
            errors[i - first] = remaining[i] - codes[i]
            remaining[i + 1 : last] -= update[i, i + 1 : last, None] * errors[i - first]
        remaining[last:] -= update[first:last, last:].T @ errors
    found = np.empty_like(codes)
    found[order] = codes
    return found


def _inverse_factor(moments: Doubles) -> Doubles:
    """The upper Cholesky factor of the inverse of `moments`, (k, k), each row divided by its diagonal.

    Computed from the factor of the reversed matrix, whose triangular inverse it is: a third of the work of an inverse.
    """
    from scipy.linalg import cholesky, solve_triangular

    lower = cholesky(moments[::-1, ::-1], lower=True, check_finite=False)
    upper = lower[::-1, ::-1]
    factor = solve_triangular(upper, np.eye(len(upper)), check_finite=False)
    return np.asarray(factor / np.diag(factor)[:, None])
