"""Temperature scaling of an INT8 model: the factor of its logits that minimizes log-loss on validation images.

The factor multiplies the weight scales of the last dense layer and the scale of its output. Codes stay the same, so
that nothing is rounded again.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy

from edgeall.exporting.int8.ir import Floats, Graph
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.exporting.int8.quantized import QuantizedModel
from edgeall.exporting.int8.simulation import predict, simulate
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.statistics import fit_scale


def simulated_logits(model: QuantizedModel, images: ByteImage, mapping: PixelMapping) -> Floats:
    """Simulated inputs of the last sigmoid or softmax, (n, 1) or (n, k), for RGB bytes (n, size, size, 3)."""
    below = replace(model, graph=Graph(model.graph.nodes[:-1])) if _ends_in_probabilities(model) else model
    return predict(simulate(below), images, mapping)


def _ends_in_probabilities(model: QuantizedModel) -> bool:
    return model.graph.output.kind in ("sigmoid", "softmax")


def with_own_temperature(
    model: QuantizedModel, logits: Floats, truth: npt.NDArray[np.int64]
) -> tuple[QuantizedModel, Floats, float]:
    """`model` with scaled logits, these logits, and the factor.

    The factor is 1 where the last layer is not dense, or its output shares a scale with another tensor.

    Args:
        logits: inputs of the sigmoid or softmax for each validation image, (n, 1) or (n, k).
        truth: label index of each image, (n,).
    """
    if not _ends_in_probabilities(model):
        return model, logits, 1.0
    last = model.graph.by_name[model.graph.output.inputs[0]]
    group = model.graph.groups[last.name]
    shared = sum(leader == group for leader in model.graph.groups.values()) > 1
    if last.kind != "dense" or shared:
        return model, logits, 1.0
    factor = np.float32(fit_scale(logits.astype(np.float64), truth))
    params, weights = model.quant_params[group], model.weights[last.name]
    scale = np.asarray(weights.scale * factor, np.float32)
    quant_params = {
        **model.quant_params,
        group: QuantParams(float(np.float32(params.scale) * factor), params.zero_point),
    }
    changed = replace(
        model, weights={**model.weights, last.name: replace(weights, scale=scale)}, quant_params=quant_params
    )
    return changed, np.asarray(logits * factor, np.float32), float(factor)


def probabilities(model: QuantizedModel, logits: Floats) -> Floats:
    """The model's probabilities for `logits`, rounded to the codes of its output."""
    if not _ends_in_probabilities(model):
        return logits
    float_values = (
        scipy.special.expit(logits)
        if model.graph.output.kind == "sigmoid"
        else scipy.special.softmax(logits, axis=1)
    )
    params = model.params_of(model.graph.output.name)
    codes = np.clip(np.rint(float_values / params.scale) + params.zero_point, 0, 255)
    return np.asarray((codes - params.zero_point) * params.scale, np.float32)
