"""An engine that answers as when the artifact was made passes; another answer is an error that says all."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import golden_artifacts
import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall import artifact, runtimes
from edgeall.artifact import Artifact
from edgeall.errors import SelftestError, UncheckableError
from edgeall.golden import checkable, checking
from edgeall.golden.checking import Outcome
from edgeall.runtimes import openvino


def check(made: Artifact, threads: int = 1) -> Outcome:
    with runtimes.open_session(made, threads) as session:
        return checking.check(made, session)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("format", FORMATS)
def test_each_engine_gives_its_own_answers_again(
    tiny: SmallModel, tmp_path: Path, format: str, precision: str
) -> None:
    made = golden_artifacts.of_small(tiny, f"{format}-{precision}", tmp_path)
    assert artifact.read(made.path).metadata.golden == made.metadata.golden
    for threads in (1, 2):
        outcome = check(made, threads)
        assert outcome.right
        assert outcome.difference < 0.5
        assert not outcome.saturated


@pytest.mark.parametrize("limit", ["SSE41", "AVX2"])
def test_fewer_instructions_give_the_same_answers(tiny: SmallModel, tmp_path: Path, limit: str) -> None:
    """oneDNN computes in OpenVINO, and obeys the variable when it is loaded: in a process of its own."""
    recipes = ("openvino-fp32", "openvino-int8")
    for recipe in recipes:
        (tmp_path / recipe).mkdir()
    made = [golden_artifacts.of_small(tiny, recipe, tmp_path / recipe) for recipe in recipes]
    done = subprocess.run(
        [sys.executable, "-m", "edgeall", "selftest", *(str(each.path) for each in made)],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": limit},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": right with openvino") == 2


def test_three_classes_are_checked_too(mobile: SmallModel, tmp_path: Path) -> None:
    outcome = check(golden_artifacts.of_small(mobile, "onnx-fp32", tmp_path))
    assert outcome.right
    assert np.shape(outcome.seen) == (4, 3)


def test_weights_that_are_not_those_of_the_answers_are_wrong(tmp_path: Path) -> None:
    honest = golden_artifacts.write(tmp_path)
    # Sealed anew, so that its checksum holds.
    tampered = golden_artifacts.write(tmp_path, name="tampered", factor=1.01, golden=honest.metadata.golden)
    assert check(honest).right
    with pytest.raises(SelftestError) as caught:
        check(tampered)
    message = str(caught.value)
    for part in (
        "tampered.onnx",
        "onnxruntime",
        "expected 0.",
        "seen 0.",
        "times the tolerance",
        "a processor",
    ):
        assert part in message
    assert "\n" not in message
    assert caught.value.exit_status == 2


def test_weights_rounded_to_bfloat16_are_wrong(tiny: SmallModel, tmp_path: Path) -> None:
    """The least that a computation in bfloat16 does, on a processor of any kind."""
    onnx = pytest.importorskip("onnx", reason="rounds weights with onnx")
    from onnx import numpy_helper

    made = golden_artifacts.of_small(tiny, "onnx-fp32", tmp_path)
    bare = tiny.copy("onnx-fp32", tmp_path, "rounded")
    model = onnx.load(str(bare))
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(bfloat16(numpy_helper.to_array(tensor)), tensor.name))
    onnx.save(model, str(bare))
    rounded = artifact.seal(bare, tiny.metadata("onnx-fp32", golden=made.metadata.golden))
    with pytest.raises(SelftestError):
        check(rounded)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """Float32 values rounded to the nearest with 8 bits, halves to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32).reshape(values.shape)


def test_openvino_computing_in_bfloat16_is_wrong(
    tiny: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = golden_artifacts.of_small(tiny, "openvino-fp32", tmp_path)
    told = openvino.properties

    def hinted(threads: int, precision: str, device: str = "CPU") -> dict[str, object]:
        return told(threads, precision, device) | {"INFERENCE_PRECISION_HINT": "bf16"}

    monkeypatch.setattr(openvino, "properties", hinted)
    with runtimes.open_session(made) as session:
        if "bfloat16" not in session.executed_precision().operators:
            pytest.skip("needs a processor on which OpenVINO computes in bfloat16 (x86: AVX-512)")
        with pytest.raises(SelftestError, match="openvino"):
            checking.check(made, session)


def test_an_artifact_without_golden_answers_cannot_be_checked(tiny: SmallModel, tmp_path: Path) -> None:
    with pytest.raises(UncheckableError, match=r"carries no golden answers .*export it again"):
        check(tiny.sealed("onnx-fp32", tmp_path))


def test_pictures_of_another_revision_cannot_be_checked(tmp_path: Path) -> None:
    known = golden_artifacts.write(tmp_path).metadata.golden
    assert known is not None
    later = dataclasses.replace(known, revision=checkable.REVISION + 1)
    with pytest.raises(UncheckableError, match="update edgeall"):
        check(golden_artifacts.write(tmp_path, name="later", golden=later))


def test_pictures_that_are_drawn_otherwise_are_told_from_a_wrong_engine(tmp_path: Path) -> None:
    known = golden_artifacts.write(tmp_path).metadata.golden
    assert known is not None
    other = dataclasses.replace(known, pictures="f" * 64)
    with pytest.raises(SelftestError, match="golden pictures are drawn differently here"):
        check(golden_artifacts.write(tmp_path, name="other", golden=other))


def test_answers_of_another_number_of_classes_cannot_be_checked(tmp_path: Path) -> None:
    known = golden_artifacts.write(tmp_path).metadata.golden
    assert known is not None
    three = dataclasses.replace(known, probabilities=((0.2, 0.3, 0.5),) * len(known.seeds))
    with pytest.raises(UncheckableError, match="of 3 classes, not of 2"):
        check(golden_artifacts.write(tmp_path, name="three", golden=three))


def test_readers_without_golden_answers_read_the_artifact(tmp_path: Path) -> None:
    made = golden_artifacts.write(tmp_path)
    document = made.metadata.to_dict()
    assert document["schema"] <= 2, "older versions ignore the key"
    shutil.copy(made.path, tmp_path / "copy.onnx")
    assert artifact.read(tmp_path / "copy.onnx").metadata == made.metadata
