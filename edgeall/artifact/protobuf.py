"""Protocol Buffers as bytes on the wire, as far as taking ONNX files apart and writing a field of one needs.

https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """Top-level fields as (number, start of tag, start of body, end); raises ValueError on malformed bytes."""
    stop = len(data) if end is None else end
    at = start
    while at < stop:
        tag, body = varint(data, at, stop)
        match tag & 7:
            case 0:
                _, after = varint(data, body, stop)
            case 1:
                after = body + 8
            case 2:
                length, body = varint(data, body, stop)
                after = body + length
            case 5:
                after = body + 4
            case _:
                raise ValueError("wire type")
        if after > stop or tag >> 3 == 0:
            raise ValueError("field runs past its end")
        yield tag >> 3, at, body, after
        at = after


def varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """The whole number at `at`, and where what follows it begins; raises ValueError on malformed bytes."""
    value = shift = 0
    while at < stop and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("varint")


def message(number: int, content: bytes) -> bytes:
    """A field of bytes: a text, or a message in a message."""
    return _written(number << 3 | 2) + _written(len(content)) + content


def whole(number: int, value: int) -> bytes:
    """A field of a whole number, 0 or more."""
    return _written(number << 3) + _written(value)


def _written(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])
