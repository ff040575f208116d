"""Exports to ONNX, with ONNX Runtime's quantizer and float16 converter. Runs inside a worker process."""

import shutil
from pathlib import Path
from typing import Any

from edgeall import __version__
from edgeall.artifact import Metadata, TensorInfo, Tensors, usage
from edgeall.exporting.calibration_images import stream
from edgeall.exporting.exporter import Quantizer
from edgeall.exporting.int8.onnx_writer import write_onnx
from edgeall.exporting.int8.quantized import QuantizedModel
from edgeall.exporting.onnx_biases import refit
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.small_layers import smallest
from edgeall.exporting.source_models import Sources

NEEDS = ("onnx",)
PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")
QUANTIZER = Quantizer(
    method=("min-max", "entropy", "percentile"), activations=("uint8", "int8"), reduces_range=True
)
_WEIGHTED = ("Conv", "Gemm", "MatMul")


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out`; input and output stay float32."""
    if recipe.precision == "float32":
        shutil.copyfile(sources.onnx, out)
    elif recipe.precision == "float16":
        _to_float16(sources.onnx, out)
    elif calibration is not None:
        _quantize(sources, recipe, calibration, out)


def tensors(path: Path) -> Tensors:
    """See `exporter.Exporter`."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph

    def info(port: Any) -> TensorInfo:
        tensor = port.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        # A free batch size is a name in the file, and 1 in use.
        return TensorInfo(port.name, tuple(size.dim_value or 1 for size in tensor.shape.dim), str(dtype))

    return Tensors(info(graph.input[0]), info(graph.output[0]))


def describe(path: Path, metadata: Metadata) -> None:
    """Producer, and descriptions of model, input and output; tensors stay as they are."""
    import onnx

    steps, model = usage.rule(metadata), onnx.load(path)
    model.producer_name, model.producer_version = "edgeall", __version__
    model.doc_string = usage.description(metadata)
    model.graph.input[0].doc_string = f"{steps['decode']} {steps['resize']} {steps['input']}"
    model.graph.output[0].doc_string = f"{steps['output']} {steps['verdict']}"
    onnx.save(model, path)


def write_int8(model: QuantizedModel, out: Path, boundary: str) -> None:
    """See `exporter.Exporter`."""
    write_onnx(model, out)


def _to_float16(source: Path, out: Path) -> None:
    import numpy as np
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load(source)
    constants = {each.name: int(np.prod(each.dims)) for each in model.graph.initializer}
    sizes = {
        node.name: constants[node.input[1]]
        for node in model.graph.node
        if node.op_type in _WEIGHTED and node.input[1] in constants
    }
    whole = sorted(smallest(sizes))
    onnx.save(convert_float_to_float16(model, keep_io_types=True, node_block_list=whole), out)


def _quantize(sources: Sources, recipe: Recipe, calibration: Path, out: Path) -> None:
    import numpy as np
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
    # Folds operators that the conversion leaves after depthwise convolutions. All shapes are fixed.
    folded = out.with_name(f"{out.stem}-folded.onnx")
    quant_pre_process(sources.onnx, folded, skip_symbolic_shape=True)
    name = onnx.load(folded, load_external_data=False).graph.input[0].name
    count = len(np.load(calibration, mmap_mode="r", allow_pickle=False))
    tensors = stream(calibration, sources.pixels)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Yields as many images as `set_range` requested: ONNX Runtime holds all their activations at once."""

        left = 0

        def get_next(self) -> dict[str, Any] | None:
            if self.left == 0:
                return None
            self.left -= 1
            return {name: next(tensors)}

        def __len__(self) -> int:
            return count

        def set_range(self, start_index: int, end_index: int) -> None:
            self.left = end_index - start_index

    quantize_static(
        folded,
        out,
        Reader(),
        # Despite the name, all methods then collect so many images at a time, and merge.
        extra_options={"CalibStridedMinMax": 1},
        quant_format=QuantFormat.QDQ,
        per_channel=settings.granularity == "channel",
        reduce_range=settings.reduce_range,
        activation_type=types[settings.activations],
        weight_type=types[settings.weights],
        calibrate_method=methods[method.method],
    )
    refit(out, folded)
