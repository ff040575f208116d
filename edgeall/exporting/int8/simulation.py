"""Outputs of an INT8 model, simulated with fake quantization in Keras."""

from typing import Any

import numpy as np

from edgeall.exporting.int8.fake_quant import simulation_model
from edgeall.exporting.int8.ir import Floats, FloatWeights, IrModel
from edgeall.exporting.int8.quantized import QuantizedModel
from edgeall.pixels import ByteImage, PixelMapping


def simulate(model: QuantizedModel) -> Any:
    """A Keras model with the outputs that `model` has in every engine, up to the engines' own rounding."""
    weights = {}
    for name, whole in model.weights.items():
        node = model.graph.by_name[name]
        scale = (
            whole.scale.reshape(1, 1, *whole.kernel.shape[2:]) if node.kind == "depthwise" else whole.scale
        )
        step = model.params_of(node.inputs[0]).scale * whole.scale.astype(np.float64)
        weights[name] = FloatWeights(
            (whole.kernel * scale).astype(np.float32), (whole.bias * step).astype(np.float32)
        )
    return simulation_model(IrModel(model.graph, weights), model.quant_params)


def predict(model: Any, images: ByteImage, mapping: PixelMapping, batch_size: int = 8) -> Floats:
    """Outputs of a Keras model for RGB bytes (n, size, size, 3), computed in batches."""
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [np.asarray(model.predict_on_batch(mapping.apply(images[i : i + batch_size]))) for i in starts]
    )
