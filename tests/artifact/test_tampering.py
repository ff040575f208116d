"""No byte of an artifact can change, vanish or be added without `read` noticing, and it notices in one line."""

import hashlib
import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_models import FORMATS, SmallModel

from edgeall import artifact
from edgeall.artifact import Artifact, appended_zip, files_of, protobuf
from edgeall.errors import ArtifactError

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module", params=FORMATS)
def sealed(
    request: pytest.FixtureRequest, tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    return tiny.sealed(f"{request.param}-int8", tmp_path_factory.mktemp("sealed"))


@cache
def _whole(path: Path) -> bytes:
    return path.read_bytes()


def _refused(sealed: Artifact, folder: Path, file: Path, content: bytes) -> None:
    for other in files_of(sealed.path):
        target = folder / other.name
        if other == file:
            target.write_bytes(content)
        elif not target.exists() or target.stat().st_size != other.stat().st_size:
            target.write_bytes(_whole(other))
    with pytest.raises(ArtifactError) as caught:
        artifact.read(folder / sealed.path.name)
    assert "\n" not in str(caught.value)
    assert sealed.path.name in str(caught.value)


@SETTINGS
@given(data=st.data())
def test_any_changed_byte_is_noticed(sealed: Artifact, tmp_path: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(files_of(sealed.path)))
    content = bytearray(_whole(file))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    _refused(sealed, tmp_path, file, bytes(content))


def test_each_byte_of_the_metadata_is_noticed(sealed: Artifact, tmp_path: Path) -> None:
    content = _whole(sealed.path)
    key = {".tflite": b"PK", ".onnx": b"\x0a\x07edgeall", ".xml": b"<edgeall"}[sealed.path.suffix]
    end = content.index(b"/>", content.index(key)) + 2 if sealed.path.suffix == ".xml" else len(content)
    for at in range(content.index(key), end):
        spoiled = bytearray(content)
        # The smallest edits there are: a letter's case, a digit by one.
        spoiled[at] ^= 32 if chr(spoiled[at]).isalpha() else 1
        _refused(sealed, tmp_path, sealed.path, bytes(spoiled))


@SETTINGS
@given(data=st.data())
def test_any_truncation_is_noticed(sealed: Artifact, tmp_path: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(files_of(sealed.path)))
    content = _whole(file)
    _refused(sealed, tmp_path, file, content[: data.draw(st.integers(0, len(content) - 1))])


@SETTINGS
@given(data=st.data())
def test_anything_appended_or_slipped_in_is_noticed(
    sealed: Artifact, tmp_path: Path, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(files_of(sealed.path)))
    content = _whole(file)
    at = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    _refused(
        sealed, tmp_path, file, content[:at] + data.draw(st.binary(min_size=1, max_size=40)) + content[at:]
    )


@SETTINGS
@given(noise=st.binary(max_size=400), suffix=st.sampled_from([".tflite", ".onnx", ".xml"]))
def test_noise_is_no_artifact(tmp_path: Path, noise: bytes, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    for content in (noise, b"\x1c\x00\x00\x00TFL3" + noise, b"<net " + noise + b"</net>"):
        path.write_bytes(content)
        path.with_suffix(".bin").write_bytes(b"")
        with pytest.raises(ArtifactError):
            artifact.read(path)


def test_metadata_of_any_depth_is_refused_in_one_line(tmp_path: Path) -> None:
    """Where reading it just fits into Python's stack, writing it again does not."""
    path = tmp_path / "deep.tflite"
    model = b"\x1c\x00\x00\x00TFL3"
    for depth in range(900, 1010):
        text = f'{{"schema": 1, "sha256": "", "x": {"[" * depth}{"]" * depth}}}'
        files = {"edgeall.json": text.encode(), "labels.txt": b"a\nb\n"}
        path.write_bytes(model + appended_zip.pack(files, len(model)))
        with pytest.raises(ArtifactError):
            artifact.read(path)


def test_two_sets_of_metadata_are_one_too_many(tiny: SmallModel, tmp_path: Path) -> None:
    path = tiny.sealed("onnx-fp32", tmp_path).path
    content, bare = path.read_bytes(), tiny.files["onnx-fp32"].read_bytes()
    path.write_bytes(content + content[len(bare) :])
    with pytest.raises(ArtifactError, match="2 times"):
        artifact.read(path)


def test_white_space_in_the_metadata_is_an_edit_too(tiny: SmallModel, tmp_path: Path) -> None:
    path = tiny.sealed("openvino-fp32", tmp_path).path
    content = path.read_bytes()
    spoiled = content.replace(b"&quot;format&quot;: ", b"&quot;format&quot;:\t", 1)
    assert spoiled != content
    path.write_bytes(spoiled)
    with pytest.raises(ArtifactError, match="damaged or altered"):
        artifact.read(path)


def test_labels_for_other_tools_cannot_differ_from_the_metadata(tiny: SmallModel, tmp_path: Path) -> None:
    from edgeall.artifact.containers import container_of

    path, decoy = tiny.copy("tflite-fp32", tmp_path), tiny.sealed("tflite-fp32", tmp_path, "decoy")
    container = container_of(path)
    text = container.split(decoy.path).text
    assert text is not None
    container.attach(path, text, ("ALL", "healthy"))
    with pytest.raises(ArtifactError, match=r"labels\.txt"):
        artifact.read(path)


def test_a_schema_from_the_future_asks_for_an_update(tiny: SmallModel, tmp_path: Path) -> None:
    from edgeall.artifact.containers import container_of

    path = tiny.copy("onnx-fp32", tmp_path)
    container = container_of(path)
    document = tiny.metadata("onnx-fp32").to_dict() | {"schema": 99, "sharper": True}
    text = json.dumps(document | {"sha256": hashlib.sha256(b"by rules not known yet").hexdigest()})
    container.attach(path, text, tiny.decision.labels)
    with pytest.raises(ArtifactError, match="schema 99, this edgeall reads up to 2: update edgeall"):
        artifact.read(path)


def test_copying_under_another_name_changes_nothing(sealed: Artifact, tmp_path: Path) -> None:
    for file in files_of(sealed.path):
        (tmp_path / f"renamed{file.suffix}").write_bytes(_whole(file))
    copied = artifact.read(tmp_path / f"renamed{sealed.path.suffix}")
    assert (copied.sha256, copied.metadata) == (sealed.sha256, sealed.metadata)


@pytest.mark.parametrize(
    ("suffix", "limit"), [(".tflite", "2047 MiB"), (".onnx", "2047 MiB"), (".xml", "64 MiB")]
)
def test_a_file_that_is_larger_than_any_model_is_not_read(suffix: str, limit: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    with path.open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(ArtifactError, match=f"larger than {limit}, more than a model of its format can have"):
        artifact.read(path)


@pytest.mark.parametrize("inside", [False, True], ids=["of the model", "of an entry"])
def test_an_onnx_file_of_endless_fields_is_refused(inside: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    fields = b"\x18\x01" * 200_000
    # Apart from its many fields the second one is sound.
    path.write_bytes(protobuf.message(14, fields) + protobuf.message(7, b"") if inside else fields)
    with pytest.raises(ArtifactError, match="not an ONNX model"):
        artifact.read(path)
