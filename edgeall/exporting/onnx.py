"""ONNX to ONNX: ONNX Runtime's quantizer and float16 rewriter. Runs inside a worker process."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeall.exporting.calibration import stream
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.sources import Sources

NEEDS = ("onnx",)
PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out`; input and output stay float32."""
    if recipe.precision == "float32":
        shutil.copyfile(sources.onnx, out)
    elif recipe.precision == "float16":
        _to_float16(sources.onnx, out)
    elif calibration is not None:
        _quantize(sources, recipe, stream(calibration, sources.pixels), out)


def _to_float16(source: Path, out: Path) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), out)


def _quantize(sources: Sources, recipe: Recipe, tensors: Iterator[Any], out: Path) -> None:
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    settings, method = recipe.quantization, recipe.calibration
    assert settings is not None
    assert method is not None
    types = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}
    methods = {
        "min-max": CalibrationMethod.MinMax,
        "entropy": CalibrationMethod.Entropy,
        "percentile": CalibrationMethod.Percentile,
    }
    # Folds what the conversion leaves after depthwise convolutions. Shapes are all fixed, so no symbolic inference.
    folded = out.with_name(f"{out.stem}-folded.onnx")
    quant_pre_process(sources.onnx, folded, skip_symbolic_shape=True)
    name = onnx.load(folded, load_external_data=False).graph.input[0].name

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            tensor = next(tensors, None)
            return None if tensor is None else {name: tensor}

    quantize_static(
        folded,
        out,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=settings.granularity == "channel",
        reduce_range=settings.reduce_range,
        activation_type=types[settings.activations],
        weight_type=types[settings.weights],
        calibrate_method=methods[method.method],
    )
