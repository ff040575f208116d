"""Post-training quantization: equalization, calibration, GPTQ rounding and bias correction."""

from collections.abc import Mapping
from typing import Any

from edgeall.exporting import int8
from edgeall.exporting.int8_methods.method_inputs import MethodInputs
from edgeall.pixels import ByteImage, PixelMapping

_RANGE_METHOD: int8.RangeMethod = "mse"
"""How activation ranges are chosen after equalization."""


def calibrated(
    model: Any, calibration: ByteImage, mapping: PixelMapping
) -> tuple[int8.IrModel, Mapping[str, int8.QuantParams]]:
    """The equalized float model of the Keras model `model`, and quantization parameters of its tensors.

    Raises:
        ExportError: a layer has no INT8 form, or the images give no activation ranges.
    """
    ir = int8.equalize(int8.prepare(model), calibration, mapping)
    return ir, int8.calibrate(ir, calibration, mapping, method=_RANGE_METHOD)


def corrected(inputs: MethodInputs) -> tuple[int8.IrModel, Mapping[str, int8.QuantParams]]:
    """`calibrated`, with kernels rounded by GPTQ and biases corrected.

    Raises:
        ExportError: as `calibrated`.
    """
    from edgeall import training

    mapping = inputs.run.pixels
    ir, quant_params = calibrated(training.load_model(inputs.run), inputs.calibration, mapping)
    images, bits = inputs.calibration[: int8.CORRECTION_IMAGES], inputs.settings.weight_bits
    return int8.correct_biases(ir, quant_params, bits, images, mapping, gptq=True), quant_params


def make(inputs: MethodInputs) -> int8.QuantizedModel:
    """Method "bias-correction".

    Raises:
        ExportError: as `calibrated`.
    """
    ir, quant_params = corrected(inputs)
    return int8.freeze(ir.graph, ir.weights, quant_params, inputs.settings.weight_bits)
