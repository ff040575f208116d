"""Fine-tuning brings INT8 back to the float model's answers, and its result can be kept in a file."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall.errors import ExportError
from edgeall.exporting import int8
from edgeall.exporting.int8.fake_quant import float_model
from edgeall.progress import SILENT

TUNING = int8.Tuning(epochs=3, learning_rate=1e-3, batch_size=8, label_weight=0.0, seed=3)


def _images(count: int, seed: int) -> int8.Images:
    pixels = drawn_images(count, seed)
    return int8.Images(pixels, (pixels.mean(axis=(1, 2, 3)) > 80).astype(np.int64))


@pytest.fixture(scope="module")
def rough() -> tuple[int8.PlainModel, dict[str, int8.Grid]]:
    """A network on grids that are far too narrow, so that clipping costs it dearly."""
    plain = int8.prepare(NETWORKS["plain_stack"]())
    grids = int8.calibrate(plain, drawn_images(16), MAPPING, method="min-max")
    hidden = {plain.graph.groups[node.name] for node in plain.graph.nodes if node.kind == "conv"}
    narrow = {
        name: int8.Grid(grid.scale * 0.3, grid.zero_point) for name, grid in grids.items() if name in hidden
    }
    return plain, grids | narrow


@pytest.fixture(scope="module")
def tuned(rough: tuple[int8.PlainModel, dict[str, int8.Grid]]) -> int8.QuantizedModel:
    return int8.fine_tune(*rough, _images(96, 1), _images(32, 2), MAPPING, TUNING)


def test_fine_tuning_nears_the_float_model(tuned: int8.QuantizedModel) -> None:
    before, after = tuned.history[0], tuned.history[tuned.chosen]
    assert tuned.chosen > 0
    assert after.mean_difference < before.mean_difference
    assert after.mean_difference == min(epoch.mean_difference for epoch in tuned.history)


def test_the_same_seed_gives_the_same_weights(
    rough: tuple[int8.PlainModel, dict[str, int8.Grid]], tuned: int8.QuantizedModel
) -> None:
    again = int8.fine_tune(*rough, _images(96, 1), _images(32, 2), MAPPING, TUNING)
    for name, weights in tuned.weights.items():
        np.testing.assert_array_equal(again.weights[name].kernel, weights.kernel)


def test_a_rate_at_which_the_answers_are_lost_gives_way_to_a_tenth_of_it() -> None:
    plain = int8.prepare(NETWORKS["plain_stack"]())
    grids = int8.calibrate(plain, drawn_images(16), MAPPING)
    listener = Mock(wraps=SILENT)
    tuned = int8.fine_tune(
        plain, grids, _images(96, 1), _images(32, 2), MAPPING, replace(TUNING, learning_rate=0.03), listener
    )
    notes = [call.args[0] for call in listener.note.call_args_list]
    assert [note.split()[6] for note in notes if "forgets" in note] == ["0.03", "0.003"]
    assert len(tuned.history) == TUNING.epochs + 1
    assert tuned.history[tuned.chosen].mean_difference <= tuned.history[0].mean_difference


def test_a_saved_model_comes_back_as_it_was(tuned: int8.QuantizedModel, tmp_path: Path) -> None:
    int8.save(tuned, tmp_path / "model.npz")
    loaded = int8.load(tmp_path / "model.npz")
    int8.write_tflite(tuned, tmp_path / "before.tflite")
    int8.write_tflite(loaded, tmp_path / "after.tflite")
    assert loaded.history == tuned.history
    assert (tmp_path / "before.tflite").read_bytes() == (tmp_path / "after.tflite").read_bytes()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.npz").write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(ExportError, match="not a quantized model"):
        int8.load(tmp_path / "model.npz")


def test_seven_bit_weights_stay_within_64(tuned: int8.QuantizedModel) -> None:
    assert max(np.abs(weights.kernel.astype(int)).max() for weights in tuned.weights.values()) == 64


@pytest.mark.parametrize("method", ["min-max", "percentile", "mse"])
def test_input_and_probability_grids_do_not_depend_on_the_images(method: int8.Method) -> None:
    plain = int8.prepare(NETWORKS["plain_stack"]())
    grids = int8.calibrate(plain, drawn_images(4), MAPPING, method=method)
    assert grids[plain.graph.input.name].low == pytest.approx(-1.0, abs=0.01)
    assert grids[plain.graph.output.name] == int8.Grid(1 / 256, 0)


def test_images_of_another_size_are_refused() -> None:
    plain = int8.prepare(NETWORKS["plain_stack"]())
    with pytest.raises(ExportError, match="do not fit"):
        int8.calibrate(plain, np.zeros((2, 16, 16, 3), np.uint8), MAPPING)


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
    plain = int8.prepare(NETWORKS["inverted_residuals"]())
    images = drawn_images(32)
    grids = int8.calibrate(plain, images, MAPPING)
    # A third of the steps: rounding that shifts means.
    coarse = {
        name: int8.Grid(grid.scale * 3, round(grid.zero_point / 3)) if grid.scale != 1 / 256 else grid
        for name, grid in grids.items()
    }
    corrected = int8.correct_biases(plain, coarse, 7, images[:16], MAPPING)
    tensors = MAPPING.apply(images)
    answers = [
        np.asarray(int8.simulate(int8.freeze(p.graph, p.weights, coarse, 7)).predict_on_batch(tensors))
        for p in (plain, corrected)
    ]
    reference = np.asarray(float_model(plain).predict_on_batch(tensors))
    before, after = (np.abs(answer.mean(axis=0) - reference.mean(axis=0)).max() for answer in answers)
    assert after < 0.5 * before
