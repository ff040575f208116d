"""An engine computes on the accelerator that is asked for or not at all.

This is the path to GPUs, on what an engine's CPU build offers: its CPU provider named as an accelerator, whose tensors
are bound and copied as a card's would be, and providers that are missing or take no operator. No GPU takes part.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall.errors import EngineError, UsageError
from edgeall.runtimes import (
    Accelerator,
    AcceleratorError,
    Session,
    Stages,
    lacking,
    onnx_providers,
    open_model,
    openvino,
    settings,
)
from edgeall.runtimes.onnx_batch import with_batch
from edgeall.runtimes.onnx_providers import session_options
from edgeall.runtimes.precision import of_types
from edgeall.runtimes.session import SessionOptions

ORT_CPU, OPENVINO_CPU = Accelerator("CPUExecutionProvider"), Accelerator("CPU")
NAMED = {"onnx": ORT_CPU, "openvino": OPENVINO_CPU}


def opened(model: SmallModel, recipe: str, **options: Any) -> Session:
    format, precision = model.kind(recipe)
    return open_model(model.files[recipe], format, model.pixels, precision=precision, **options)


def needs(missing: Accelerator, format: str) -> str:
    """Why it is missing here; a machine that has it cannot show the refusal."""
    reason = lacking(format, missing)  # type: ignore[arg-type]
    if reason is None:
        pytest.skip(f"{missing} is here")
    return reason


@pytest.mark.parametrize("recipe", ["onnx-fp32", "onnx-fp16", "onnx-int8", "openvino-fp32", "openvino-int8"])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_way_to_an_accelerator_gives_the_processors_answers(
    tiny: SmallModel, recipe: str, batch: int
) -> None:
    with opened(tiny, recipe) as session:
        expected = session.predict(tiny.images)
    accelerator = NAMED[recipe.split("-")[0]]
    with opened(tiny, recipe, accelerator=accelerator, batch=batch) as session:
        assert session.accelerator == accelerator
        np.testing.assert_allclose(session.predict(tiny.images), expected, atol=1e-6)


def test_copies_and_inference_can_be_told_apart(tiny: SmallModel) -> None:
    with opened(tiny, "onnx-fp32", accelerator=ORT_CPU, batch=2) as session:
        first, second = session.stack(tiny.images[:2]), session.stack(tiny.images[2:4])
        whole = session.infer(second).copy()
        assert isinstance(session.stages, Stages)
        session.stages.copy_in(first)
        session.stages.compute()
        other = session.stages.copy_out().copy()
        session.stages.copy_in(second)
        # The input has changed, what was computed has not.
        np.testing.assert_array_equal(session.stages.copy_out(), other)
        session.stages.compute()
        np.testing.assert_array_equal(session.stages.copy_out(), whole)
    assert not np.array_equal(other, whole)


@pytest.mark.parametrize("format", FORMATS)
def test_an_engine_that_cannot_tell_its_copies_says_why(tiny: SmallModel, format: str) -> None:
    with opened(tiny, f"{format}-fp32") as session:
        assert isinstance(session.stages, str)


@pytest.mark.parametrize(
    ("recipe", "place"), [("onnx-fp32", "CPUExecutionProvider"), ("openvino-int8", "CPU")]
)
def test_the_engine_tells_where_it_ran(tiny: SmallModel, recipe: str, place: str) -> None:
    with opened(tiny, recipe, accelerator=NAMED[recipe.split("-")[0]]) as session:
        assert list(session.placement()) == [place]


@pytest.mark.parametrize(
    ("format", "provider", "offered", "remedy"),
    [
        ("onnx", "CUDAExecutionProvider", "CPUExecutionProvider", "onnxruntime-gpu"),
        ("onnx", "TensorrtExecutionProvider", "CPUExecutionProvider", "onnxruntime-gpu"),
        ("onnx", "NoSuchProvider", "CPUExecutionProvider", "another build"),
        ("openvino", "GPU", "CPU", "intel-opencl-icd"),
    ],
)
def test_a_missing_provider_is_named_with_what_is_there_and_what_to_do(
    tiny: SmallModel, format: str, provider: str, offered: str, remedy: str
) -> None:
    accelerator = Accelerator(provider)
    reason = needs(accelerator, format)
    for word in (provider, offered, remedy):
        assert word in reason
    assert "\n" not in reason
    with pytest.raises(AcceleratorError) as refused:
        opened(tiny, f"{format}-fp32", accelerator=accelerator)
    assert provider in str(refused.value)


def test_a_provider_that_takes_no_operator_is_refused_and_not_replaced_by_the_processor(
    tiny: SmallModel,
) -> None:
    """ONNX Runtime alone would run it all on the processor, and answer."""
    import onnxruntime

    azure = Accelerator("AzureExecutionProvider")
    if azure.provider not in onnxruntime.get_available_providers():
        pytest.skip("this build of ONNX Runtime has no provider that takes no operator")
    alone = onnxruntime.InferenceSession(tiny.files["onnx-fp32"], providers=[azure.provider])
    assert alone.run(None, {"image": tiny.pixels.apply(tiny.images[:1])})
    with pytest.raises(AcceleratorError, match="did not take every operator"):
        opened(tiny, "onnx-fp32", accelerator=azure)
    assert "did not take every operator" in (lacking("onnx", azure) or "")


def test_a_device_of_openvino_that_stands_for_others_is_refused(tiny: SmallModel) -> None:
    with pytest.raises(AcceleratorError, match="on CPU, not on AUTO"):
        opened(tiny, "openvino-fp32", accelerator=Accelerator("AUTO"))


def test_nodes_that_another_provider_took_are_refused(tiny: SmallModel) -> None:
    from edgeall.runtimes.onnx import BoundNetwork

    network = BoundNetwork(tiny.files["onnx-fp32"], SessionOptions(accelerator=ORT_CPU))
    network._nodes[0]["provider"] = "AnotherExecutionProvider"
    with pytest.raises(AcceleratorError, match="AnotherExecutionProvider took nodes"):
        network.placement()


@pytest.mark.parametrize("threads", [1, 3])
def test_onnx_runtime_is_told_what_its_settings_say(threads: int) -> None:
    setup = SessionOptions(threads, accelerator=Accelerator("CUDAExecutionProvider", 1))
    told, options = settings("onnx", setup), session_options(setup)
    assert {name: getattr(options, name) for name in told["threads"]} == told["threads"]
    entries = {name: options.get_session_config_entry(name) for name in told["entries"]}
    assert entries == told["entries"]
    assert told["threads"]["intra_op_num_threads"] == threads
    assert told["entries"]["session.disable_cpu_ep_fallback"] == "1"
    assert told["provider_options"] == {"device_id": "1", "use_tf32": "0"}


def test_a_provider_starts_under_the_environment_that_its_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NVIDIA's provider itself is missing here, and refused before it is told anything: the CPU's takes its place."""
    monkeypatch.setattr(onnx_providers, "_ENVIRONMENT", {ORT_CPU.provider: {"EDGEALL_TOLD": "0"}})
    monkeypatch.setenv("EDGEALL_TOLD", "whatever the shell says")
    assert lacking("onnx", ORT_CPU) is None
    assert os.environ["EDGEALL_TOLD"] == "0"


def test_openvino_is_told_what_its_settings_say(tiny: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = openvino.settings(SessionOptions(threads=1))
    changed = usual | {"properties": usual["properties"] | {"INFERENCE_NUM_THREADS": 2}}
    monkeypatch.setattr(openvino, "settings", lambda setup: changed)
    network = openvino.load(tiny.files["openvino-fp32"], SessionOptions(threads=1))
    assert network._model.get_property("INFERENCE_NUM_THREADS") == 2


def test_tflite_has_no_accelerator(tiny: SmallModel) -> None:
    with pytest.raises(AcceleratorError, match="processor"):
        opened(tiny, "tflite-fp32", accelerator=Accelerator("GPU"))


def test_the_precision_of_a_provider_that_hides_its_operators_is_unknown() -> None:
    """A sample of what ONNX Runtime's profile tells of a subgraph that TensorRT took: its types are the subgraph's."""
    from edgeall.runtimes.onnx import _precision

    types = {"input_type_shape": [{"float": [1, 3]}], "output_type_shape": [{"float": [1, 3]}]}
    fused = {"op_name": "TRTKernel_graph_0", "provider": "TensorrtExecutionProvider", **types}
    assert _precision(fused) == "unknown"
    assert _precision({**fused, "op_name": "Conv", "provider": "CUDAExecutionProvider"}) == "float32"
    assert of_types(["float"], ["float"]) == "float32"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("batch", [2, 12, 16])
def test_images_of_a_batch_do_not_mix(mobile: SmallModel, format: str, batch: int) -> None:
    """Whole batches, and those filled up."""
    with opened(mobile, f"{format}-fp32") as one, opened(mobile, f"{format}-fp32", batch=batch) as many:
        answers = many.predict(mobile.images)
        np.testing.assert_allclose(answers, one.predict(mobile.images), atol=2e-5)
        assert many.stack(mobile.images[:1]).shape == (batch, 96, 96, 3)


def test_a_batch_below_one_is_refused(tiny: SmallModel) -> None:
    with pytest.raises(UsageError, match="batch of 0"):
        opened(tiny, "onnx-fp32", batch=0)


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_model_whose_inside_holds_its_batch_is_refused(tmp_path: Path, format: str) -> None:
    """A Reshape to (1, 1): right for one image, and wrong or impossible for three."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from edgeall.pixels import PixelMapping

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            helper.make_node("Reshape", ["mean", "shape"], ["out"]),
        ],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 32, 32, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1])],
        [
            numpy_helper.from_array(np.array([1, 2, 3], dtype=np.int64), "axes"),
            numpy_helper.from_array(np.array([1, 1], dtype=np.int64), "shape"),
        ],
    )
    path = tmp_path / "one.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    if format == "openvino":
        import openvino

        openvino.save_model(openvino.convert_model(path), tmp_path / "one.xml")
        path = tmp_path / "one.xml"
    pixels = PixelMapping(32, "RGB", (1 / 255,) * 3, (0.0,) * 3)
    images = np.zeros((3, 32, 32, 3), np.uint8)
    with open_model(path, format, pixels) as session:  # type: ignore[arg-type]
        assert session.predict(images).shape == (3, 2)
    with pytest.raises(EngineError), open_model(path, format, pixels, batch=3) as session:  # type: ignore[arg-type]
        session.predict(images)


def test_another_batch_changes_the_shape_of_input_and_output_alone(tiny: SmallModel) -> None:
    import onnx

    before = onnx.load(tiny.files["onnx-int8"])
    after = onnx.load_from_string(with_batch(tiny.files["onnx-int8"].read_bytes(), 300))
    for changed, kept in ((after.graph.input, before.graph.input), (after.graph.output, before.graph.output)):
        assert [port.type.tensor_type.shape.dim[0].dim_value for port in changed] == [300]
        for port in changed:
            port.type.tensor_type.shape.dim[0].dim_value = 1
        assert list(changed) == list(kept)
    assert list(after.graph.node) == list(before.graph.node)
    assert list(after.graph.initializer) == list(before.graph.initializer)


@pytest.mark.parametrize("data", [b"\x3a\xff", b"no model"])
def test_what_is_no_onnx_model_gets_no_batch(tmp_path: Path, tiny: SmallModel, data: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(EngineError, match=r"broken\.onnx"):
        open_model(path, "onnx", tiny.pixels, batch=2)


@pytest.mark.parametrize(
    ("asked", "told", "same"),
    [
        ("GPU", ["GPU.0"], True),
        ("GPU", ["OCL_GPU.0"], True),
        ("GPU.1", ["GPU.1"], True),
        ("CPU", ["CPU"], True),
        ("GPU", ["CPU"], False),
        ("GPU", ["GPU.1"], False),
        ("GPU", ["GPU.0", "CPU"], False),
        ("AUTO", ["CPU"], False),
    ],
)
def test_devices_have_more_than_one_name(asked: str, told: list[str], same: bool) -> None:
    """As OpenVINO's plugins tell them, of a computation that ran where it was asked for, or elsewhere."""
    assert openvino.computes_on(asked, told) is same
