"""ONNX to OpenVINO, quantized by NNCF. Runs inside a worker process."""

from pathlib import Path
from typing import Any

import numpy as np

from edgeall.exporting.calibration_images import stream
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.small_layers import smallest
from edgeall.exporting.source_models import Sources

NEEDS = ("onnx",)
PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "openvino", "nncf")


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out` and its `.bin`; input and output stay float32."""
    import openvino

    model = openvino.convert_model(sources.onnx)
    if recipe.quantization is not None and calibration is not None:
        model = _quantize(model, recipe, sources, calibration)
    openvino.save_model(model, out, compress_to_fp16=recipe.precision == "float16")
    if recipe.precision == "float16":
        openvino.save_model(_widened(model, out), out, compress_to_fp16=False)


def _widened(model: Any, halved: Path) -> Any:
    """The float16 model of a file, the smallest kernels of which are those of `model` again."""
    import openvino

    weights = {
        each.get_friendly_name(): each
        for each in model.get_ops()
        if each.get_type_name() == "Constant" and each.get_element_type() == openvino.Type.f32
    }
    # What has one dimension but for ones is a bias, or a factor a channel.
    sizes = {
        name: int(np.prod(each.shape))
        for name, each in weights.items()
        if sum(length > 1 for length in each.shape) > 1
    }
    kept = smallest(sizes)
    core = openvino.Core()
    # Its weights are not to be read from a file that is written over.
    core.set_property({"ENABLE_MMAP": False})
    wide = core.read_model(halved)
    for each in wide.get_ops():
        if each.get_type_name() == "Convert" and each.get_friendly_name() in kept:
            for reader in each.output(0).get_target_inputs():
                reader.replace_source_output(weights[each.get_friendly_name()].output(0))
    return wide


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
    dataset = nncf.Dataset(CalibrationInputs(calibration, sources))
    return nncf.quantize(model, dataset, subset_size=count, advanced_parameters=advanced)


class CalibrationInputs:
    """Calibration tensors that can be gone through more than once, as NNCF does."""

    def __init__(self, path: Path, sources: Sources) -> None:
        self._path, self._pixels = path, sources.pixels

    def __iter__(self) -> Any:
        return stream(self._path, self._pixels)
