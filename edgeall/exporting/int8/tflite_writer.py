"""Writes an INT8 model as TFLite, operator by operator, with the model's own scales.

No converter is used, so that nothing is calibrated, fused or rescaled differently. Operator versions are the lowest
with INT8, so that interpreters back to TensorFlow 2.3 (2020) read the file.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall import files
from edgeall.exporting.int8.ir import NO_PADS, Floats, Node
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.exporting.int8.quantized import QuantizedModel

_TO_INT8 = 128
"""Subtracted from uint8 codes to get TFLite's int8 codes."""


def write_tflite(model: QuantizedModel, path: Path, integer_boundary: bool = False) -> None:
    """Write `model` as TFLite, float32 (1, height, width, channels) in and (1, classes) out. Same model, same bytes.

    With `integer_boundary`, input and output are int8, for accelerators without float support.
    """
    with files.replacing(path) as part:
        part.write_bytes(build(model, integer_boundary))


def build(model: QuantizedModel, integer_boundary: bool = False) -> bytes:
    """The TFLite file's bytes."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    writer = _Writer(model, schema)
    writer.write(integer_boundary)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(writer.model_table().Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Writer:
    def __init__(self, model: QuantizedModel, schema: Any) -> None:
        self.model, self.schema = model, schema
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT()]
        self.codes: list[tuple[int, int]] = []
        self.tensor_index: dict[str, int] = {}
        self.boundary = (model.graph.input.name, model.graph.output.name)

    def model_table(self) -> Any:
        """The model as a table of the schema, ready to pack."""
        schema = self.schema
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "edgeall", self.tensors, self.operators
        graph.inputs, graph.outputs = (
            [self.tensor_index[self.boundary[0]]],
            [self.tensor_index[self.boundary[1]]],
        )
        table = schema.ModelT()
        table.version, table.description = 3, "edgeall"
        table.subgraphs, table.buffers = [graph], self.buffers
        table.operatorCodes = [self._operator_code(*code) for code in self.codes]
        return table

    def _operator_code(self, builtin: int, version: int) -> Any:
        code = self.schema.OperatorCodeT()
        # Old interpreters read the byte-sized field, new ones the larger of the two.
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
        return code

    def tensor(
        self, name: str, shape: Sequence[int], dtype: str, value: npt.NDArray[Any] | None = None
    ) -> Any:
        """Append a tensor, constant if it has a `value`, and return its table."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, [int(size) for size in shape], 0
        tensor.type = getattr(self.schema.TensorType, dtype.upper())
        if value is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), dtype=np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensor_index[name] = len(self.tensors)
        self.tensors.append(tensor)
        return tensor

    def set_scales(
        self, tensor: Any, scales: Sequence[float] | Floats, zero_point: int = 0, axis: int = 0
    ) -> None:
        """Set the scales of `tensor`: one, or one a slice of `axis`."""
        quantization = self.schema.QuantizationParametersT()
        quantization.scale = [float(scale) for scale in scales]
        quantization.zeroPoint = [zero_point] * len(quantization.scale)
        quantization.quantizedDimension = axis
        tensor.quantization = quantization

    def activation(self, name: str, shape: Sequence[int], params: QuantParams) -> None:
        self.set_scales(self.tensor(name, (1, *shape), "int8"), [params.scale], params.zero_point - _TO_INT8)

    def op(self, builtin: str, version: int, inputs: list[str], output: str, options: Any = None) -> None:
        code = (getattr(self.schema.BuiltinOperator, builtin), version)
        if code not in self.codes:
            self.codes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = (
            [self.tensor_index[name] for name in inputs],
            [self.tensor_index[output]],
        )
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptions, operator.builtinOptionsType = (
                options,
                getattr(self.schema.BuiltinOptions, kind),
            )
        self.operators.append(operator)

    def options(self, kind: str, **values: Any) -> Any:
        """Options of an operator, with the names of the schema."""
        options = getattr(self.schema, f"{kind}T")()
        for name, value in values.items():
            setattr(options, name, value)
        return options

    def write(self, integer_boundary: bool) -> None:
        graph = self.model.graph
        source, result = graph.input, graph.output
        first, last = source.name, result.name
        if not integer_boundary:
            first = f"{source.name}:given"
            self.tensor(first, (1, *source.shape), "float32")
        self.activation(source.name, source.shape, self.model.params_of(source.name))
        if first != source.name:
            self.op("QUANTIZE", 1, [first], source.name)
        for node in graph.nodes[1:]:
            self.activation(node.name, node.shape, self.model.params_of(node.name))
            _OPERATORS[node.kind](self, node, list(node.inputs))
        if not integer_boundary:
            last = f"{result.name}:given"
            self.tensor(last, (1, *result.shape), "float32")
            self.op("DEQUANTIZE", 2, [result.name], last)
        self.boundary = (first, last)

    def fused(self, node: Node) -> int:
        names = {"linear": "NONE", "relu": "RELU", "relu6": "RELU6"}
        return int(getattr(self.schema.ActivationFunctionType, names[node.activation]))

    def padding(self, node: Node, source: str, window: tuple[int, int]) -> tuple[str, int]:
        """The input tensor and the padding mode. Padding that no mode expresses becomes a PAD operator."""
        modes = self.schema.Padding
        if node.pads == NO_PADS:
            return source, modes.VALID
        if self.model.graph.same_padding(node, window):
            return source, modes.SAME
        height, width, channels = self.model.graph.by_name[node.inputs[0]].shape
        top, bottom, left, right = node.pads
        padded = f"{node.name}:padded"
        self.activation(
            padded,
            (height + top + bottom, width + left + right, channels),
            self.model.params_of(node.inputs[0]),
        )
        self.pad(node, source, padded)
        return padded, modes.VALID

    def pad(self, node: Node, source: str, output: str) -> None:
        top, bottom, left, right = node.pads
        pads = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        self.tensor(f"{output}:pads", pads.shape, "int32", pads)
        self.op("PAD", 2, [source, f"{output}:pads"], output, self.options("PadOptions"))

    def weights(self, node: Node, kernel: npt.NDArray[Any], axis: int) -> list[str]:
        """Constant tensors of kernel and bias."""
        weights = self.model.weights[node.name]
        names = [f"{node.name}:kernel", f"{node.name}:bias"]
        self.set_scales(self.tensor(names[0], kernel.shape, "int8", kernel), weights.scale, axis=axis)
        steps = weights.scale.astype(np.float64) * self.model.params_of(node.inputs[0]).scale
        self.set_scales(self.tensor(names[1], weights.bias.shape, "int32", weights.bias), steps.tolist())
        return names

    def conv(self, node: Node, sources: list[str]) -> None:
        kernel = self.model.weights[node.name].kernel
        window = (kernel.shape[0], kernel.shape[1])
        source, padding = self.padding(node, sources[0], window)
        common = {
            "padding": padding, "strideH": node.strides[0], "strideW": node.strides[1],
            "dilationHFactor": node.dilation[0], "dilationWFactor": node.dilation[1],
            "fusedActivationFunction": self.fused(node),
        }  # fmt: skip
        if node.kind == "depthwise":
            weights = self.weights(node, kernel.reshape(1, *window, -1), axis=3)
            options = self.options("DepthwiseConv2DOptions", depthMultiplier=kernel.shape[3], **common)
            self.op("DEPTHWISE_CONV_2D", 3, [source, *weights], node.name, options)
        else:
            weights = self.weights(node, kernel.transpose(3, 0, 1, 2), axis=0)
            options = self.options("Conv2DOptions", **common)
            self.op("CONV_2D", 3, [source, *weights], node.name, options)

    def dense(self, node: Node, sources: list[str]) -> None:
        weights = self.weights(node, self.model.weights[node.name].kernel.T, axis=0)
        options = self.options("FullyConnectedOptions", fusedActivationFunction=self.fused(node))
        self.op("FULLY_CONNECTED", 4, [*sources, *weights], node.name, options)

    def add(self, node: Node, sources: list[str]) -> None:
        options = self.options("AddOptions", fusedActivationFunction=self.fused(node))
        self.op("ADD", 2, sources, node.name, options)

    def concat(self, node: Node, sources: list[str]) -> None:
        options = self.options("ConcatenationOptions", axis=len(node.shape), fusedActivationFunction=0)
        self.op("CONCATENATION", 2, sources, node.name, options)

    def pool(self, node: Node, sources: list[str]) -> None:
        source, padding = self.padding(node, sources[0], node.window)
        options = self.options(
            "Pool2DOptions", padding=padding, strideH=node.strides[0], strideW=node.strides[1],
            filterHeight=node.window[0], filterWidth=node.window[1], fusedActivationFunction=0,
        )  # fmt: skip
        self.op(node.kind.upper() + "_2D", 2, [source], node.name, options)

    def mean(self, node: Node, sources: list[str]) -> None:
        axes = np.array([1, 2], np.int32)
        self.tensor(f"{node.name}:axes", axes.shape, "int32", axes)
        self.op(
            "MEAN",
            2,
            [*sources, f"{node.name}:axes"],
            node.name,
            self.options("ReducerOptions", keepDims=False),
        )

    def flatten(self, node: Node, sources: list[str]) -> None:
        shape = np.array([-1, *node.shape], np.int32)  # -1: of any batch
        self.tensor(f"{node.name}:shape", shape.shape, "int32", shape)
        options = self.options("ReshapeOptions", newShape=shape.tolist())
        self.op("RESHAPE", 1, [*sources, f"{node.name}:shape"], node.name, options)

    def softmax(self, node: Node, sources: list[str]) -> None:
        self.op("SOFTMAX", 2, sources, node.name, self.options("SoftmaxOptions", beta=1.0))


_OPERATORS: dict[str, Callable[[_Writer, Node, list[str]], None]] = {
    "conv": _Writer.conv,
    "depthwise": _Writer.conv,
    "dense": _Writer.dense,
    "add": _Writer.add,
    "concat": _Writer.concat,
    "pad": lambda writer, node, sources: writer.pad(node, sources[0], node.name),
    "max_pool": _Writer.pool,
    "average_pool": _Writer.pool,
    "mean": _Writer.mean,
    "flatten": _Writer.flatten,
    "sigmoid": lambda writer, node, sources: writer.op("LOGISTIC", 2, sources, node.name),
    "softmax": _Writer.softmax,
}
