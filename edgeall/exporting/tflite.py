"""SavedModel to TFLite, by TensorFlow's converter. Runs inside a worker process."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeall.artifact import Metadata, TensorInfo, Tensors
from edgeall.errors import ExportError
from edgeall.exporting import tflite_metadata
from edgeall.exporting.calibration_images import stream
from edgeall.exporting.exporter import Quantizer
from edgeall.exporting.frozen import place_of
from edgeall.exporting.int8.quantized import QuantizedModel
from edgeall.exporting.int8.tflite_writer import write_tflite
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.small_layers import smallest
from edgeall.exporting.source_models import Sources

NEEDS = ("saved_model",)
PACKAGES = ("keras", "tensorflow")
QUANTIZER = Quantizer(method=("min-max",), activations=("int8", "dynamic"), boundary=("float32", "int8"))

_TYPES = {0: "float32", 1: "float16", 3: "uint8", 7: "int16", 9: "int8"}
"""TensorType of TFLite's schema."""


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out`; input and output stay float32 where the recipe's boundary is."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(sources.saved_model))
    if recipe.quantization is not None and recipe.quantization.activations == "dynamic":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    elif recipe.quantization is not None and calibration is not None:
        images = calibration

        def representative() -> Iterator[list[Any]]:
            for tensor in stream(images, sources.pixels):
                yield [tensor]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        # Without float kernels as a fallback, an operator without INT8 support is an error.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if recipe.quantization.boundary == "int8":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = recipe.quantization.granularity == "tensor"
    model = _converted(converter)
    out.write_bytes(_to_float16(model) if recipe.precision == "float16" else model)


def tensors(path: Path) -> Tensors:
    """See `exporter.Exporter`."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(path.read_bytes()).Subgraphs(0)

    def info(index: int) -> TensorInfo:
        tensor = graph.Tensors(index)
        params = tensor.Quantization()
        quantized = params is not None and params.ScaleLength() == 1
        return TensorInfo(
            (tensor.Name() or b"").decode(),
            tuple(map(int, tensor.ShapeAsNumpy())),
            _TYPES[tensor.Type()],
            float(params.Scale(0)) if quantized else 0.0,
            int(params.ZeroPoint(0)) if quantized and params.ZeroPointLength() else 0,
        )

    return Tensors(info(graph.Inputs(0)), info(graph.Outputs(0)))


def describe(path: Path, metadata: Metadata) -> None:
    """TensorFlow Lite's own metadata; see `tflite_metadata`."""
    tflite_metadata.add(path, metadata)


def write_int8(model: QuantizedModel, out: Path, boundary: str) -> None:
    """See `exporter.Exporter`."""
    write_tflite(model, out, integer_boundary=boundary == "int8")


def _converted(converter: Any) -> bytes:
    """The converter's TFLite file.

    Raises:
        ExportError: TFLite has no operator for one of the model's.
    """
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        return bytes(converter.convert())
    except ConverterError as error:
        # The first name is the operation's, the others are those of the functions around it.
        named = re.search(r'fused\["(\w+):", "([^"@]+)', str(error))
        if named is None:
            raise
        raise ExportError(
            f"{place_of(named[2])}: TFLite has no operator for TensorFlow's {named[1]}"
        ) from None


def _to_float16(model: bytes) -> bytes:
    """A float32 model with all but the smallest kernels in float16, encoded as the converter does it."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    table = schema.ModelT.InitFromPackedBuf(model)
    (graph,) = table.subgraphs
    kernels = _kernels(table, graph, schema)
    kept = smallest({index: int(np.prod(graph.tensors[index].shape)) for index in kernels})
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    # The first version with float16.
    code.version = 3
    table.operatorCodes.append(code)
    dequantized = []
    for index in kernels:
        if index in kept:
            continue
        tensor, half = graph.tensors[index], schema.TensorT()
        values = table.buffers[tensor.buffer].data.view(np.float32)
        half.name, half.shape, half.type = tensor.name + b":half", tensor.shape, schema.TensorType.FLOAT16
        half.buffer = len(table.buffers)
        buffer = schema.BufferT()
        buffer.data = values.astype(np.float16).view(np.uint8)
        table.buffers.append(buffer)
        tensor.buffer = 0
        operator = schema.OperatorT()
        operator.opcodeIndex = len(table.operatorCodes) - 1
        operator.inputs, operator.outputs = [len(graph.tensors)], [index]
        graph.tensors.append(half)
        dequantized.append(operator)
    graph.operators = dequantized + graph.operators
    _drop_unused_buffers(table)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(table.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _kernels(table: Any, graph: Any, schema: Any) -> list[int]:
    """Tensor indices of the float32 kernels of convolutions and dense layers, each once."""
    builtin = schema.BuiltinOperator
    weighted = (builtin.CONV_2D, builtin.DEPTHWISE_CONV_2D, builtin.FULLY_CONNECTED)
    found: dict[int, None] = {}
    for operator in graph.operators:
        code = table.operatorCodes[operator.opcodeIndex]
        index = int(operator.inputs[1]) if len(operator.inputs) > 1 else -1
        if max(code.builtinCode, code.deprecatedBuiltinCode) not in weighted or index < 0:
            continue
        tensor = graph.tensors[index]
        constant = table.buffers[tensor.buffer].data is not None
        if constant and tensor.type == schema.TensorType.FLOAT32:
            found[index] = None
    return list(found)


def _drop_unused_buffers(table: Any) -> None:
    used = {0, *(tensor.buffer for graph in table.subgraphs for tensor in graph.tensors)}
    used |= {each.buffer for each in table.metadata or ()}
    moved = {old: new for new, old in enumerate(sorted(used))}
    table.buffers = [table.buffers[old] for old in sorted(used)]
    for graph in table.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = moved[tensor.buffer]
    for each in table.metadata or ():
        each.buffer = moved[each.buffer]
