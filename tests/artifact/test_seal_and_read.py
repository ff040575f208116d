"""Sealing makes a model file say what it is; reading checks every word; engines and other tools still open it."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall import artifact
from edgeall.artifact import Calibration, Decision, Metadata
from edgeall.errors import ArtifactError
from edgeall.runtimes import open_model, open_session


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_sealed_is_what_is_read(tiny: SmallModel, tmp_path: Path, format: str) -> None:
    metadata = tiny.metadata(
        f"{format}-fp32",
        decision=Decision(("gesund", "Leukämie <\"&'>"), ("Leukämie <\"&'>",), 0.37, (0.25, 0.5)),
        calibration=Calibration("platt", 0.8, -0.125, 66),
        recipe={"precision": "float32", "parity": {"images": 200, "mean_abs_diff": 1e-5}, "list": [1, 2.5]},
    )
    sealed = artifact.seal(tiny.copy(f"{format}-fp32", tmp_path), metadata)
    assert sealed.metadata == metadata
    assert artifact.read(sealed.path) == sealed
    assert sealed.size_bytes == sum(file.stat().st_size for file in artifact.files_of(sealed.path))


@pytest.mark.parametrize("format", FORMATS)
def test_sealing_does_not_change_an_answer(tiny: SmallModel, tmp_path: Path, format: str) -> None:
    recipe = f"{format}-int8"
    sealed = tiny.sealed(recipe, tmp_path)
    with open_model(tiny.files[recipe], format, tiny.pixels, precision="int8") as bare:  # type: ignore[arg-type]
        expected = bare.predict(tiny.images)
    with open_session(sealed) as session:
        np.testing.assert_array_equal(session.predict(tiny.images), expected)


def test_same_model_and_metadata_make_the_same_bytes(tiny: SmallModel, tmp_path: Path) -> None:
    for format in FORMATS:
        (tmp_path / format).mkdir()
        first = tiny.sealed(f"{format}-fp32", tmp_path, "first")
        second = tiny.sealed(f"{format}-fp32", tmp_path / format, "second")
        assert first.path.read_bytes() == second.path.read_bytes()
        assert first.sha256 == second.sha256


def test_another_threshold_makes_another_identity(tiny: SmallModel, tmp_path: Path) -> None:
    decision = dataclasses.replace(tiny.decision, threshold=0.4)
    one = tiny.sealed("onnx-fp32", tmp_path, "one")
    other = tiny.sealed("onnx-fp32", tmp_path, "other", decision=decision)
    assert one.sha256 != other.sha256


def test_a_tflite_artifact_lists_its_labels_for_any_unzip_tool(tiny: SmallModel, tmp_path: Path) -> None:
    sealed = tiny.sealed("tflite-fp32", tmp_path)
    with zipfile.ZipFile(sealed.path) as archive:
        assert archive.read("labels.txt").decode() == "healthy\nALL\n"
        assert json.loads(archive.read("edgeall.json"))["decision"]["labels"] == ["healthy", "ALL"]
    listing = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", sealed.path], capture_output=True, text=True, check=True
    )
    assert "labels.txt" in listing.stdout


def test_tensorflow_s_own_interpreter_opens_a_sealed_model(tiny: SmallModel, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow")

    interpreter = tf.lite.Interpreter(str(tiny.sealed("tflite-fp32", tmp_path).path))
    interpreter.allocate_tensors()
    given, asked = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.set_tensor(given, tiny.pixels.apply(tiny.images[:1]))
    interpreter.invoke()
    assert interpreter.get_tensor(asked)[0, 0] == pytest.approx(tiny.reference[0, 1], abs=1e-5)


def test_onnx_s_own_checker_accepts_a_sealed_model(tiny: SmallModel, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(tiny.sealed("onnx-int8", tmp_path).path)
    onnx.checker.check_model(model, full_check=True)
    described = {
        entry.key: json.loads(entry.value) for entry in model.metadata_props if entry.key == "edgeall"
    }
    assert described["edgeall"]["precision"] == "int8"


def test_openvino_s_own_reader_opens_a_sealed_model_and_finds_the_metadata(
    tiny: SmallModel, tmp_path: Path
) -> None:
    import openvino

    model = openvino.Core().read_model(tiny.sealed("openvino-fp32", tmp_path).path)
    assert json.loads(model.get_rt_info("edgeall").astype(str))["format"] == "openvino"


def test_an_openvino_model_without_rt_info_can_be_sealed(tiny: SmallModel, tmp_path: Path) -> None:
    path = tiny.copy("openvino-fp32", tmp_path)
    graph = path.read_text()
    head, _, _ = graph.rpartition("<rt_info>")
    path.write_text(head + "</net>\n")
    artifact.seal(path, tiny.metadata("openvino-fp32"))
    assert artifact.read(path).metadata.format == "openvino"
    with open_session(artifact.read(path)) as session:
        np.testing.assert_allclose(session.predict(tiny.images), tiny.reference, atol=1e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_is_sealed_once(tiny: SmallModel, tmp_path: Path, format: str) -> None:
    sealed = tiny.sealed(f"{format}-fp32", tmp_path)
    before = sealed.path.read_bytes()
    with pytest.raises(ArtifactError, match="carries edgeall metadata already"):
        artifact.seal(sealed.path, sealed.metadata)
    assert sealed.path.read_bytes() == before


def test_a_tflite_model_with_another_tool_s_zip_is_left_alone(tiny: SmallModel, tmp_path: Path) -> None:
    path = tiny.copy("tflite-fp32", tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("vocabulary.txt", "a\n")
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match="carries a ZIP archive already"):
        artifact.seal(path, tiny.metadata("tflite-fp32"))
    assert path.read_bytes() == before


@pytest.mark.parametrize("format", FORMATS)
def test_the_format_must_be_the_suffix_s(tiny: SmallModel, tmp_path: Path, format: str) -> None:
    other = "onnx-fp32" if format == "tflite" else "tflite-fp32"
    path = tiny.copy(f"{format}-fp32", tmp_path)
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match="suffix"):
        artifact.seal(path, tiny.metadata(other))
    assert path.read_bytes() == before


def test_metadata_that_json_cannot_hold_is_refused(tiny: SmallModel, tmp_path: Path) -> None:
    path = tiny.copy("onnx-fp32", tmp_path)
    for recipe in ({"tolerance": float("nan")}, {"path": Path("x")}):
        with pytest.raises(ArtifactError, match="cannot be written as JSON"):
            artifact.seal(path, tiny.metadata("onnx-fp32", recipe=recipe))


@pytest.mark.parametrize("format", FORMATS)
def test_a_foreign_model_is_named_as_one(tiny: SmallModel, format: str) -> None:
    with pytest.raises(ArtifactError, match="no edgeall metadata") as caught:
        artifact.read(tiny.files[f"{format}-fp32"])
    assert "edgeall export" in str(caught.value)


@pytest.mark.parametrize(
    ("real", "claimed"), [("tflite", ".onnx"), ("onnx", ".xml"), ("openvino", ".tflite")]
)
def test_a_suffix_that_lies_is_found_out(tiny: SmallModel, tmp_path: Path, real: str, claimed: str) -> None:
    sealed = tiny.sealed(f"{real}-fp32", tmp_path)
    path = shutil.copy(sealed.path, tmp_path / f"lie{claimed}")
    with pytest.raises(ArtifactError, match=r"not an? .* model"):
        artifact.read(path)


def test_an_openvino_artifact_without_its_weights(tiny: SmallModel, tmp_path: Path) -> None:
    sealed = tiny.sealed("openvino-fp32", tmp_path)
    sealed.path.with_suffix(".bin").unlink()
    with pytest.raises(ArtifactError, match=r"model\.bin are missing; copy both"):
        artifact.read(sealed.path)


def test_no_file_no_suffix_no_access(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such file"):
        artifact.read(tmp_path / "absent.onnx")
    with pytest.raises(ArtifactError, match="edgeall reads"):
        artifact.read(tmp_path / "model.h5")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(ArtifactError, match=r"folder\.onnx"):
        artifact.read(tmp_path / "folder.onnx")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads and writes everything"
)
def test_a_file_that_may_not_be_read(tiny: SmallModel, tmp_path: Path) -> None:
    sealed = tiny.sealed("onnx-fp32", tmp_path)
    sealed.path.chmod(0)
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifact.read(sealed.path)


def test_trouble_with_the_disk_is_an_artifact_error(tiny: SmallModel, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifact.seal(tmp_path / "absent.tflite", tiny.metadata("tflite-fp32"))
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifact.seal(tmp_path / ("long" * 100 + ".onnx"), tiny.metadata("onnx-fp32"))


LATER = {
    "quantization": {},
    "calibration": None,
    "tensors": None,
    "test": None,
    "person_cut": None,
    "no_person_cut": "",
    "domain": None,
    "golden": None,
}
"""Fields that artifacts did not have from the beginning, and what their absence stands for."""


@pytest.mark.parametrize("field", sorted(LATER))
def test_artifacts_from_before_a_field_was_there_are_still_read(tiny: SmallModel, field: str) -> None:
    document = tiny.metadata("onnx-fp32").to_dict()
    del document[field]
    expected = dataclasses.replace(tiny.metadata("onnx-fp32"), **{field: LATER[field]})
    assert Metadata.from_dict(document) == expected


@pytest.mark.parametrize(
    "field", [name.name for name in dataclasses.fields(Metadata) if name.name not in LATER]
)
def test_every_field_of_the_metadata_is_needed(tiny: SmallModel, field: str) -> None:
    document = tiny.metadata("onnx-fp32").to_dict()
    del document[field]
    with pytest.raises(ArtifactError, match=field):
        Metadata.from_dict(document)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("format",), "coreml"),
        (("precision",), "int4"),
        (("pixels", "size"), 1e300),
        (("pixels", "size"), 4),
        (("pixels", "channel_order"), "GRB"),
        (("pixels", "scale"), [1, 2]),
        (("pixels", "offset"), [0, 0, 10**400]),
        (("decision", "labels"), ["one"]),
        (("decision", "labels"), ["healthy", "A\nLL"]),
        (("decision", "positive"), ["healthy", "ALL"]),
        (("decision", "threshold"), 1.5),
        (("decision", "refer"), [0.6, 0.4]),
        (("provenance",), {"run": "r"}),
        (("parity",), {"n": 1}),
        (("schema",), 0),
    ],
)
def test_a_value_out_of_range_is_an_artifact_error(
    tiny: SmallModel, where: tuple[str, ...], value: object
) -> None:
    document = tiny.metadata("onnx-fp32").to_dict()
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(ArtifactError):
        Metadata.from_dict(document)


def test_metadata_survives_json(tiny: SmallModel) -> None:
    metadata = tiny.metadata("tflite-int8", parity=None)
    assert Metadata.from_dict(json.loads(json.dumps(metadata.to_dict()))) == metadata
