"""Weights rounded one after another, the error of each made good by those that are still to be rounded.

The nearest code of each weight is not what changes a layer's results least: errors of weights that read correlated
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
"""Of a tensor, over all images, at which what a kernel reads is looked at."""
_MAX_PATCH_VALUES = 32 << 20
"""Numbers that are cut out of a tensor at a time."""
_MAX_INPUTS = 4608
"""Inputs of one output: 3 x 3 x 512. Wider kernels (dense layers after a flattening) take the nearest codes."""
_DAMPING = 0.01
"""Added to the diagonal of the inputs' second moments, in their mean: the paper's."""
_BLOCK = 64


def round_kernel(graph: Graph, node: Node, kernel: Floats, scale: Floats, bits: int, value: Any) -> Floats:
    """`kernel` on the grid of `scale`, which broadcasts to it, such that the node's results move least.

    `value`: the tensor that the node reads, float32 (n, height, width, channels) or (n, units). The codes of
    depthwise kernels, nine weights of eight bits and a scale for each channel, are the nearest ones; so are those of
    dense layers behind a flattening.
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
    """What a kernel of `shape` reads at `_POSITIONS` places at most: (places, height * width * channels)."""
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
    """Codes, whole numbers of magnitude `limit` at most, for `wanted`, (k, outputs), in units of a step.

    `moments`, (k, k): sums over places of the products of what the k weights of an output read.
    """
    power, k = np.diag(moments), len(target)
    # The most powerful inputs first, while most weights are left to make good what rounding does to them.
    order = np.argsort(-power, kind="stable")
    damped = moments[np.ix_(order, order)] + _DAMPING * max(float(power.mean()), 1e-12) * np.eye(k)
    # Row i: how far each later weight moves for an error of one in weight i.
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

    From the factor of the matrix turned round, whose triangular inverse it is: a third of the work of inverting first.
    """
    from scipy.linalg import cholesky, solve_triangular

    lower = cholesky(moments[::-1, ::-1], lower=True, check_finite=False)
    upper = lower[::-1, ::-1]
    factor = solve_triangular(upper, np.eye(len(upper)), check_finite=False)
    return np.asarray(factor / np.diag(factor)[:, None])
