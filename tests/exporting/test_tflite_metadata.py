"""TFLite artifacts carry the standard metadata too: read back here by the published schema, slot by slot.

No tool of TensorFlow Lite Support is at hand for this Python; so a small reader of the schema stands in for it.
"""

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_models import SmallModel

from edgeall import artifact, runs, runtimes
from edgeall.artifact import Decision
from edgeall.errors import ArtifactError, ExportError
from edgeall.exporting import Exported, tflite_metadata


class Table:
    """A FlatBuffer table at a place in some bytes; fields by their slot."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    @classmethod
    def root(cls, data: bytes) -> "Table":
        return cls(data, struct.unpack_from("<I", data)[0])

    def place(self, slot: int) -> int | None:
        layout = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        inside = 4 + 2 * slot < struct.unpack_from("<H", self.data, layout)[0]
        offset = struct.unpack_from("<H", self.data, layout + 4 + 2 * slot)[0] if inside else 0
        return self.at + offset if offset else None

    def number(self, slot: int, kind: str) -> int:
        at = self.place(slot)
        return 0 if at is None else struct.unpack_from(f"<{kind}", self.data, at)[0]

    def table(self, slot: int) -> "Table":
        return Table(self.data, self._follow(slot))

    def text(self, slot: int) -> str:
        return self.blob(slot).decode()

    def blob(self, slot: int) -> bytes:
        at = self._follow(slot)
        return self.data[at + 4 : at + 4 + struct.unpack_from("<I", self.data, at)[0]]

    def floats(self, slot: int) -> list[float]:
        at = self._follow(slot)
        assert at % 4 == 0
        return list(struct.unpack_from(f"<{struct.unpack_from('<I', self.data, at)[0]}f", self.data, at + 4))

    def tables(self, slot: int) -> "Iterator[Table]":
        at = self._follow(slot)
        for index in range(struct.unpack_from("<I", self.data, at)[0]):
            each = at + 4 + 4 * index
            yield Table(self.data, each + struct.unpack_from("<I", self.data, each)[0])

    def _follow(self, slot: int) -> int:
        at = self.place(slot)
        assert at is not None, f"slot {slot} is empty"
        return at + struct.unpack_from("<I", self.data, at)[0]


def standard(path: Path) -> Table:
    """The `ModelMetadata` in a TFLite file: by the entry of that name among the model's metadata."""
    model = Table.root(path.read_bytes())
    (number,) = (e.number(1, "I") for e in model.tables(6) if e.text(0) == "TFLITE_METADATA")
    content = list(model.tables(4))[number].blob(0)
    assert content[4:8] == b"M001"
    return Table.root(content)


def with_standard(small: SmallModel, recipe: str, folder: Path, **changes: object) -> Path:
    path = small.copy(recipe, folder)
    tflite_metadata.add(path, small.metadata(recipe, **changes))
    return path


def test_it_says_what_the_model_is(tiny: SmallModel, tmp_path: Path) -> None:
    decision = Decision(("gesund", "Leukämie"), ("Leukämie",), 0.37, (0.25, 0.5))
    about = standard(with_standard(tiny, "tflite-fp32", tmp_path, decision=decision))
    assert about.text(0) == "model"
    for said in ("gesund, Leukämie", "score >= 0.37", "0.25 <= score < 0.5", "Research use only"):
        assert said in about.text(1)
    assert about.text(2) == "run small"
    assert about.text(4).startswith("made with edgeall ")
    assert about.text(5) == "Apache-2.0"
    assert about.text(7) == "1.0.0"


@pytest.mark.parametrize(("kind", "colours"), [("tiny", 1), ("mobile", 0)])
def test_a_reader_of_it_alone_prepares_pictures_alike(
    kind: str, colours: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    small: SmallModel = request.getfixturevalue(kind)
    (graph,) = standard(with_standard(small, "tflite-int8", tmp_path)).tables(3)
    (image,) = graph.tables(2)
    assert f"order {small.pixels.channel_order}" in image.text(1)
    content = image.table(3)
    assert content.number(0, "b") == 2  # ImageProperties
    assert content.table(1).number(0, "b") == colours
    size = content.table(1).table(1)
    assert (size.number(0, "I"), size.number(1, "I")) == (small.pixels.size,) * 2
    (unit,) = image.tables(4)
    assert unit.number(0, "b") == 1  # NormalizationOptions
    mean, deviation = (np.array(unit.table(1).floats(slot)) for slot in (0, 1))
    table = small.pixels.table()
    np.testing.assert_allclose((np.arange(256)[:, None] - mean) / deviation, table, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(image.table(5).floats(0), table.max(axis=0), rtol=1e-6)
    np.testing.assert_allclose(image.table(5).floats(1), table.min(axis=0), rtol=1e-6)


@pytest.mark.parametrize(("kind", "type"), [("tiny", 1), ("mobile", 2)])
def test_labels_are_those_of_an_axis_only_where_there_is_one_a_value(
    kind: str, type: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    small: SmallModel = request.getfixturevalue(kind)
    path = with_standard(small, "tflite-fp32", tmp_path)
    artifact.seal(path, small.metadata("tflite-fp32"))
    (graph,) = standard(path).tables(3)
    (output,) = graph.tables(3)
    (file,) = output.tables(6)
    assert file.number(2, "b") == type
    with zipfile.ZipFile(path) as archive:
        assert archive.read(file.text(0)).decode().splitlines() == list(small.decision.labels)
    assert "score = " in output.text(1)


@pytest.mark.parametrize("recipe", ["tflite-fp32", "tflite-fp16", "tflite-int8"])
def test_the_model_stays_byte_for_byte_what_it_was(tiny: SmallModel, tmp_path: Path, recipe: str) -> None:
    """And as aligned: what has been added comes before it, as whole units of 16 bytes."""
    bare = tiny.files[recipe].read_bytes()
    path = with_standard(tiny, recipe, tmp_path)
    at = path.read_bytes().index(bare)
    assert at % 16 == 0
    sealed = artifact.seal(path, tiny.metadata(recipe))
    precision = sealed.metadata.precision
    with (
        runtimes.open_model(tiny.files[recipe], "tflite", tiny.pixels, precision=precision) as before,
        runtimes.open_session(sealed) as after,
    ):
        np.testing.assert_array_equal(after.predict(tiny.images), before.predict(tiny.images))


def test_the_converter_s_own_entries_are_kept(tiny: SmallModel, tmp_path: Path) -> None:
    bare = {each.text(0) for each in Table.root(tiny.files["tflite-fp32"].read_bytes()).tables(6)}
    assert "min_runtime_version" in bare
    path = with_standard(tiny, "tflite-fp32", tmp_path)
    described = {each.text(0) for each in Table.root(path.read_bytes()).tables(6)}
    assert described == bare | {"TFLITE_METADATA"}


def test_an_edit_of_it_is_noticed(tiny: SmallModel, tmp_path: Path) -> None:
    path = with_standard(tiny, "tflite-fp32", tmp_path)
    artifact.seal(path, tiny.metadata("tflite-fp32"))
    path.write_bytes(path.read_bytes().replace(b"M001", b"M002", 1))
    with pytest.raises(ArtifactError, match="checksum"):
        artifact.read(path)


def test_it_is_added_once(tiny: SmallModel, tmp_path: Path) -> None:
    path = with_standard(tiny, "tflite-fp32", tmp_path)
    with pytest.raises(ExportError, match="already"):
        tflite_metadata.add(path, tiny.metadata("tflite-fp32"))


def test_same_model_and_words_make_the_same_bytes(tiny: SmallModel, tmp_path: Path) -> None:
    first = with_standard(tiny, "tflite-int8", tmp_path).read_bytes()
    assert with_standard(tiny, "tflite-int8", tmp_path).read_bytes() == first


def test_exported_files_have_it(exported: tuple[runs.Run, list[Exported]]) -> None:
    run, made = exported
    for each in made:
        if each.format == "tflite":
            about = standard(each.path)
            assert (about.text(0), about.text(2)) == (each.path.stem, f"run {run.name}")
            assert about.text(5) == run.licence
