"""Where each model format keeps edgeall's metadata, and how it is read without the format's own library.

A field device must know what an artifact is before it loads an engine, so only the standard library is used:

- TFLite: a ZIP archive appended to the FlatBuffer, as TensorFlow Lite's own metadata standard packs associated files;
  any unzip tool shows it and the interpreter ignores it.
- ONNX: one `metadata_props` entry, written as the last field of the protobuf message.
- OpenVINO: one element of the `.xml`'s `rt_info`; the weights lie beside it in the `.bin`.

Each container splits a file into its payload (all bytes that are not edgeall's metadata) and the metadata text.
"""

import hashlib
import re
from pathlib import Path
from typing import Protocol

from edgeall.artifact import appended_zip, protobuf
from edgeall.engines import BY_SUFFIX, FILES, load
from edgeall.errors import ArtifactError
from edgeall.files import read_at_most
from edgeall.values import dataclass

KEY = "edgeall"
MAX_BYTES = (1 << 31) - 1
"""Largest TFLite or ONNX file. FlatBuffers and Protocol Buffers hold no more."""

MAX_GRAPH_BYTES = 64 << 20
"""Largest `.xml` of OpenVINO, which holds no weights."""

_MAX_METADATA = 4 << 20
_ZIP_ENTRY = "edgeall.json"
LABELS_FILE = "labels.txt"
"""In the archive of a TFLite artifact: one label a line, for other tools."""


@dataclass(frozen=True)
class Parts:
    """A model file taken apart.

    Attributes:
        payload: SHA-256 over every byte of the artifact that is not edgeall's metadata.
        text: the metadata as JSON text; None for a model that carries none.
        labels: where the format keeps a list of labels for other tools to read, what it says.
    """

    payload: str
    text: str | None
    labels: tuple[str, ...] | None = None


def _content(path: Path, most: int) -> bytes:
    try:
        return read_at_most(path, most)
    except ValueError as error:
        raise ArtifactError(f"{path}: {error}, more than a model of its format can have") from None


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

    _ENTRY = re.compile(rb"PK\x03\x04.{26}" + re.escape(_ZIP_ENTRY.encode()), re.DOTALL)

    def split(self, path: Path) -> Parts:
        data = _content(path, MAX_BYTES)
        if data[4:8] != b"TFL3":
            raise ArtifactError(f"{path}: not a TFLite model")
        # Byte for byte what edgeall packs: nothing added, nothing edited, no name or date changed.
        files, start = appended_zip.unpack(data) or ({}, len(data))
        if _ZIP_ENTRY not in files and self._ENTRY.search(data) is None:
            return Parts(_digest(data), None)
        try:
            text, labels = files[_ZIP_ENTRY].decode(), files[LABELS_FILE].decode()
        except (KeyError, UnicodeDecodeError):
            raise ArtifactError(
                f"{path}: its packed metadata is damaged or altered; copy or export it again"
            ) from None
        if len(text) > _MAX_METADATA:
            raise ArtifactError(f"{path}: its metadata is too large to be edgeall's")
        return Parts(_digest(memoryview(data)[:start]), text, tuple(labels.removesuffix("\n").split("\n")))

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        import zipfile

        if zipfile.is_zipfile(path):
            raise ArtifactError(f"{path}: carries a ZIP archive already; start from the bare model")
        lines = "".join(f"{label}\n" for label in labels)
        files = {_ZIP_ENTRY: text.encode(), LABELS_FILE: lines.encode()}
        with path.open("ab") as file:
            file.write(appended_zip.pack(files, path.stat().st_size))


class OnnxContainer(_OneFile):
    """Protobuf; ModelProto.metadata_props is field 14, StringStringEntryProto has key = 1 and value = 2."""

    _MOST_FIELDS = 100_000
    _METADATA_PROPS = 14
    _GRAPH = 7

    def split(self, path: Path) -> Parts:
        data = _content(path, MAX_BYTES)
        digest, found, has_graph = hashlib.sha256(), list[str](), False
        try:
            for count, (number, start, body, end) in enumerate(protobuf.fields(data)):
                if count > self._MOST_FIELDS:
                    raise ValueError("more fields than a model has")
                has_graph |= number == self._GRAPH
                if number == self._METADATA_PROPS:
                    entry = self._fields_of(data, body, end)
                    if entry.get(1) == KEY.encode():
                        found.append(entry.get(2, b"").decode())
                        if data[start:end] != self._entry(found[-1]):
                            raise ValueError("not as edgeall writes it")
                        continue
                digest.update(memoryview(data)[start:end])
        except ValueError:
            raise ArtifactError(f"{path}: not an ONNX model, or a truncated one") from None
        if not has_graph:
            raise ArtifactError(f"{path}: not an ONNX model")
        return Parts(digest.hexdigest(), _only(path, found))

    def _fields_of(self, data: bytes, start: int, end: int) -> dict[int, bytes]:
        """What a message's fields hold, by their numbers."""
        found = {}
        for count, (number, _, body, after) in enumerate(protobuf.fields(data, start, end)):
            if count > self._MOST_FIELDS:
                raise ValueError("more fields than an entry has")
            found[number] = data[body:after]
        return found

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        with path.open("ab") as file:
            file.write(self._entry(text))

    def _entry(self, text: str) -> bytes:
        content = protobuf.message(1, KEY.encode()) + protobuf.message(2, text.encode())
        return protobuf.message(self._METADATA_PROPS, content)


class OpenVinoContainer:
    """XML for the graph and metadata, binary for the weights."""

    _ELEMENT = re.compile(rf'<{KEY} value="([^"]*)" ?/>'.encode())

    def split(self, path: Path) -> Parts:
        graph = _content(path, MAX_GRAPH_BYTES)
        if b"<net " not in graph[:4096] or not graph.rstrip().endswith(b"</net>"):
            raise ArtifactError(f"{path}: not an OpenVINO model, or a truncated one")
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise ArtifactError(f"{path}: its weights {weights.name} are missing; copy both files together")
        bare, text = self._apart(path, graph)
        digest = hashlib.sha256(bare)
        with weights.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return Parts(digest.hexdigest(), text)

    def attach(self, path: Path, text: str, labels: tuple[str, ...]) -> None:
        path.write_bytes(with_rt_info(path.read_bytes(), rt_info_element(KEY, text)))

    def _apart(self, path: Path, graph: bytes) -> tuple[bytes, str | None]:
        found = [_unescaped(value.decode("ascii", "replace")) for value in self._ELEMENT.findall(graph)]
        text = _only(path, found)
        if text is None:
            return graph, None
        element = rt_info_element(KEY, text)
        for added in (b"<rt_info>" + element + b"</rt_info>", element):
            bare = graph.replace(added, b"")
            if with_rt_info(bare, element) == graph:
                return bare, text
        raise ArtifactError(f"{path}: its metadata is damaged or altered; copy or export it again")

    def files(self, path: Path) -> tuple[Path, ...]:
        return (path, path.with_suffix(".bin"))


def rt_info_element(name: str, value: str) -> bytes:
    """An entry of a model's rt_info, as OpenVINO writes one."""
    return f'<{name} value="{value.translate(_ESCAPES)}" />'.encode()


_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\n": "&#10;",
        "\r": "&#13;",
        "\t": "&#9;",
    }
)
"""Of a quoted attribute (XML 1.0, sections 2.4 and 3.3.3)."""


def _unescaped(value: str) -> str:
    """The text of an attribute that holds JSON, which is without line ends and tabs."""
    # The ampersand last: what it begins is text.
    for mark in '<>"&':
        value = value.replace(_ESCAPES[ord(mark)], mark)
    return value


def with_rt_info(graph: bytes, element: bytes) -> bytes:
    """An OpenVINO graph with `element` at the end of the model's own rt_info, which is made where there is none."""
    head, closing, tail = graph.rpartition(b"</rt_info>")
    # The model's own is the last of the file; a layer's would be followed by </layers>.
    if not closing or b"</layers>" in tail:
        head, closing, tail = graph.rpartition(b"</net>")
        element = b"<rt_info>" + element + b"</rt_info>"
    return head + element + closing + tail


def container_of(path: Path) -> Container:
    """The container of a file's format, by its suffix.

    Raises:
        ArtifactError: no artifact has such a suffix.
    """
    engine = BY_SUFFIX.get(path.suffix.lower())
    if engine is None:
        raise ArtifactError(f"{path}: not an artifact; edgeall reads {FILES}")
    container: Container = load(engine.container)()
    return container


def _only(path: Path, found: list[str]) -> str | None:
    if len(found) > 1:
        raise ArtifactError(f"{path}: carries edgeall metadata {len(found)} times; export it again")
    return found[0] if found else None


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()
