"""One INT8 model of a classifier: the same weights, scales and zero points in every format.

    plain = prepare(model)                                      # Keras model as plain operators
    grids = calibrate(plain, images, mapping)                   # scales and zero points
    corrected = correct_biases(plain, grids, 7, images[:CORRECTING], mapping, compensated=True)
    quantized = freeze(corrected.graph, corrected.weights, grids, 7)
    write(quantized, "tflite", path)                            # or "onnx", "openvino"

`fine_tune` trains the last layers of `corrected` from labels in place of `freeze`.
"""

from collections.abc import Callable
from pathlib import Path

from edgeall.exporting.int8.bias_correction import CORRECTION_IMAGES, correct_biases
from edgeall.exporting.int8.calibration import RangeMethod, calibrate
from edgeall.exporting.int8.equalization import equalize
from edgeall.exporting.int8.ir import IrModel
from edgeall.exporting.int8.logit_scale import probabilities, simulated_logits, with_own_temperature
from edgeall.exporting.int8.lowering import prepare
from edgeall.exporting.int8.onnx_writer import write_onnx
from edgeall.exporting.int8.openvino_writer import write_openvino
from edgeall.exporting.int8.qat import TrainingInputs, Tuning, fine_tune
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.exporting.int8.quantized import QuantizedModel, freeze, load, save
from edgeall.exporting.int8.simulation import predict, simulate
from edgeall.exporting.int8.tflite_writer import write_tflite

WRITERS: dict[str, Callable[[QuantizedModel, Path], None]] = {
    "tflite": write_tflite,
    "onnx": write_onnx,
    "openvino": write_openvino,
}
"""By format: writes a bare model, float32 (1, size, size, 3) in, float32 (1, classes) probabilities out."""


def write(model: QuantizedModel, format: str, path: Path, boundary: str = "float32") -> None:
    """Write a bare model in `format`, its input and output float32 or, in TFLite, int8."""
    if format == "tflite":
        write_tflite(model, path, integer_boundary=boundary == "int8")
    else:
        WRITERS[format](model, path)


__all__ = [
    "CORRECTION_IMAGES",
    "WRITERS",
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
    "write_onnx",
    "write_openvino",
    "write_tflite",
]
