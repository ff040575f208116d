"""TensorFlow Lite's standard model metadata, for viewers and code generators.

It is a separate FlatBuffer (`metadata_schema.fbs` of tensorflow/tflite-support, identifier "M001", version 1.1.0) in
a buffer of the model with the name "TFLITE_METADATA". The labels file that it names is packed at the end of the
file when the artifact is sealed. Sealing covers all of it.

The converter sets the required version of TensorFlow Lite ("min_runtime_version"). For files that edgeall writes
operator by operator it is not known, and left out.
"""

from collections.abc import Sequence
from pathlib import Path

from edgeall import __version__
from edgeall.artifact import LABELS_FILE, Metadata, usage
from edgeall.errors import ExportError
from edgeall.pixels import PixelMapping

NAME = "TFLITE_METADATA"
_ALIGNMENT = 16
"""Bytes; required for buffers by TFLite's schema."""

# Slots of TFLite's `Model` table. `buffers` and `metadata` get one more entry, the others stay.
_VERSION, _KEPT, _BUFFERS, _METADATA, _SLOTS = 0, (1, 2, 3, 5, 7), 4, 6, 8

# Values of the metadata schema's enumerations and unions.
_COLOURS = {"RGB": 1, "BGR": 0}
_DESCRIPTIONS, _TENSOR_AXIS_LABELS = 1, 2
_IMAGE_PROPERTIES, _NORMALIZATION_OPTIONS = 2, 1
_LEAST_PARSER = "1.0.0"


def add(path: Path, metadata: Metadata) -> None:
    """Add the standard metadata to the bare TFLite model at `path`, in place. Same inputs, same bytes.

    Raises:
        ExportError: the model has such metadata already, or fields of a newer TFLite schema.
    """
    from ai_edge_litert import schema_py_generated as schema

    data = path.read_bytes()
    model = schema.Model.GetRootAs(data)
    if any(model.Metadata(index).Name() == NAME.encode() for index in range(model.MetadataLength())):
        raise ExportError(f"{path}: has TensorFlow Lite metadata already")
    graph = model.Subgraphs(0)
    outputs = int(graph.Tensors(graph.Outputs(0)).ShapeAsNumpy()[-1])
    path.write_bytes(_with_entry(path, data, _About(path.stem, metadata, outputs).content()))


class _Tables:
    """Tables and vectors of a FlatBuffer. A value is an offset, a `_Byte`, a `_Number`, or None if absent."""

    def __init__(self, size: int) -> None:
        import flatbuffers  # type: ignore[import-untyped]

        self.builder = flatbuffers.Builder(size)

    def text(self, text: str) -> int:
        return int(self.builder.CreateString(text))

    def table(self, *slots: "int | _Byte | _Number | None") -> int:
        """A table from the values of its slots, in the order of the schema."""
        builder = self.builder
        builder.StartObject(len(slots))
        for slot, value in enumerate(slots):
            match value:
                case _Byte():
                    builder.PrependInt8Slot(slot, int(value), 0)
                case _Number():
                    builder.PrependUint32Slot(slot, int(value), 0)
                case int():
                    builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        return int(builder.EndObject())

    def vector(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def floats(self, values: Sequence[float]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return int(self.builder.EndVector())

    def blob(self, content: bytes) -> int:
        self.builder.StartVector(1, len(content), _ALIGNMENT)
        self.raw(content)
        return int(self.builder.EndVector())

    def raw(self, content: bytes) -> None:
        self.builder.head -= len(content)
        self.builder.Bytes[self.builder.head : self.builder.head + len(content)] = content

    def finished(self, root: int, identifier: bytes) -> bytes:
        self.builder.Finish(root, file_identifier=identifier)
        return bytes(self.builder.Output())


class _Byte(int):
    pass


class _Number(int):
    pass


def _with_entry(path: Path, data: bytes, content: bytes) -> bytes:
    """`data` with `content` as a metadata entry, by a new root in front that refers to the existing tables.

    The file's bytes and their alignment stay as they were, which packing it again would not preserve.
    """
    from flatbuffers.table import Table  # type: ignore[import-untyped]

    old = Table(data, int.from_bytes(data[:4], "little"))
    layout = old.Pos - int.from_bytes(data[old.Pos : old.Pos + 4], "little", signed=True)
    slots = (int.from_bytes(data[layout : layout + 2], "little") - 4) // 2
    fields = [old.Offset(4 + 2 * slot) for slot in range(slots)] + [0] * _SLOTS
    if any(fields[_SLOTS:]):
        raise ExportError(f"{path}: has fields that edgeall's TensorFlow Lite schema does not have")
    padded = data.ljust(len(data) + -len(data) % _ALIGNMENT, b"\0")
    tables = _Tables(len(padded) + len(content) + (1 << 16))
    tables.builder.Prep(_ALIGNMENT, 0)
    tables.raw(padded)

    def kept_each(slot: int) -> list[int]:
        count = old.VectorLen(fields[slot]) if fields[slot] else 0
        first = old.Vector(fields[slot]) if count else 0
        return [len(padded) - old.Indirect(first + 4 * index) for index in range(count)]

    buffers, described = kept_each(_BUFFERS), kept_each(_METADATA)
    described.append(tables.table(tables.text(NAME), _Number(len(buffers))))
    buffers.append(tables.table(tables.blob(content)))
    at = old.Pos + fields[_VERSION]
    root: list[int | _Byte | _Number | None] = [None] * _SLOTS
    root[_VERSION] = _Number(int.from_bytes(data[at : at + 4], "little"))
    for slot in _KEPT:
        if fields[slot]:
            root[slot] = len(padded) - old.Indirect(old.Pos + fields[slot])
    root[_BUFFERS], root[_METADATA] = tables.vector(buffers), tables.vector(described)
    return tables.finished(tables.table(*root), b"TFL3")


class _About:
    """The metadata FlatBuffer of one artifact whose model has `outputs` output values."""

    def __init__(self, name: str, metadata: Metadata, outputs: int) -> None:
        self.name, self.metadata, self.outputs = name, metadata, outputs
        self.tables = _Tables(1 << 12)

    def content(self) -> bytes:
        tables, made = self.tables, self.metadata.provenance
        inputs, outputs = tables.vector([self._input()]), tables.vector([self._output()])
        graph = tables.table(None, None, inputs, outputs)
        model = tables.table(
            tables.text(self.name),
            tables.text(usage.description(self.metadata)),
            tables.text(f"run {made.run}"),
            tables.vector([graph]),
            tables.text(f"made with edgeall {__version__}"),
            tables.text(made.licence),
            None,
            tables.text(_LEAST_PARSER),
        )
        return tables.finished(model, b"M001")

    def _input(self) -> int:
        tables, pixels, steps = self.tables, self.metadata.pixels, usage.rule(self.metadata)
        size = tables.table(_Number(pixels.size), _Number(pixels.size))
        image = tables.table(_Byte(_COLOURS[pixels.channel_order]), size)
        mean, deviation = _normalization(pixels)
        normalization = tables.table(tables.floats(mean), tables.floats(deviation))
        unit = tables.table(_Byte(_NORMALIZATION_OPTIONS), normalization)
        ends = [
            sorted((add, 255 * scale + add)) for scale, add in zip(pixels.scale, pixels.offset, strict=True)
        ]
        return tables.table(
            tables.text("image"),
            tables.text(f"{steps['decode']} {steps['resize']} {steps['input']}"),
            None,
            tables.table(_Byte(_IMAGE_PROPERTIES), image),
            tables.vector([unit]),
            tables.table(tables.floats([high for _, high in ends]), tables.floats([low for low, _ in ends])),
        )

    def _output(self) -> int:
        tables, labels = self.tables, self.metadata.decision.labels
        lone = self.outputs != len(labels)
        # Readers assign each line of axis labels to one value, and a sigmoid has only one value.
        labelling = tables.table(
            tables.text(LABELS_FILE),
            tables.text("The classes, one a line."),
            _Byte(_DESCRIPTIONS if lone else _TENSOR_AXIS_LABELS),
        )
        steps = usage.rule(self.metadata)
        description = f"{steps['output']} {steps['verdict']}"
        files = tables.vector([labelling])
        stats = tables.table(tables.floats([1.0]), tables.floats([0.0]))
        return tables.table(
            tables.text("probability"), tables.text(description), None, None, None, stats, files
        )


def _normalization(pixels: PixelMapping) -> tuple[list[float], list[float]]:
    """Mean and standard deviation by channel: scale * byte + offset as the schema's (byte - mean) / deviation."""
    channels = list(zip(pixels.scale, pixels.offset, strict=True))
    return [-offset / scale for scale, offset in channels], [1 / scale for scale, _ in channels]
