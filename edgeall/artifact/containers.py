"""Where each model format keeps edgeall's metadata, and how it is read without the format's own library.

A field device must know what an artifact is before it loads an engine, so only the standard library is used:

- TFLite: a ZIP archive appended to the FlatBuffer, as TensorFlow Lite's own metadata standard packs associated files;
  any unzip tool shows it and the interpreter ignores it.
- ONNX: one `metadata_props` entry, written as the last field of the protobuf message.
- OpenVINO: one element of the `.xml`'s `rt_info`; the weights lie beside it in the `.bin`.

Each container splits a file into its payload (all bytes that are not edgeall's metadata) and the metadata text.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.sax import saxutils

from edgeall.errors import ArtifactError

KEY = "edgeall"
_MAX_METADATA = 4 << 20
_ZIP_ENTRY = "edgeall.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Parts:
    """A model file taken apart.

    Attributes:
        payload: SHA-256 over every byte of the artifact that is not edgeall's metadata.
        text: the metadata as JSON text; None for a model that carries none.
    """

    payload: str
    text: str | None


class Container(Protocol):
    """How one format holds the metadata."""

    def split(self, path: Path) -> Parts:
        """Take the file apart; raises `ArtifactError` where it is not of this format."""
        ...

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        """Add metadata to a model that carries none, in place."""
        ...

    def files(self, path: Path) -> tuple[Path, ...]:
        """All files that make up the artifact, `path` first."""
        ...


class _OneFile:
    def files(self, path: Path) -> tuple[Path, ...]:
        return (path,)


class TfliteContainer(_OneFile):
    """FlatBuffer, then ZIP."""

    def split(self, path: Path) -> Parts:
        data = path.read_bytes()
        if data[4:8] != b"TFL3":
            raise ArtifactError(f"{path}: not a TFLite model")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entry = archive.getinfo(_ZIP_ENTRY)
                if entry.file_size > _MAX_METADATA:
                    raise ArtifactError(f"{path}: its metadata is too large to be edgeall's")
                text = archive.read(entry).decode()
                start = min(info.header_offset for info in archive.infolist())
        except (zipfile.BadZipFile, KeyError):
            return Parts(_digest(data), None)
        return Parts(_digest(data[:start]), text)

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            for name, content in ((_ZIP_ENTRY, text), ("labels.txt", "\n".join(labels) + "\n")):
                archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content)


class OnnxContainer(_OneFile):
    """Protobuf; ModelProto.metadata_props is field 14, StringStringEntryProto has key = 1 and value = 2."""

    _METADATA_PROPS = 14
    _GRAPH = 7

    def split(self, path: Path) -> Parts:
        data = path.read_bytes()
        digest, text, has_graph = hashlib.sha256(), None, False
        try:
            for number, start, body, end in _protobuf_fields(data):
                has_graph |= number == self._GRAPH
                if number == self._METADATA_PROPS:
                    entry = {n: bytes(data[b:e]) for n, _, b, e in _protobuf_fields(data, body, end)}
                    if entry.get(1) == KEY.encode():
                        text = entry.get(2, b"").decode()
                        continue
                digest.update(data[start:end])
        except (ValueError, UnicodeDecodeError):
            raise ArtifactError(f"{path}: not an ONNX model, or a truncated one") from None
        if not has_graph:
            raise ArtifactError(f"{path}: not an ONNX model")
        return Parts(digest.hexdigest(), text)

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        entry = _protobuf_bytes(1, KEY.encode()) + _protobuf_bytes(2, text.encode())
        with path.open("ab") as file:
            file.write(_protobuf_bytes(self._METADATA_PROPS, entry))


class OpenVinoContainer:
    """XML for the graph and metadata, binary for the weights."""

    _ELEMENT = re.compile(rf'<{KEY} value="([^"]*)" ?/>'.encode())

    def split(self, path: Path) -> Parts:
        graph = path.read_bytes()
        if b"<net " not in graph[:4096] or not graph.rstrip().endswith(b"</net>"):
            raise ArtifactError(f"{path}: not an OpenVINO model, or a truncated one")
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise ArtifactError(f"{path}: its weights {weights.name} are missing; copy both files together")
        digest = hashlib.sha256(self._ELEMENT.sub(b"", graph))
        with weights.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        found = self._ELEMENT.search(graph)
        if found is None:
            return Parts(digest.hexdigest(), None)
        return Parts(digest.hexdigest(), saxutils.unescape(found[1].decode(), {"&quot;": '"'}))

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        graph = path.read_bytes()
        element = f"<{KEY} value={saxutils.quoteattr(text, {chr(34): '&quot;'})} />".encode()
        head, closing, tail = graph.rpartition(b"</rt_info>")
        # The model's own rt_info is the last of the file; a layer's would be followed by </layers>.
        if not closing or b"</layers>" in tail:
            head, closing, tail = graph.rpartition(b"</net>")
            element, closing = b"<rt_info>" + element + b"</rt_info>", closing
        path.write_bytes(head + element + closing + tail)

    def files(self, path: Path) -> tuple[Path, ...]:
        return (path, path.with_suffix(".bin"))


CONTAINERS: dict[str, tuple[str, Container]] = {
    ".tflite": ("tflite", TfliteContainer()),
    ".onnx": ("onnx", OnnxContainer()),
    ".xml": ("openvino", OpenVinoContainer()),
}
"""File suffix to format name and container."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _protobuf_fields(
    data: bytes, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, int, int, int]]:
    """Top-level fields as (number, start of tag, start of body, end); raises ValueError on malformed bytes."""
    stop = len(data) if end is None else end
    at = start
    while at < stop:
        tag, body = _varint(data, at, stop)
        match tag & 7:
            case 0:
                _, after = _varint(data, body, stop)
            case 1:
                after = body + 8
            case 2:
                length, body = _varint(data, body, stop)
                after = body + length
            case 5:
                after = body + 4
            case _:
                raise ValueError("wire type")
        if after > stop or tag >> 3 == 0:
            raise ValueError("field runs past its end")
        yield tag >> 3, at, body, after
        at = after


def _varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while at < stop and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("varint")


def _protobuf_bytes(number: int, content: bytes) -> bytes:
    return _encode_varint(number << 3 | 2) + _encode_varint(len(content)) + content


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])
