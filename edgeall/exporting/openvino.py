"""Exports to OpenVINO from ONNX, with NNCF's quantizer. Runs inside a worker process."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from edgeall.artifact import Metadata, TensorInfo, Tensors, usage
from edgeall.artifact.containers import rt_info_element, with_rt_info
from edgeall.exporting.calibration_images import stream
from edgeall.exporting.exporter import Quantizer
from edgeall.exporting.int8.openvino_writer import write_openvino
from edgeall.exporting.int8.quantized import QuantizedModel
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.small_layers import smallest
from edgeall.exporting.source_models import Sources
from edgeall.pixels import Fit

NEEDS = ("onnx",)
PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "openvino", "nncf")
QUANTIZER = Quantizer(method=("mean-min-max", "min-max"), activations=("uint8",), reduces_range=True)

_TYPES = {"FP32": "float32", "FP16": "float16", "I8": "int8", "U8": "uint8"}

_RESIZE_TYPES: dict[Fit, str] = {
    "stretch": "standard",
    "crop": "crop",
    "letterbox": "fit_to_window_letterbox",
}
"""Names of OpenVINO Model API for the geometry. None of its filters antialiases, so no filter is named."""


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out` and its `.bin`; input and output stay float32."""
    import openvino

    model = openvino.convert_model(sources.onnx)
    if recipe.quantization is not None and calibration is not None:
        model = _quantize(model, recipe, sources, calibration)
    openvino.save_model(model, out, compress_to_fp16=recipe.precision == "float16")
    if recipe.precision == "float16":
        openvino.save_model(_with_float32_layers(model, out), out, compress_to_fp16=False)


def tensors(path: Path) -> Tensors:
    """See `exporter.Exporter`."""
    layers = list(ElementTree.parse(path).iterfind("layers/layer"))  # noqa: S314 - just written by OpenVINO

    def layer(kind: str) -> ElementTree.Element:
        return [each for each in layers if each.get("type") == kind][0]  # noqa: RUF015 - IndexError is handled

    def info(port: ElementTree.Element | None, name: str | None) -> TensorInfo:
        if port is None:
            raise ValueError("a layer without a port")
        shape = tuple(int(size.text or 0) for size in port.findall("dim"))
        return TensorInfo(name or "", shape, _TYPES[port.get("precision", "")])

    given, made = layer("Parameter"), layer("Result")
    taken = given.find("output/port")
    return Tensors(
        info(taken, None if taken is None else taken.get("names")),
        info(made.find("input/port"), made.get("output_names")),
    )


def describe(path: Path, metadata: Metadata) -> None:
    """`description`, and the `model_info` that OpenVINO Model API and DL Streamer read, in the model's rt_info.

    https://github.com/open-edge-platform/model_api/blob/master/docs/source/guides/model-configuration.md

    Only what is true in their terms: no threshold, which theirs is not; type and labels only of models with a value a
    label, because Model API takes the one value of a lone sigmoid for the first label with a probability of 1; labels
    only without spaces, which separate them there.
    """
    pixels, labels, tensors = metadata.pixels, metadata.decision.labels, metadata.tensors
    info = {
        "resize_type": _RESIZE_TYPES[pixels.fit],
        "pad_value": "0",
        # Its pictures are BGR, as OpenCV reads them.
        "reverse_input_channels": str(pixels.channel_order == "RGB"),
        "mean_values": " ".join(
            repr(-offset / scale) for scale, offset in zip(pixels.scale, pixels.offset, strict=True)
        ),
        "scale_values": " ".join(repr(1 / scale) for scale in pixels.scale),
    }
    if tensors is not None and tensors.output.shape[-1] == len(labels):
        info["model_type"] = "Classification"
        if not any(character.isspace() for label in labels for character in label):
            info["labels"] = " ".join(labels)
    entries = b"".join(rt_info_element(name, value) for name, value in sorted(info.items()))
    graph = path.read_bytes()
    for element in (
        rt_info_element("description", usage.description(metadata)),
        b"<model_info>" + entries + b"</model_info>",
    ):
        graph = with_rt_info(graph, element)
    path.write_bytes(graph)


def write_int8(model: QuantizedModel, out: Path, boundary: str) -> None:
    """See `exporter.Exporter`."""
    write_openvino(model, out)


def _with_float32_layers(model: Any, float16: Path) -> Any:
    """The model of the file `float16`, with the smallest kernels replaced by the float32 ones of `model`."""
    import openvino

    weights = {
        each.get_friendly_name(): each
        for each in model.get_ops()
        if each.get_type_name() == "Constant" and each.get_element_type() == openvino.Type.f32
    }
    # Constants with a single dimension larger than 1 are biases or factors of channels.
    sizes = {
        name: int(np.prod(each.shape))
        for name, each in weights.items()
        if sum(length > 1 for length in each.shape) > 1
    }
    kept = smallest(sizes)
    core = openvino.Core()
    # Weights must not be mapped from a file that is overwritten.
    core.set_property({"ENABLE_MMAP": False})
    mixed = core.read_model(float16)
    for each in mixed.get_ops():
        if each.get_type_name() == "Convert" and each.get_friendly_name() in kept:
            for reader in each.output(0).get_target_inputs():
                reader.replace_source_output(weights[each.get_friendly_name()].output(0))
    return mixed


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
    """Calibration tensors that NNCF iterates over several times."""

    def __init__(self, path: Path, sources: Sources) -> None:
        self._path, self._pixels = path, sources.pixels

    def __iter__(self) -> Any:
        return stream(self._path, self._pixels)
