"""INT8 that keeps its accuracy: quantization-aware fine-tuning once, the same weights and scales in every format.

    plain = prepare(model)                                      # Keras model, rewritten; equal but for rounding
    grids = calibrate(plain, images, mapping)                   # scales and zero points, from images alone
    quantized = fine_tune(plain, grids, train, validation, mapping)
    WRITERS["tflite"](quantized, path)                          # or "onnx", "openvino"

`quantize` does the first three. INT8 without gradients, in seconds and often near enough:

    corrected = correct_biases(plain, grids, 7, images[:16], mapping)
    quantized = freeze(corrected.graph, corrected.weights, grids, 7)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeall.exporting.int8.bias_correction import correct_biases
from edgeall.exporting.int8.calibration import Method, calibrate
from edgeall.exporting.int8.equalization import equalize
from edgeall.exporting.int8.ir import PlainModel
from edgeall.exporting.int8.lowering import prepare
from edgeall.exporting.int8.mixed_precision import by_worth, disturbances, float_share, keep_in_float
from edgeall.exporting.int8.onnx_writer import write_onnx
from edgeall.exporting.int8.openvino_writer import write_openvino
from edgeall.exporting.int8.qat import CORRECTING, Images, Tuning, fine_tune, predict, simulate
from edgeall.exporting.int8.quant_params import Grid
from edgeall.exporting.int8.quantized import Epoch, QuantizedModel, freeze, load, save
from edgeall.exporting.int8.temperature import probabilities, simulated_logits, with_own_temperature
from edgeall.exporting.int8.tflite_writer import write_tflite
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress

WRITERS: dict[str, Callable[[QuantizedModel, Path], None]] = {
    "tflite": write_tflite,
    "onnx": write_onnx,
    "openvino": write_openvino,
}
"""By format: writes a bare model, float32 (1, size, size, 3) in, float32 (1, classes) probabilities out."""

DEFAULT_TUNING = Tuning()


def write(model: QuantizedModel, format: str, path: Path, boundary: str = "float32") -> None:
    """Write a bare model in `format`, its input and output float32 or, in TFLite, int8."""
    if format == "tflite":
        write_tflite(model, path, integer_boundary=boundary == "int8")
    else:
        WRITERS[format](model, path)


__all__ = [
    "CORRECTING",
    "DEFAULT_TUNING",
    "WRITERS",
    "Epoch",
    "Grid",
    "Images",
    "Method",
    "PlainModel",
    "QuantizedModel",
    "Tuning",
    "by_worth",
    "calibrate",
    "correct_biases",
    "disturbances",
    "equalize",
    "fine_tune",
    "float_share",
    "freeze",
    "keep_in_float",
    "load",
    "predict",
    "prepare",
    "probabilities",
    "quantize",
    "save",
    "simulate",
    "simulated_logits",
    "with_own_temperature",
    "write",
    "write_onnx",
    "write_openvino",
    "write_tflite",
]


def quantize(
    model: Any,
    calibration: ByteImage,
    train: Images,
    validation: Images,
    mapping: PixelMapping,
    *,
    method: Method = "percentile",
    tuning: Tuning = DEFAULT_TUNING,
    progress: Progress = SILENT,
) -> QuantizedModel:
    """From a fine-tuned Keras classifier to one INT8 model for all formats.

    Arguments:
        model: functional or sequential; preprocessed float32 (n, size, size, 3) in, sigmoid or softmax out.
        calibration: RGB bytes (n, size, size, 3) from training; 64 are enough.
        train, validation: disjoint; validation chooses the epoch.

    Raises:
        ExportError: a layer without an INT8 form, named; or images that do not fit.
    """
    plain = prepare(model)
    grids = calibrate(plain, calibration, mapping, method=method, progress=progress)
    return fine_tune(plain, grids, train, validation, mapping, tuning, progress)
