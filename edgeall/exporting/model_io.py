"""Input and output tensors of a converted model, read from its file without an engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from edgeall.artifact import Format, TensorInfo, Tensors
from edgeall.errors import ExportError

_TFLITE_TYPES = {0: "float32", 1: "float16", 3: "uint8", 7: "int16", 9: "int8"}
"""TensorType of TFLite's schema."""
_OPENVINO_TYPES = {"FP32": "float32", "FP16": "float16", "I8": "int8", "U8": "uint8"}


def tensors(path: Path, format: Format) -> Tensors:
    """The input and output of the bare model at `path`.

    Raises:
        ExportError: the file has none, or has types that edgeall does not write.
    """
    try:
        return _READERS[format](path)
    except (KeyError, IndexError, AttributeError, ValueError, ElementTree.ParseError) as error:
        raise ExportError(f"{path}: its input and output cannot be read ({error!r})") from None


def _tflite(path: Path) -> Tensors:
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(path.read_bytes()).Subgraphs(0)

    def info(index: int) -> TensorInfo:
        tensor = graph.Tensors(index)
        grid = tensor.Quantization()
        quantized = grid is not None and grid.ScaleLength() == 1
        return TensorInfo(
            (tensor.Name() or b"").decode(),
            tuple(map(int, tensor.ShapeAsNumpy())),
            _TFLITE_TYPES[tensor.Type()],
            float(grid.Scale(0)) if quantized else 0.0,
            int(grid.ZeroPoint(0)) if quantized and grid.ZeroPointLength() else 0,
        )

    return Tensors(info(graph.Inputs(0)), info(graph.Outputs(0)))


def _onnx(path: Path) -> Tensors:
    import onnx

    graph = onnx.load(path, load_external_data=False).graph

    def info(port: Any) -> TensorInfo:
        tensor = port.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        # A free batch size is a name in the file, and 1 in use.
        return TensorInfo(port.name, tuple(size.dim_value or 1 for size in tensor.shape.dim), str(dtype))

    return Tensors(info(graph.input[0]), info(graph.output[0]))


def _openvino(path: Path) -> Tensors:
    layers = list(ElementTree.parse(path).iterfind("layers/layer"))  # noqa: S314 - just written by OpenVINO

    def layer(kind: str) -> ElementTree.Element:
        return [each for each in layers if each.get("type") == kind][0]  # noqa: RUF015 - IndexError is handled

    def info(port: ElementTree.Element | None, name: str | None) -> TensorInfo:
        if port is None:
            raise ValueError("a layer without a port")
        shape = tuple(int(size.text or 0) for size in port.findall("dim"))
        return TensorInfo(name or "", shape, _OPENVINO_TYPES[port.get("precision", "")])

    given, made = layer("Parameter"), layer("Result")
    taken = given.find("output/port")
    return Tensors(
        info(taken, None if taken is None else taken.get("names")),
        info(made.find("input/port"), made.get("output_names")),
    )


_READERS: dict[Format, Callable[[Path], Tensors]] = {"tflite": _tflite, "onnx": _onnx, "openvino": _openvino}
