"""Writes an INT8 model as QDQ ONNX: QuantizeLinear and DequantizeLinear with the model's own scales at every operator.

Activations are uint8 and weights int8, for which ONNX Runtime and OpenVINO have the fastest kernels. The input has
channels last, as in every format of edgeall; inside, channels come first.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeall import files
from edgeall.exporting.int8.ir import WEIGHTED, Kind, Node
from edgeall.exporting.int8.quantized import QuantizedModel

OPSET, IR_VERSION = 17, 8
"""Supported by ONNX Runtime since 1.12 (2022)."""


def write_onnx(model: QuantizedModel, path: Path) -> None:
    """Write `model` as ONNX, float32 (1, height, width, channels) in and (1, classes) out. Same model, same bytes."""
    with files.replacing(path) as part:
        part.write_bytes(build(model).SerializeToString(deterministic=True))


def build(model: QuantizedModel, for_openvino: bool = False) -> Any:
    """The ONNX model as a protobuf.

    ONNX Runtime needs codes between any two operators. OpenVINO concatenates in float32 where a quantization follows,
    so that `for_openvino` leaves it out.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    writer = _Writer(model, for_openvino)
    for node in graph.nodes:
        writer.write(node)
    height, width, channels = graph.input.shape
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, height, width, channels])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, *graph.output.shape])]
    return helper.make_model(
        helper.make_graph(writer.nodes, "edgeall", inputs, outputs, initializer=writer.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edgeall",
    )


class _Writer:
    def __init__(self, model: QuantizedModel, for_openvino: bool) -> None:
        self.model, self.for_openvino = model, for_openvino
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._known: set[str] = set()
        sums = (node for node in model.graph.nodes if node.kind == "add")
        self._summands = {
            source.name for node in sums for source in model.graph.sources(node) if source.kind in WEIGHTED
        }
        self._values: dict[str, str] = {}

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        if name not in self._known:
            self._known.add(name)
            # Scales must be scalars without axes: ONNX Runtime fuses additions only with these.
            self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def op(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=f"{output}:{operator}", **attributes)
        )
        return output

    def quant_params(self, name: str) -> list[str]:
        """Constants of the scale and zero point of the tensor `name`; tensors of one group share them."""
        quant_params, group = self.model.params_of(name), self.model.graph.groups[name]
        return [
            self.constant(f"{group}:scale", np.float32(quant_params.scale)),
            self.constant(f"{group}:zero", np.uint8(quant_params.zero_point)),
        ]

    def quantize(self, value: str, name: str) -> str:
        """Quantize the float tensor `value` with the parameters of the tensor `name`."""
        return self.op("QuantizeLinear", [value, *self.quant_params(name)], f"{name}:q")

    def dequantize(self, codes: str, name: str, output: str) -> str:
        """Dequantize `codes` for one reader: engines match such pairs."""
        return self.op("DequantizeLinear", [codes, *self.quant_params(name)], output)

    def fake_quantized(self, value: str, name: str) -> str:
        """`value` quantized and dequantized with the parameters of `name`, inside an operator that is two in ONNX."""
        # `runtimes.openvino` recognizes quantization in the execution graph by "/fq_" in names.
        codes = self.op("QuantizeLinear", [value, *self.quant_params(name)], f"{value}/fq_rounded:q")
        return self.dequantize(codes, name, f"{value}/fq_rounded")

    def value(self, name: str, reader: str) -> str:
        """The float value of the tensor `name`, for `reader`."""
        return self._values.get(name) or self.dequantize(f"{name}:q", name, f"{name}:to:{reader}")

    def write(self, node: Node) -> None:
        if node.kind == "pad" and not self.for_openvino:
            self._pad_codes(node)
            return
        values = [self.value(name, f"{node.name}:{index}") for index, name in enumerate(node.inputs)]
        result = _OPERATORS[node.kind](self, node, values)
        if node.activation != "linear":
            result = self._activate(node, result)
        if self.for_openvino and node.name in self._summands:
            result = self._separated(node.name, result)
        if self.for_openvino and node.kind == "concat":
            self._values[node.name] = result
        else:
            self.quantize(result, node.name)
        if node is self.model.graph.output:
            self.dequantize(f"{node.name}:q", node.name, "probabilities")

    def input(self, node: Node, values: list[str]) -> str:
        images = self.fake_quantized("images", node.name)
        return self.op("Transpose", [images], f"{node.name}:f", perm=[0, 3, 1, 2])

    def _activate(self, node: Node, value: str) -> str:
        """The activation of `value`. Left out where quantization clips the same values, which engines fuse better."""
        quant_params = self.model.params_of(node.name)
        if quant_params.zero_point == 0 and (node.activation == "relu" or quant_params.high <= 6.0):
            return value
        if node.activation == "relu":
            return self.op("Relu", [value], f"{node.name}:relu")
        ends = [self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))]
        return self.op("Clip", [value, *ends], f"{node.name}:relu6")

    def _weighted(self, node: Node, kernel: Any) -> list[str]:
        """Dequantized kernel and bias; `kernel` has output channels first, (units, in) for dense layers."""
        weights, name = self.model.weights[node.name], node.name
        single = weights.scale.size == 1 and node.kind == "dense"
        axis: dict[str, int] = {} if single else {"axis": 0}
        scale = weights.scale[0] if single else weights.scale
        zero = np.zeros(scale.shape, np.int8)
        step = (scale.astype(np.float64) * self.model.params_of(node.inputs[0]).scale).astype(np.float32)
        codes = [
            self.constant(f"{name}:kernel:q", kernel),
            self.constant(f"{name}:kernel:scale", scale),
            self.constant(f"{name}:kernel:zero", zero),
        ]
        bias = [
            self.constant(f"{name}:bias:q", weights.bias),
            self.constant(f"{name}:bias:scale", step),
            self.constant(f"{name}:bias:zero", zero.astype(np.int32)),
        ]
        return [
            self.op("DequantizeLinear", codes, f"{name}:kernel", **axis),
            self.op("DequantizeLinear", bias, f"{name}:bias", **axis),
        ]

    def conv(self, node: Node, values: list[str]) -> str:
        codes = self.model.weights[node.name].kernel
        window, groups = codes.shape[:2], 1
        if node.kind == "depthwise":
            groups = codes.shape[2]
            kernel = codes.reshape(*window, 1, -1).transpose(3, 2, 0, 1)
        else:
            kernel = codes.transpose(3, 2, 0, 1)
        return self.op(
            "Conv",
            [*values, *self._weighted(node, kernel)],
            f"{node.name}:f",
            kernel_shape=window,
            strides=node.strides,
            dilations=node.dilation,
            group=groups,
            pads=_onnx_pads(node),
        )

    def depthwise(self, node: Node, values: list[str]) -> str:
        kernel = self.model.weights[node.name].kernel
        if not self.for_openvino or kernel.size != node.shape[-1] or node.strides != (1, 1):
            return self.conv(node, values)
        return self._affine(node, values[0])

    def _affine(self, node: Node, value: str) -> str:
        """A 1 x 1 depthwise convolution as a product and a sum, which OpenVINO computes in one pass over the codes.

        The constants are the dequantized integer kernel and bias.
        """
        weights, scale = self.model.weights[node.name], self.model.params_of(node.inputs[0]).scale
        factors = weights.kernel.reshape(-1) * weights.scale.astype(np.float64)
        addends = weights.bias * weights.scale.astype(np.float64) * scale
        for operator, constants in (("Mul", factors), ("Add", addends)):
            spread = constants.astype(np.float32).reshape(-1, 1, 1)
            name = self.constant(f"{node.name}:{operator}:by", spread)
            value = self.op(operator, [value, name], f"{node.name}:{operator}")
        return value

    def dense(self, node: Node, values: list[str]) -> str:
        kernel = self.model.weights[node.name].kernel.T
        return self.op("Gemm", [*values, *self._weighted(node, kernel)], f"{node.name}:f", transB=1)

    def add(self, node: Node, values: list[str]) -> str:
        return self.op("Add", values, f"{node.name}:f")

    def _separated(self, name: str, value: str) -> str:
        """`value` through a leaky ReLU of slope 1, which is the identity.

        OpenVINO fuses an addition into the convolution, and then drops a quantization directly after the products.
        """
        return self.op("LeakyRelu", [value], f"{name}:apart", alpha=1.0)

    def concat(self, node: Node, values: list[str]) -> str:
        return self.op("Concat", values, f"{node.name}:f", axis=1 if len(node.shape) == 3 else -1)

    def _pad_codes(self, node: Node) -> None:
        """Pad codes with the zero point: ONNX Runtime would pad dequantized values in float32."""
        top, bottom, left, right = node.pads
        amounts = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
        zero, pads = self.quant_params(node.name)[1], self.constant(f"{node.name}:pads", amounts)
        self.op("Pad", [f"{node.inputs[0]}:q", pads, zero], f"{node.name}:q")

    def identity_conv(self, node: Node, value: str) -> str:
        """Padding or subsampling by strides, as a 1 x 1 depthwise convolution with ones.

        OpenVINO pads in float32, and converts a pooled tensor to float32 before it is added to a convolution.
        """
        ones = {
            "q": np.ones((node.shape[-1], 1, 1, 1), np.int8),
            "scale": np.ones(node.shape[-1], np.float32),
            "zero": np.zeros(node.shape[-1], np.int8),
        }
        codes = [self.constant(f"{node.name}:kernel:{part}", array) for part, array in ones.items()]
        kernel = self.op("DequantizeLinear", codes, f"{node.name}:kernel", axis=0)
        return self.op(
            "Conv",
            [value, kernel],
            f"{node.name}:f",
            kernel_shape=(1, 1),
            strides=node.strides,
            group=node.shape[-1],
            pads=_onnx_pads(node),
        )

    def max_pool(self, node: Node, values: list[str]) -> str:
        if self.for_openvino and node.window == (1, 1):
            return self.identity_conv(node, values[0])
        shape = {"kernel_shape": node.window, "strides": node.strides, "pads": _onnx_pads(node)}
        return self.op("MaxPool", values, f"{node.name}:f", **shape)

    def average_pool(self, node: Node, values: list[str]) -> str:
        shape = {"kernel_shape": node.window, "strides": node.strides, "pads": _onnx_pads(node)}
        return self.op("AveragePool", values, f"{node.name}:f", count_include_pad=0, **shape)

    def mean(self, node: Node, values: list[str]) -> str:
        # Quantized before the reshape too, so that engines fuse pool and quantization.
        pooled = self.op("GlobalAveragePool", values, f"{node.name}:pooled")
        return self._reshape(node, self.fake_quantized(pooled, node.name))

    def flatten(self, node: Node, values: list[str]) -> str:
        # Keras flattens with channels last; the dense layers that follow depend on it.
        return self._reshape(node, self.op("Transpose", values, f"{node.name}:nhwc", perm=[0, 2, 3, 1]))

    def _reshape(self, node: Node, value: str) -> str:
        shape = self.constant(f"{node.name}:shape", np.array([-1, *node.shape], np.int64))
        return self.op("Reshape", [value, shape], f"{node.name}:f")

    def sigmoid(self, node: Node, values: list[str]) -> str:
        return self.op("Sigmoid", values, f"{node.name}:f")

    def softmax(self, node: Node, values: list[str]) -> str:
        return self.op("Softmax", values, f"{node.name}:f", axis=-1)


def _onnx_pads(node: Node) -> list[int]:
    top, bottom, left, right = node.pads
    return [top, left, bottom, right]


_OPERATORS: dict[Kind, Callable[[_Writer, Node, list[str]], str]] = {
    "input": _Writer.input,
    "conv": _Writer.conv,
    "depthwise": _Writer.depthwise,
    "dense": _Writer.dense,
    "add": _Writer.add,
    "concat": _Writer.concat,
    "pad": lambda writer, node, values: writer.identity_conv(node, values[0]),
    "max_pool": _Writer.max_pool,
    "average_pool": _Writer.average_pool,
    "mean": _Writer.mean,
    "flatten": _Writer.flatten,
    "sigmoid": _Writer.sigmoid,
    "softmax": _Writer.softmax,
}
