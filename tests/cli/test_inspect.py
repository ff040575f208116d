"""`edgeall inspect`: what an artifact says, what its engine makes of it, and when it is damaged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import FORMATS, SmallModel

from edgeall import artifact
from edgeall.artifact import Calibration, ClassTest, Domain, Noise, Parity, PersonCut, Share, ShiftAgreement
from edgeall.cli.main import main


@pytest.mark.parametrize("format", FORMATS)
def test_json_tells_everything(
    tiny: SmallModel, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = tiny.sealed(f"{format}-int8", tmp_path)
    assert main(["inspect", str(sealed.path), "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["metadata"] == json.loads(json.dumps(sealed.metadata.to_dict()))
    assert (document["sha256"], document["size_bytes"]) == (sealed.sha256, sealed.size_bytes)
    assert document["checksum_ok"] is True
    assert len(document["files"]) == (2 if format == "openvino" else 1)
    executed = document["executed_precision"]
    assert executed["dominant"] == "int8"
    assert executed["float_operators"] == {}
    assert sum(executed["operators"].values()) >= 5
    assert document["engine"]["version"]
    assert document["engine_error"] is None
    assert err == ""


def test_people_read_a_table(mobile: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed = mobile.sealed(
        "openvino-int8",
        tmp_path,
        parity=Parity(40, 0.95, 0.2, 0.03, False),
        calibration=Calibration("temperature", 1.25, 0.0, 66),
        domain=Domain(282, 96, True, (300, 450, 450), (450, 450, 450), 0.015, 7),
    )
    assert main(["inspect", str(sealed.path)]) == 0
    out = capsys.readouterr().out
    for words in (
        "cells cut out on black: 282 images of 7 people, 300 to 450 x 450 pixels;",
        f"ok, {sealed.sha256}",
        "openvino, int8",
        "healthy, early, pre",
        "early + pre from 0.6",
        "96 x 96 BGR",
        "FAILED on 40 images: decisions agree 95.0%",
        "random weights",
        "temperature on 66 validation images: logit x 1.25, in the weights already",
        "Not a medical device",
        "1 Softmax",
    ):
        assert words in out


def test_what_is_optimistic_or_was_not_measured_is_said(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = [
        {"method": "min-max", "measured_in": "engine", "passed": False, "mean_abs_diff": 0.3},
        {"method": "mse", "measured_in": "simulation", "passed": True, "mean_abs_diff": 0.01},
        {"method": "mse", "measured_in": "engine", "passed": True, "mean_abs_diff": 0.01},
    ]
    sealed = tiny.sealed(
        "onnx-int8",
        tmp_path,
        parity=Parity(40, 1.0, 0.2, 0.01, True, accuracy_delta=0.0),
        quantization={"method": "mse", "shared": "0123456789abcdef0123-mse", "fallbacks": tried},
    )
    assert main(["inspect", str(sealed.path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "AUC not measured nor limited (images of one class)" in out
    assert "optimistic: chosen from 3 attempts by these same images" in out
    assert "the same model in each format that names 0123456789abcdef0123-mse" in out
    one = tiny.sealed("onnx-fp32", tmp_path, parity=Parity(40, 1.0, 0.2, 0.01, True, 0.0, 0.0, 0.0, 0.0))
    assert main(["inspect", str(one.path)]) == 0
    out = capsys.readouterr().out
    assert "optimistic:" not in out
    assert "one class)" not in out
    assert "most probable class" not in out
    exchanged = Parity(40, 1.0, 0.0, 0.0, False, class_agreement=0.5, class_mean_abs_diff=0.3)
    assert main(["inspect", str(tiny.sealed("tflite-fp32", tmp_path, parity=exchanged).path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "FAILED on 40 images: decisions agree 100.0%" in out
    assert "most probable class agrees 50.0%, mean |Δp| of a class 0.3000" in out


def test_an_outcome_has_its_reasons_its_figures_and_what_they_are_over(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parity = Parity(
        66, 0.97, 0.2, 0.034, None,
        auc_delta=0.012, auc_delta_low=-0.06, auc_delta_high=0.03, accuracy_delta=0.01,
        outcome="unproven", reasons=("a fall by 0.03 is not excluded",), needed=310, clear=57, clear_agreement=0.985,
        log_loss_delta=-0.018, log_loss_delta_low=-0.04, log_loss_delta_high=0.01, over="subjects",
        noise=Noise(0.073, 0.037, 0.094),
        shifts=(ShiftAgreement("blur", 34, 0.97, 0.94), ShiftAgreement("stain", 0, None)),
    )  # fmt: skip
    tried = [
        {"method": "min-max", "measured_in": "engine", "passed": None, "mean_abs_diff": 0.034},
        {"method": "bias-correction", "measured_in": "engine", "passed": False, "mean_abs_diff": 0.3},
    ]
    sealed = tiny.sealed(
        "onnx-int8", tmp_path, parity=parity, quantization={"method": "min-max", "fallbacks": tried}
    )
    assert main(["inspect", str(sealed.path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "unproven on 66 images: a fall by 0.03 is not excluded; about 310 images like these would decide; optimistic",
        "decisions agree 97.0%; clear verdicts agree 98.5% of 57; mean |Δp| 0.0340, max 0.2000; accuracy +0.010; AUC "
        "+0.012 (-0.060 to +0.030); log-loss -0.018 (-0.040 to +0.010); one-sided 95 % bounds over subjects",
        "0.0730 when pixels change by one grey level, 0.0370 when the picture is shifted by one pixel, 0.0940 when",
        "blur 97.0% of 34, with own calibration 94.0%, stain: none is clear",
        "min-max (engine): unproven, mean |Δp| 0.0340; bias-correction (engine): failed",
    ):
        assert words in out


def test_test_figures_and_the_decision_for_a_person_have_a_line_each(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = artifact.TestFigures(
        *("the Keras model", "subject", 0.5),
        positive=ClassTest(Share(0.93, 0.81, 0.98), 60, 3),
        negative=ClassTest(Share(0.95, 0.83, 0.99), 60, 3),
        subjects=6,
    )
    cut = PersonCut(0.25, 0.6, 9, 8, 20)
    for parts, words in (
        ({"test": test, "person_cut": cut}, (test.in_words, cut.in_words)),
        (
            {"no_person_cut": "people are not known"},
            ("not known to this artifact", "none: people are not known"),
        ),
        ({}, ("test figures not known to this artifact", "decision for a person not known to this artifact")),
    ):
        sealed = tiny.sealed("onnx-int8", tmp_path, **parts)
        assert main(["inspect", str(sealed.path)]) == 0
        out = " ".join(capsys.readouterr().out.split())
        for each in words:
            assert each in out


@pytest.mark.parametrize("format", FORMATS)
def test_damage_is_one_line_and_status_2(
    tiny: SmallModel, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = tiny.sealed(f"{format}-fp32", tmp_path)
    content = bytearray(sealed.path.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.path.write_bytes(content)
    assert main(["inspect", str(sealed.path), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert str(sealed.path) in err


def test_an_artifact_that_its_engine_cannot_load_is_status_1(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole and sealed, but never a model: the checksum is right and the engine refuses it."""
    path = tmp_path / "hollow.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(200))
    artifact.seal(path, tiny.metadata("tflite-fp32"))
    assert main(["inspect", str(path), "--json"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["checksum_ok"] is True
    assert document["executed_precision"] is None
    assert "cannot load it" in document["engine_error"]
    assert "cannot load it" in err


def test_without_the_engine_all_but_the_operators(tiny: SmallModel, tmp_path: Path) -> None:
    sealed = tiny.sealed("onnx-fp32", tmp_path)
    program = (
        "import sys; sys.modules['onnxruntime'] = None; from edgeall.cli.main import main; "
        f"raise SystemExit(main(['inspect', {str(sealed.path)!r}, '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["metadata"]["format"] == "onnx"
    assert document["executed_precision"] is None
    assert 'pip install "edgeall[onnx]"' in done.stderr
