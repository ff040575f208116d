"""Description fields of each format, read back by the format's own library, and by its rules for them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall import artifact, runs, runtimes
from edgeall.artifact import Artifact, Decision, usage
from edgeall.exporting import Exported, model_io
from edgeall.exporting.exporter import exporter


def described(small: SmallModel, recipe: str, folder: Path, **changes: object) -> Artifact:
    path = small.copy(recipe, folder)
    metadata = small.metadata(recipe, **changes)
    metadata = dataclasses.replace(metadata, tensors=model_io.tensors(path, metadata.format))
    exporter(metadata.format).describe(path, metadata)
    return artifact.seal(path, metadata)


@pytest.mark.parametrize(
    "recipe", ["tflite-fp32", "tflite-int8", "onnx-int8", "openvino-fp32", "openvino-int8"]
)
def test_tensors_are_those_that_the_engine_tells(mobile: SmallModel, tmp_path: Path, recipe: str) -> None:
    sealed = described(mobile, recipe, tmp_path)
    found = sealed.metadata.tensors
    assert found is not None
    with runtimes.open_session(sealed) as session:
        network = session._network
        assert network is not None
        for info, port in ((found.input, network.input), (found.output, network.output)):
            assert (info.shape, np.dtype(info.dtype)) == (port.shape, port.dtype)
            assert (info.scale, info.zero_point) == (pytest.approx(port.scale), port.zero_point)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("format", FORMATS)
def test_no_answer_changes_and_the_same_model_makes_the_same_bytes(
    tiny: SmallModel, tmp_path: Path, format: str, precision: str
) -> None:
    recipe = f"{format}-{precision}"
    (tmp_path / "again").mkdir()
    sealed = described(tiny, recipe, tmp_path)
    again = described(tiny, recipe, tmp_path / "again")
    for one, other in zip(artifact.files_of(sealed.path), artifact.files_of(again.path), strict=True):
        assert one.read_bytes() == other.read_bytes()
    kind = tiny.kind(recipe)[1]
    with (
        runtimes.open_model(tiny.files[recipe], format, tiny.pixels, precision=kind) as before,
        runtimes.open_session(sealed) as after,
    ):
        np.testing.assert_array_equal(after.predict(tiny.images), before.predict(tiny.images))


def test_onnx_says_what_it_is_and_edgeall_s_own_entry_stays_the_last(
    tiny: SmallModel, tmp_path: Path
) -> None:
    import onnx

    sealed = described(tiny, "onnx-int8", tmp_path)
    model = onnx.load(sealed.path)
    onnx.checker.check_model(model, full_check=True)
    steps = usage.rule(sealed.metadata)
    assert model.producer_name == "edgeall"
    assert model.doc_string == usage.description(sealed.metadata)
    assert steps["resize"] in model.graph.input[0].doc_string
    assert steps["verdict"] in model.graph.output[0].doc_string
    assert model.metadata_props[-1].key == "edgeall"


def info_of(sealed: Artifact) -> dict[str, str]:
    import openvino

    model = openvino.Core().read_model(sealed.path)
    assert model.get_rt_info("description").astype(str) == usage.description(sealed.metadata)
    assert json.loads(model.get_rt_info("edgeall").astype(str))["format"] == "openvino"
    found = model.get_rt_info("model_info").value
    return {key: str(item) for key, item in found.items()}


@pytest.mark.parametrize("kind", ["tiny", "mobile"])
def test_openvino_s_model_info_prepares_a_bgr_picture_alike(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """As OpenVINO Model API does: BGR pictures, channels reversed if it says so, then (byte - mean) / scale."""
    small: SmallModel = request.getfixturevalue(kind)
    info = info_of(described(small, "openvino-fp32", tmp_path))
    bgr = small.images[..., ::-1]
    ordered = bgr[..., ::-1] if info["reverse_input_channels"] == "True" else bgr
    mean, scale = (np.array(info[key].split(), float) for key in ("mean_values", "scale_values"))
    np.testing.assert_allclose(
        (ordered - mean) / scale, small.pixels.apply(small.images), rtol=1e-5, atol=1e-5
    )
    assert info["resize_type"] == "standard"
    assert "confidence_threshold" not in info, "theirs is not a threshold of the score"


def test_labels_and_type_are_given_only_where_its_readers_take_them_right(
    tiny: SmallModel, mobile: SmallModel, tmp_path: Path
) -> None:
    info = info_of(described(mobile, "openvino-fp32", tmp_path))
    assert (info["model_type"], info["labels"]) == ("Classification", "healthy early pre")
    spaced = Decision(("healthy", "early pre-B", "pre"), ("pre",))
    info = info_of(described(mobile, "openvino-int8", tmp_path, decision=spaced))
    assert info["model_type"] == "Classification"
    assert "labels" not in info
    info = info_of(described(tiny, "openvino-fp32", tmp_path))
    assert not {"labels", "model_type"} & info.keys()


@pytest.mark.parametrize(
    ("fit", "name"), [("stretch", "standard"), ("crop", "crop"), ("letterbox", "fit_to_window_letterbox")]
)
def test_the_fit_has_the_name_that_its_readers_know(
    tiny: SmallModel, tmp_path: Path, fit: str, name: str
) -> None:
    pixels = dataclasses.replace(tiny.pixels, fit=fit)
    info = info_of(described(tiny, "openvino-fp32", tmp_path, pixels=pixels))
    assert (info["resize_type"], info["pad_value"]) == (name, "0")


def test_a_plain_compile_of_openvino_does_not_take_the_hint_from_the_file(tiny: SmallModel) -> None:
    """Why the description has the hint. When this fails, OpenVINO reads it from the file: write it there then."""
    import openvino

    core = openvino.Core()
    default = core.compile_model(core.read_model(tiny.files["openvino-fp32"]), "CPU")
    other = "f32" if "bf" in str(default.get_property("INFERENCE_PRECISION_HINT")) else "bf16"
    model = core.read_model(tiny.files["openvino-fp32"])
    model.set_rt_info(other, ["runtime_options", "INFERENCE_PRECISION_HINT"])
    compiled = core.compile_model(model, "CPU")
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == default.get_property(
        "INFERENCE_PRECISION_HINT"
    )


def test_exported_files_have_them(exported: tuple[runs.Run, list[Exported]]) -> None:
    import onnx

    _, made = exported
    for each in made:
        sealed = artifact.read(each.path)
        assert sealed.metadata.tensors is not None
        if each.format == "onnx":
            assert onnx.load(each.path).doc_string == usage.description(sealed.metadata)
        if each.format == "openvino":
            assert info_of(sealed)["resize_type"] == "standard"
