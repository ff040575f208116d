"""A session: image bytes in, class probabilities out, whatever the engine, the precision and the model's types."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import FORMATS, SmallModel

from edgeall.artifact import suffix_of
from edgeall.errors import EngineError, UsageError
from edgeall.pixels import PixelMapping
from edgeall.runtimes import Session, open_model, open_session

UNIT = PixelMapping(32, "RGB", (1 / 255,) * 3, (0.0,) * 3)


def opened(model: SmallModel, recipe: str, **options: Any) -> Session:
    format, precision = model.kind(recipe)
    return open_model(model.files[recipe], format, model.pixels, precision=precision, **options)


@pytest.mark.parametrize("format", FORMATS)
def test_float32_answers_are_those_of_keras(tiny: SmallModel, mobile: SmallModel, format: str) -> None:
    for model, tolerance in ((tiny, 2e-6), (mobile, 5e-4)):
        with opened(model, f"{format}-fp32") as session:
            np.testing.assert_allclose(session.predict(model.images), model.reference, atol=tolerance)


@pytest.mark.parametrize("recipe", [f"{format}-{kind}" for format in FORMATS for kind in ("fp16", "int8")])
def test_smaller_types_stay_near_keras(tiny: SmallModel, recipe: str) -> None:
    with opened(tiny, recipe) as session:
        difference = np.abs(session.predict(tiny.images) - tiny.reference)
    assert difference.mean() < (0.002 if recipe.endswith("fp16") else 0.05)


@pytest.mark.parametrize(
    "recipe", ["tflite-fp32", "tflite-int8", "onnx-fp32", "openvino-fp32", "openvino-int8"]
)
def test_answers_are_those_of_the_engine_alone(mobile: SmallModel, recipe: str) -> None:
    tensors = [mobile.pixels.apply(image[None]) for image in mobile.images]
    with opened(mobile, recipe) as session:
        answers = session.predict(mobile.images)
    np.testing.assert_allclose(answers, _alone(mobile.files[recipe], tensors), atol=1e-6)


def test_integer_products_of_onnx_runtime_do_not_saturate(tiny: SmallModel) -> None:
    """Against the same file with every fusion off, which computes the quantized graph in float32, step by step.

    On a CPU without VNNI, ONNX Runtime left to itself is wrong by 0.27 on average here.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    exact = onnxruntime.InferenceSession(tiny.files["onnx-int8"], options, providers=["CPUExecutionProvider"])
    expected = [exact.run(None, {"image": tiny.pixels.apply(image[None])})[0] for image in tiny.images]
    with opened(tiny, "onnx-int8") as session:
        answers = session.predict(tiny.images)[:, 1:]
    np.testing.assert_allclose(answers, np.concatenate(expected), atol=0.02)


def test_integer_inputs_and_outputs_are_scaled(tiny: SmallModel, integer_tflite: Path) -> None:
    with open_model(integer_tflite, "tflite", tiny.pixels, precision="int8") as session:
        tensors = [session.prepare(image) for image in tiny.images]
        assert {tensor.dtype for tensor in tensors} == {np.dtype(np.int8)}
        assert session.infer(tensors[0]).dtype == np.int8
        answers = session.predict(tiny.images)
    # TFLite's sigmoid has a scale of 1/256 and a zero point of -128, always.
    expected = (_alone(integer_tflite, tensors).astype(np.float32) + 128) / 256
    np.testing.assert_array_equal(answers[:, 1:], expected)
    with opened(tiny, "tflite-int8") as session:
        np.testing.assert_allclose(answers, session.predict(tiny.images), atol=0.05)


@pytest.mark.parametrize("recipe", ["tflite-int8", "onnx-fp32", "openvino-fp32"])
def test_predict_is_prepare_infer_probabilities(mobile: SmallModel, recipe: str) -> None:
    with opened(mobile, recipe) as session:
        tensors = [session.prepare(image) for image in mobile.images]
        assert {tensor.shape for tensor in tensors} == {(1, 96, 96, 3)}
        rows = [session.probabilities(session.infer(tensor)) for tensor in tensors]
        np.testing.assert_array_equal(session.predict(mobile.images), np.concatenate(rows))
        # Rows of softmax, not views of one buffer that the next inference overwrites.
        assert len(np.unique(np.concatenate(rows)[:, 0])) > 1
        np.testing.assert_allclose(np.concatenate(rows).sum(axis=1), 1, atol=0.02)


@pytest.mark.parametrize("format", FORMATS)
def test_one_sigmoid_becomes_two_probabilities(tiny: SmallModel, format: str) -> None:
    with opened(tiny, f"{format}-fp32", classes=2) as session:
        probabilities = session.predict(tiny.images)
        assert session.predict(tiny.images[:0]).shape == (0, 2)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(tiny.images), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("format", FORMATS)
def test_threads_change_no_answer(mobile: SmallModel, format: str) -> None:
    with (
        opened(mobile, f"{format}-fp32", threads=1) as one,
        opened(mobile, f"{format}-fp32", threads=2) as two,
    ):
        assert (one.threads, two.threads) == (1, 2)
        np.testing.assert_allclose(one.predict(mobile.images), two.predict(mobile.images), atol=1e-4)


def test_a_sealed_artifact_opens_by_its_own_metadata(mobile: SmallModel, tmp_path: Path) -> None:
    sealed = mobile.sealed("onnx-fp32", tmp_path)
    with open_session(sealed, threads=1) as session:
        np.testing.assert_allclose(session.predict(mobile.images), mobile.reference, atol=5e-4)
        assert session.pixels == mobile.pixels


def test_a_batch_left_open_in_the_file_is_one(linear: Callable[..., Path]) -> None:
    images = np.full((2, 32, 32, 3), 51, dtype=np.uint8)
    with open_model(linear(1.0, batch="n"), "onnx", UNIT) as session:
        np.testing.assert_allclose(session.predict(images), [[0.8, 0.2]] * 2, atol=1e-6)


def test_no_probability_is_an_error_and_names_the_cure(linear: Callable[..., Path]) -> None:
    white = np.full((1, 32, 32, 3), 255, dtype=np.uint8)
    with open_model(linear(3.0, -2.0), "onnx", UNIT) as session:
        with pytest.raises(EngineError, match=r"no probabilities.*sigmoid"):
            session.predict(white)
        assert session.predict(white * 0).tolist() == [[0, 0]]
    for broken in (float("nan"), float("inf")):
        with (
            open_model(linear(broken, 0.5), "onnx", UNIT) as session,
            pytest.raises(EngineError, match="NaN or infinity"),
        ):
            session.predict(white)


def test_rounding_just_outside_is_clipped(linear: Callable[..., Path]) -> None:
    white = np.full((1, 32, 32, 3), 255, dtype=np.uint8)
    with open_model(linear(1.0005, -0.0005), "onnx", UNIT) as session:
        assert session.predict(white).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_that_is_not_what_is_said_of_it(tiny: SmallModel, format: str) -> None:
    path = tiny.files[f"{format}-fp32"]
    wrong = PixelMapping(48, "RGB", (1.0,) * 3, (0.0,) * 3)
    with pytest.raises(EngineError, match=re.escape("(1, 32, 32, 3), not (1, 48, 48, 3)")):
        open_model(path, format, wrong)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match=re.escape("(1, 1), not 3 classes")):
        open_model(path, format, tiny.pixels, classes=3)  # type: ignore[arg-type]


def test_two_inputs_are_one_too_many(linear: Callable[..., Path]) -> None:
    with pytest.raises(EngineError, match="has 2 inputs"):
        open_model(linear(1.0, inputs=2), "onnx", UNIT)


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_or_missing_file_is_one_line(tiny: SmallModel, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"broken{suffix_of(format)}"  # type: ignore[arg-type]
    for content in (b"nothing of a model\n" * 40, b"", None):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(EngineError) as caught:
            open_model(path, format, tiny.pixels)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("format", FORMATS)
def test_what_cannot_be_asked_of_a_session(tiny: SmallModel, format: str) -> None:
    with pytest.raises(UsageError, match="0 threads"):
        opened(tiny, f"{format}-fp32", threads=0)
    # Not tried on an engine: some end the process.
    cores = os.cpu_count() or 1
    with pytest.raises(UsageError, match=f"{cores + 1} threads: this machine has {cores} processor cores"):
        opened(tiny, f"{format}-fp32", threads=cores + 1)
    session = opened(tiny, f"{format}-fp32")
    with pytest.raises(ValueError, match="uint8"):
        session.prepare(tiny.images[0].astype(np.float32))
    with pytest.raises(ValueError, match=re.escape("(32, 32, 3)")):
        session.prepare(tiny.images[0][:16])
    session.close()
    session.close()
    with pytest.raises(EngineError, match="closed"):
        session.predict(tiny.images)


@pytest.mark.parametrize("format", FORMATS)
def test_a_tensor_of_another_shape_is_an_engine_error(tiny: SmallModel, format: str) -> None:
    with opened(tiny, f"{format}-fp32") as session, pytest.raises(EngineError):
        session.infer(np.zeros((1, 16, 16, 3), np.float32))


def _alone(path: Path, tensors: list[np.ndarray]) -> np.ndarray:
    """Raw answers by the engine's own interface, as its documentation shows it."""
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()

        def run(tensor: np.ndarray) -> np.ndarray:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
            interpreter.invoke()
            return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    elif path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

        def run(tensor: np.ndarray) -> np.ndarray:
            return session.run(None, {session.get_inputs()[0].name: tensor})[0]
    else:
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        compiled = openvino.Core().compile_model(path, "CPU", options)

        def run(tensor: np.ndarray) -> np.ndarray:
            return np.array(compiled(tensor)[0])

    return np.concatenate([run(tensor) for tensor in tensors])
