"""Quantization of a Keras classifier to INT8: the steps that methods are made of, and writers for each format.

    ir = prepare(model)                                         # Keras model to intermediate representation
    ir = equalize(ir, images, mapping)                          # cross-layer equalization
    quant_params = calibrate(ir, images, mapping)               # scale and zero point of each activation
    ir = correct_biases(ir, quant_params, 7, images[:CORRECTION_IMAGES], mapping, gptq=True)
    quantized = freeze(ir.graph, ir.weights, quant_params, 7)   # integer weights
    write(quantized, "tflite", path)                            # or "onnx", "openvino"

`fine_tune` replaces `freeze` to train the last layers. Weights, scales and zero points are the same in every format.
`edgeall.exporting.int8_methods` combines these steps into methods.
"""

from pathlib import Path

from edgeall.exporting.exporter import exporter
from edgeall.exporting.int8.bias_correction import CORRECTION_IMAGES, correct_biases
from edgeall.exporting.int8.calibration import RangeMethod, calibrate
from edgeall.exporting.int8.equalization import equalize
from edgeall.exporting.int8.ir import IrModel
from edgeall.exporting.int8.logit_scale import probabilities, simulated_logits, with_own_temperature
from edgeall.exporting.int8.lowering import prepare
from edgeall.exporting.int8.qat import TrainingInputs, Tuning, fine_tune
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.exporting.int8.quantized import QuantizedModel, freeze, load, save
from edgeall.exporting.int8.simulation import predict, simulate


def write(model: QuantizedModel, format: str, path: Path, boundary: str = "float32") -> None:
    """Write a bare model in `format`; its input and output have the type `boundary`."""
    exporter(format).write_int8(model, path, boundary)


__all__ = [
    "CORRECTION_IMAGES",
    "IrModel",
    "QuantParams",
    "QuantizedModel",
    "RangeMethod",
    "TrainingInputs",
    "Tuning",
    "calibrate",
    "correct_biases",
    "equalize",
    "fine_tune",
    "freeze",
    "load",
    "predict",
    "prepare",
    "probabilities",
    "save",
    "simulate",
    "simulated_logits",
    "with_own_temperature",
    "write",
]
