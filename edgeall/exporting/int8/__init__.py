"""One INT8 model of a classifier: the same weights, scales and zero points in every format.

    plain = prepare(model)                                      # Keras model as plain operators
    grids = calibrate(plain, images, mapping)                   # scales and zero points
    corrected = correct_biases(plain, grids, 7, images[:CORRECTING], mapping, compensated=True)
    quantized = freeze(corrected.graph, corrected.weights, grids, 7)
    write(quantized, "tflite", path)                            # or "onnx", "openvino"

`fine_tune` trains the last layers of `corrected` from labels in place of `freeze`.
"""

from pathlib import Path

from edgeall.exporting.exporter import exporter
from edgeall.exporting.int8.bias_correction import CORRECTING, correct_biases
from edgeall.exporting.int8.calibration import Method, calibrate
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
    "CORRECTING",
    "IrModel",
    "Method",
    "QuantParams",
    "QuantizedModel",
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
