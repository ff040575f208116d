"""The last layers learn from labels on what the INT8 layers before them compute; the result can be kept in a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall.errors import ExportError
from edgeall.exporting import int8
from edgeall.exporting.int8.cutting import split
from edgeall.exporting.int8.fake_quant import float_model

TUNING = int8.Tuning(epochs=6, learning_rate=1e-3, batch_size=8, seed=3)
Corrected = tuple[int8.IrModel, dict[str, int8.QuantParams]]


def _images(count: int, seed: int) -> int8.TrainingInputs:
    pixels = drawn_images(count, seed)
    return int8.TrainingInputs(pixels, (pixels.mean(axis=(1, 2, 3)) > 80).astype(np.int64))


TRAIN = _images(96, 1)


def _corrected(network: str) -> Corrected:
    ir, images = int8.prepare(NETWORKS[network]()), drawn_images(16)
    quant_params = int8.calibrate(ir, images, MAPPING)
    return int8.correct_biases(ir, quant_params, 7, images, MAPPING, gptq=True), quant_params


@pytest.fixture(scope="module")
def corrected() -> Corrected:
    return _corrected("plain_stack")


@pytest.fixture(scope="module")
def tuned(corrected: Corrected) -> int8.QuantizedModel:
    return int8.fine_tune(*corrected, TRAIN, MAPPING, TUNING)


def _log_loss(model: int8.QuantizedModel, images: int8.TrainingInputs) -> float:
    answers = int8.predict(int8.simulate(model), images.pixels, MAPPING)[:, 0]
    right = np.where(images.classes == 1, answers, 1 - answers)
    return float(-np.log(np.maximum(right, 1 / 512)).mean())


@pytest.mark.parametrize("network", sorted(NETWORKS))
@pytest.mark.parametrize("trained_share", [0.3, 0.6])
def test_the_two_parts_one_after_the_other_are_the_whole(network: str, trained_share: float) -> None:
    ir = int8.prepare(NETWORKS[network]())
    quant_params = int8.calibrate(ir, drawn_images(4), MAPPING, method="min-max")
    bottom, top = split(ir, quant_params, trained_share)
    tensors = MAPPING.apply(drawn_images(8))
    between = float_model(bottom.model).predict_on_batch(tensors)
    np.testing.assert_allclose(
        float_model(top.model).predict_on_batch(between),
        float_model(ir).predict_on_batch(tensors),
        atol=1e-5,
    )
    assert bottom.quant_params[bottom.model.graph.output.name] == top.quant_params[top.model.graph.input.name]
    assert bottom.model.weights.keys() | top.model.weights.keys() == ir.weights.keys()
    assert top.model.weights


def test_the_first_part_holds_its_share_of_the_multiplications() -> None:
    """plain_stack: 32 x 32 positions of 27 x 8, 16 x 16 of 72 x 12; then 768 x 16 and 16 x 8 in dense layers."""
    ir = int8.prepare(NETWORKS["plain_stack"]())
    quant_params = int8.calibrate(ir, drawn_images(4), MAPPING, method="min-max")
    first, second, *_ = [node.name for node in ir.graph.nodes if node.kind == "conv"]
    assert split(ir, quant_params, 0.45)[0].model.graph.output.name == first
    assert split(ir, quant_params, 0.6)[0].model.graph.output.name == second


def test_the_last_layers_learn_the_labels(corrected: Corrected, tuned: int8.QuantizedModel) -> None:
    ir, quant_params = corrected
    before = int8.freeze(ir.graph, ir.weights, quant_params, 7)
    for images in (TRAIN, _images(64, 2)):
        assert _log_loss(tuned, images) < 0.8 * _log_loss(before, images)


def test_the_layers_before_them_stay_as_they_were(corrected: Corrected, tuned: int8.QuantizedModel) -> None:
    ir, quant_params = corrected
    before = int8.freeze(ir.graph, ir.weights, quant_params, 7)
    bottom, top = split(ir, quant_params, 2 / 3)
    assert bottom.model.weights
    for name in bottom.model.weights:
        np.testing.assert_array_equal(tuned.weights[name].kernel, before.weights[name].kernel)
        np.testing.assert_array_equal(tuned.weights[name].bias, before.weights[name].bias)
    assert any(np.any(tuned.weights[n].kernel != before.weights[n].kernel) for n in top.model.weights)
    assert tuned.quant_params == before.quant_params


def test_the_same_seed_gives_the_same_weights(corrected: Corrected, tuned: int8.QuantizedModel) -> None:
    again = int8.fine_tune(*corrected, TRAIN, MAPPING, TUNING)
    for name, weights in tuned.weights.items():
        np.testing.assert_array_equal(again.weights[name].kernel, weights.kernel)


@pytest.mark.parametrize("network", ["inverted_residuals", "dense_blocks", "inception_branches"])
def test_networks_with_branches_can_be_trained(network: str) -> None:
    tuned = int8.fine_tune(*_corrected(network), TRAIN, MAPPING, replace(TUNING, epochs=1))
    assert np.isfinite(int8.predict(int8.simulate(tuned), TRAIN.pixels, MAPPING)).all()


def test_a_loss_that_is_not_finite_is_an_error(corrected: Corrected) -> None:
    with pytest.raises(ExportError, match="not finite"):
        int8.fine_tune(*corrected, TRAIN, MAPPING, replace(TUNING, learning_rate=float("inf")))


def test_without_images_nothing_can_be_learned(corrected: Corrected) -> None:
    none = int8.TrainingInputs(TRAIN.pixels[:0], TRAIN.classes[:0])
    with pytest.raises(ExportError, match="needs training images"):
        int8.fine_tune(*corrected, none, MAPPING, TUNING)


def test_a_saved_model_comes_back_as_it_was(tuned: int8.QuantizedModel, tmp_path: Path) -> None:
    int8.save(tuned, tmp_path / "model.npz")
    loaded = int8.load(tmp_path / "model.npz")
    int8.write(tuned, "tflite", tmp_path / "before.tflite")
    int8.write(loaded, "tflite", tmp_path / "after.tflite")
    assert (tmp_path / "before.tflite").read_bytes() == (tmp_path / "after.tflite").read_bytes()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(ExportError, match="not a quantized model"):
        int8.load(tmp_path / "model.npz")


def test_seven_bit_weights_stay_within_64(tuned: int8.QuantizedModel) -> None:
    assert max(np.abs(weights.kernel.astype(int)).max() for weights in tuned.weights.values()) == 64


@pytest.mark.parametrize("method", ["min-max", "mse"])
def test_input_and_probability_quantization_does_not_depend_on_the_images(method: int8.RangeMethod) -> None:
    ir = int8.prepare(NETWORKS["plain_stack"]())
    quant_params = int8.calibrate(ir, drawn_images(4), MAPPING, method=method)
    assert quant_params[ir.graph.input.name].low == pytest.approx(-1.0, abs=0.01)
    assert quant_params[ir.graph.output.name] == int8.QuantParams(1 / 256, 0)


def test_images_of_another_size_are_refused() -> None:
    ir = int8.prepare(NETWORKS["plain_stack"]())
    with pytest.raises(ExportError, match="do not fit"):
        int8.calibrate(ir, np.zeros((2, 16, 16, 3), np.uint8), MAPPING)


def test_a_layer_without_an_int8_form_is_named() -> None:
    import keras

    image = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(keras.layers.LeakyReLU(name="leaky")(image))
    with pytest.raises(ExportError, match="leaky: LeakyReLU"):
        int8.prepare(keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(flat)))


def test_a_backbone_nested_in_a_sequential_model_is_read() -> None:
    import keras

    inner = NETWORKS["inverted_residuals"]()
    model = keras.Sequential([keras.Input(inner.input_shape[1:]), inner])
    assert len(int8.prepare(model).graph.nodes) == len(int8.prepare(inner).graph.nodes)


def test_bias_correction_restores_the_mean_of_the_answers() -> None:
    ir = int8.prepare(NETWORKS["inverted_residuals"]())
    images = drawn_images(32)
    quant_params = int8.calibrate(ir, images, MAPPING)
    # A third of the steps: rounding that shifts means.
    coarse_params = {
        name: int8.QuantParams(params.scale * 3, round(params.zero_point / 3))
        if params.scale != 1 / 256
        else params
        for name, params in quant_params.items()
    }
    corrected = int8.correct_biases(ir, coarse_params, 7, images[:16], MAPPING)
    tensors = MAPPING.apply(images)
    answers = [
        np.asarray(int8.simulate(int8.freeze(p.graph, p.weights, coarse_params, 7)).predict_on_batch(tensors))
        for p in (ir, corrected)
    ]
    reference = np.asarray(float_model(ir).predict_on_batch(tensors))
    before, after = (np.abs(answer.mean(axis=0) - reference.mean(axis=0)).max() for answer in answers)
    assert after < 0.5 * before
