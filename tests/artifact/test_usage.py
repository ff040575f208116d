"""The rule in words: it says each fact of the typed metadata, and only those."""

import dataclasses
import json
from pathlib import Path

import pytest
from small_models import FORMATS, SmallModel

from edgeall import artifact
from edgeall.artifact import Calibration, Decision, Metadata, TensorInfo, Tensors, usage
from edgeall.artifact.containers import container_of
from edgeall.cli.main import main
from edgeall.pixels import FILTERS, FITS, PixelMapping

STEPS = ["decode", "resize", "input", "output", "verdict", "engine"]


def rule(tiny: SmallModel, recipe: str = "onnx-fp32", **changes: object) -> dict[str, str]:
    return usage.rule(tiny.metadata(recipe, **changes))


def pixels(**changes: object) -> PixelMapping:
    return dataclasses.replace(PixelMapping(224, "RGB", (1 / 255,) * 3, (0.0,) * 3), **changes)


def test_the_steps_are_in_the_order_of_use(tiny: SmallModel) -> None:
    assert list(rule(tiny)) == STEPS


@pytest.mark.parametrize("filter", FILTERS)
def test_jpegs_are_decoded_smaller_only_for_filters_that_antialias(tiny: SmallModel, filter: str) -> None:
    words = rule(tiny, pixels=pixels(filter=filter))["decode"]
    antialiased = filter not in ("nearest", "bilinear-no-antialias")
    assert ('image.draft("RGB", (448, 448))' in words) == antialiased
    assert ("full size" in words) != antialiased
    for always in ("EXIF", "white", "8-bit RGB"):
        assert always in words


CALLS = {
    ("stretch", "bilinear"): ("image.resize((224, 224), Image.Resampling.BILINEAR)",),
    ("crop", "bicubic"): (
        "image.crop((left, top, left + side, top + side))",
        "image.resize((224, 224), Image.Resampling.BICUBIC)",
    ),
    ("letterbox", "box"): ("on a black square", "image.resize((224, 224), Image.Resampling.BOX)"),
    ("crop", "nearest"): ("row ((2 * i + 1) * height) // (2 * 224)",),
    ("stretch", "bilinear-no-antialias"): (
        "image.transform((224, 224), Image.Transform.EXTENT, (0, 0, *image.size), Image.Resampling.BILINEAR)",
    ),
}


@pytest.mark.parametrize(("fit", "filter"), CALLS)
def test_the_resize_is_told_as_the_library_call(tiny: SmallModel, fit: str, filter: str) -> None:
    words = rule(tiny, pixels=pixels(fit=fit, filter=filter))["resize"]
    assert all(call in words for call in CALLS[fit, filter])


def test_each_fit_and_filter_has_its_own_words(tiny: SmallModel) -> None:
    told = {rule(tiny, pixels=pixels(fit=fit, filter=kind))["resize"] for fit in FITS for kind in FILTERS}
    assert len(told) == len(FITS) * len(FILTERS)


def test_channels_and_their_numbers_are_told_to_the_last_digit(tiny: SmallModel) -> None:
    words = rule(tiny, pixels=pixels())["input"]
    assert "order RGB" in words
    assert "scale 0.00392156862745098 and offset 0.0 for each channel" in words
    assert "1 x 224 x 224 x 3: batch, height, width, channel (NHWC)" in words
    caffe = pixels(channel_order="BGR", offset=(-103.939, -116.779, -123.68))
    words = rule(tiny, pixels=caffe)["input"]
    assert "order BGR" in words
    for channel in ("offset -103.939 for B", "offset -116.779 for G", "offset -123.68 for R"):
        assert channel in words


def test_integer_tensors_are_told_with_their_scales(tiny: SmallModel) -> None:
    tensors = Tensors(
        TensorInfo("in", (1, 32, 32, 3), "int8", 0.0078125, -1),
        TensorInfo("out", (1, 1), "int8", 0.00390625, -128),
    )
    told = rule(tiny, tensors=tensors)
    assert "round(value / 0.0078125) + -1, halves to even, limited to -128 to 127" in told["input"]
    assert "probability = (value - -128) * 0.00390625" in told["output"]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (1, 'the probability of "ALL", the second label'),
        (2, "the probabilities of healthy, ALL, in this order"),
    ],
)
def test_what_the_output_means_is_known_from_its_shape(tiny: SmallModel, outputs: int, words: str) -> None:
    tensors = Tensors(TensorInfo("", (1, 32, 32, 3), "float32"), TensorInfo("", (1, outputs), "float32"))
    assert words in rule(tiny, tensors=tensors)["output"]
    assert words in rule(tiny)["output"], "artifacts that do not tell their tensors: both cases"


def test_the_verdict_has_threshold_positive_labels_and_band(tiny: SmallModel) -> None:
    words = rule(tiny, decision=Decision(("a", "b", "c"), ("b", "c"), 0.37, (0.25, 0.5)))["verdict"]
    assert words == (
        'score = the sum of the probabilities of "b" and "c". If 0.25 <= score < 0.5, a human decides; else the '
        "verdict is positive if score >= 0.37, otherwise negative."
    )


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (None, "not known whether"),
        (Calibration("none", 1.0, 0.0, 0), "are not calibrated"),
        (Calibration("platt", 0.8, 0.1, 66), "are calibrated (platt)"),
    ],
)
def test_whether_probabilities_are_calibrated(
    tiny: SmallModel, calibration: Calibration | None, words: str
) -> None:
    assert words in rule(tiny, calibration=calibration)["output"]


@pytest.mark.parametrize("recipe", ["openvino-fp32", "openvino-int8", "openvino-fp16"])
def test_openvino_is_to_be_asked_for_float32(tiny: SmallModel, recipe: str) -> None:
    assert '{"INFERENCE_PRECISION_HINT": "f32"}' in rule(tiny, recipe)["engine"]


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_in_the_file_and_in_inspect(
    tiny: SmallModel, tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed = tiny.sealed(f"{format}-fp32", tmp_path)
    expected = usage.rule(sealed.metadata)
    text = container_of(sealed.path).split(sealed.path).text
    assert json.loads(text or "")[usage.USAGE] == expected
    assert main(["inspect", str(sealed.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usage"] == expected
    assert main(["inspect", str(sealed.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for step in STEPS:
        assert f"to use it: {step}" in shown
    assert "INFERENCE_PRECISION_HINT" in shown or format != "openvino"


def test_it_is_rendered_from_the_values_and_not_from_the_words_in_the_file(tiny: SmallModel) -> None:
    document = tiny.metadata("onnx-fp32").to_dict() | {usage.USAGE: {"resize": "with anything"}}
    assert usage.rule(Metadata.from_dict(document)) == rule(tiny)


def test_names_with_brackets_and_colons_are_shown_as_they_are(
    tiny: SmallModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = Decision(("[red]healthy[/x]", ":warning:"), (":warning:",))
    sealed = tiny.sealed("onnx-fp32", tmp_path, decision=decision)
    assert main(["inspect", str(sealed.path)]) == 0
    assert "[red]healthy[/x], :warning:" in capsys.readouterr().out
    assert artifact.read(sealed.path).metadata.decision == decision
