"""Another batch for an ONNX model, written into the file's bytes: a field device has no library that edits ONNX."""

from collections.abc import Callable

from edgeall.artifact import protobuf

_GRAPH = 7
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13
# ValueInfoProto.type, TypeProto.tensor_type, TypeProto.Tensor.shape.
_TO_SHAPE = (2, 1, 2)
_DIMENSION, _VALUE = 1, 1


def with_batch(model: bytes, batch: int) -> bytes:
    """An ONNX model's bytes with `batch` as the first dimension of its inputs and outputs.

    Shapes of what lies between are left out: engines work them out. What computes with a batch of its own inside, as
    a Reshape to (1, n) does, is not changed and shows when the model is loaded or run.

    Raises:
        ValueError: not an ONNX model.
    """
    return _changed(model, {_GRAPH: lambda graph: _graph(graph, batch)})


def _graph(graph: bytes, batch: int) -> bytes:
    def port(info: bytes) -> bytes:
        return _below(info, _TO_SHAPE, lambda shape: _shape(shape, batch))

    return _changed(graph, {_INPUT: port, _OUTPUT: port, _VALUE_INFO: lambda info: None})


def _shape(shape: bytes, batch: int) -> bytes:
    """TensorShapeProto with another first dimension, and the others as they are."""
    at = next((end for number, _, _, end in protobuf.fields(shape) if number == _DIMENSION), 0)
    return protobuf.message(_DIMENSION, protobuf.whole(_VALUE, batch)) + shape[at:]


def _below(data: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """`data` with the message at the end of a path of field numbers changed."""
    if not path:
        return change(data)
    return _changed(data, {path[0]: lambda inner: _below(inner, path[1:], change)})


def _changed(data: bytes, changes: dict[int, Callable[[bytes], bytes | None]]) -> bytes:
    """A message with the contents of some fields changed; a field of which nothing is left is dropped."""
    parts: list[bytes | memoryview] = []
    whole = memoryview(data)
    for number, start, body, end in protobuf.fields(data):
        change = changes.get(number)
        if change is None:
            parts.append(whole[start:end])
        elif (content := change(data[body:end])) is not None:
            parts.append(protobuf.message(number, content))
    return b"".join(parts)
