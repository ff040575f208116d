"""ONNX to OpenVINO, quantized by NNCF. Runs inside a worker process."""

from pathlib import Path
from typing import Any

import numpy as np

from edgeall.exporting.calibration import stream
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.sources import Sources

NEEDS = ("onnx",)
PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "openvino", "nncf")


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out` and its `.bin`; input and output stay float32."""
    import openvino

    model = openvino.convert_model(sources.onnx)
    if recipe.quantization is not None and calibration is not None:
        model = _quantize(model, recipe, sources, calibration)
    openvino.save_model(model, out, compress_to_fp16=recipe.precision == "float16")


def _quantize(model: Any, recipe: Recipe, sources: Sources, calibration: Path) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import (
        AdvancedQuantizationParameters,
        OverflowFix,
        QuantizationParameters,
    )
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    settings, method = recipe.quantization, recipe.calibration
    assert settings is not None
    assert method is not None
    estimators = {
        "mean-min-max": RangeEstimatorParametersSet.MEAN_MINMAX,
        "min-max": RangeEstimatorParametersSet.MINMAX,
    }
    advanced = AdvancedQuantizationParameters(
        overflow_fix=OverflowFix.ENABLE if settings.reduce_range else OverflowFix.DISABLE,
        activations_range_estimator_params=estimators[method.method],
        weights_quantization_params=QuantizationParameters(per_channel=settings.granularity == "channel"),
    )
    count = len(np.load(calibration, mmap_mode="r", allow_pickle=False))
    dataset = nncf.Dataset(Images(calibration, sources))
    return nncf.quantize(model, dataset, subset_size=count, advanced_parameters=advanced)


class Images:
    """Calibration tensors that can be gone through more than once, as NNCF does."""

    def __init__(self, path: Path, sources: Sources) -> None:
        self._path, self._pixels = path, sources.pixels

    def __iter__(self) -> Any:
        return stream(self._path, self._pixels)
