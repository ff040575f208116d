"""Files that Keras 2 itself wrote (`make_keras2.py`) answer as they did in Keras 2, and as plain Keras 3 models."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from coloured_cells import pictures

from edgeall import training
from edgeall.errors import ModelError
from edgeall.importing import import_model

FILES = Path(__file__).parent / "keras2"
EXPECTED = json.loads((FILES / "expected.json").read_text())


def labels_for(name: str) -> list[str]:
    return ["hem", "all", "other"][: max(2, len(EXPECTED[name]["answers"]))]


def answers(run, size: int) -> np.ndarray:
    model = keras.saving.load_model(run.model_path, compile=False, safe_mode=True)
    return model.predict_on_batch(run.pixels.apply(pictures("hem", 1, size, seed=7)))[0]


@pytest.mark.parametrize(
    ("file", "preprocessing"),
    [
        ("smear.h5", "raw"),
        ("smear.keras", "raw"),
        ("outside.h5", "tf"),
        ("operators.h5", "raw"),
        ("scaled.h5", "raw"),
    ],
)
def test_answers_are_those_of_keras_2(file: str, preprocessing: str, tmp_path: Path) -> None:
    name = file.partition(".")[0]
    done = import_model(
        FILES / file, labels_for(name), preprocessing=preprocessing, positive=["all"], out=tmp_path
    )
    found = answers(done.run, EXPECTED[name]["size"])
    np.testing.assert_allclose(found, EXPECTED[name]["answers"], rtol=1e-3, atol=1e-7)


def test_preprocessing_inside_the_model_becomes_the_pixel_mapping(tmp_path: Path) -> None:
    mode = {"smear": "tf", "operators": "caffe", "scaled": "torch"}
    for name, published in mode.items():
        run = import_model(
            FILES / f"{name}.h5", labels_for(name), preprocessing="raw", positive=["all"], out=tmp_path
        ).run
        expected = next(b for b in training.BACKBONES.values() if b.preprocessing == published).pixels()
        assert run.pixels.channel_order == expected.channel_order
        np.testing.assert_allclose(run.pixels.scale, expected.scale, rtol=1e-6)
        np.testing.assert_allclose(run.pixels.offset, expected.offset, rtol=1e-6)


def test_the_run_holds_one_flat_inference_model(tmp_path: Path) -> None:
    run = import_model(FILES / "smear.h5", ["hem", "all"], preprocessing="raw", out=tmp_path).run
    model = training.load_model(run)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert model.input_shape == (None, 96, 96, 3)
    assert not {"Functional", "Sequential", "Dropout", "RandomFlip", "Rescaling"} & set(kinds)
    assert run.settings["imported"]["left_out"] == [
        "augmentation/random_flip",
        "augmentation/random_rotation",
        "dropout",
    ]


def changed(tmp_path: Path, file: str, change) -> Path:
    """A copy of a Keras 2 file whose description went through `change`."""
    path = tmp_path / file
    shutil.copy(FILES / file, path)
    with h5py.File(path, "r+") as stored:
        config = json.loads(stored.attrs["model_config"])
        change(config)
        stored.attrs["model_config"] = json.dumps(config).encode()
    return path


def test_layers_whose_names_are_paths_keep_their_own_weights(tmp_path: Path) -> None:
    """DenseNet calls a layer "conv1/conv"; MobileNetV3 has "Conv" beside "squeeze/Conv"."""

    def rename(config: dict) -> None:
        text = json.dumps(config).replace('"Conv1"', '"conv"').replace('"project"', '"block/conv"')
        config.clear()
        config.update(json.loads(text))

    path = changed(tmp_path, "smear.h5", rename)
    with h5py.File(path, "r+") as stored:
        group = stored["model_weights/base"]
        names = []
        for name in group.attrs["weight_names"]:
            renamed = name.replace("Conv1/", "conv/") if name.startswith("Conv1/") else name
            renamed = renamed.replace("project/", "block/conv/")
            if renamed != name:
                group[renamed] = group[name][()]
            names.append(renamed)
        group.attrs["weight_names"] = names
    run = import_model(path, ["hem", "all"], preprocessing="raw", out=tmp_path).run
    np.testing.assert_allclose(answers(run, 96), EXPECTED["smear"]["answers"], rtol=1e-3)


def test_marks_of_older_keras_2_are_understood(tmp_path: Path) -> None:
    def older(config: dict) -> None:
        config["class_name"] = "Sequential"
        layers = config["config"]["layers"]
        config["config"] = [layer for layer in layers if layer["class_name"] != "InputLayer"]
        layers[1]["class_name"] = "Convolution2D"
        for layer in config["config"]:
            layer["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
            if layer["class_name"] == "BatchNormalization":
                layer["class_name"] = "BatchNormalizationV1"

    path = changed(tmp_path, "outside.h5", older)
    run = import_model(path, ["hem", "all"], preprocessing="tf", out=tmp_path).run
    np.testing.assert_allclose(answers(run, 96), EXPECTED["outside"]["answers"], rtol=1e-3)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("data_format", "channels_first", "channels first"),
        ("activation", "hard_sigmoid", "activation 'hard_sigmoid'"),
        ("mystery", 7, "option mystery"),
        ("filters", 1 << 31, "weights or values"),
        ("filters", 9, "needs weights of the shapes"),
    ],
)
def test_what_would_mean_something_else_is_refused(tmp_path: Path, option: str, value, words: str) -> None:
    def change(config: dict) -> None:
        config["config"]["layers"][1]["config"][option] = value

    with pytest.raises(ModelError, match=words):
        import_model(
            changed(tmp_path, "outside.h5", change), ["hem", "all"], preprocessing="tf", out=tmp_path
        )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"class_name": "Resizing", "config": {"height": 9, "width": 9, "interpolation": "gaussian"}},
            "gaussian",
        ),
        (
            {"class_name": "UpSampling2D", "config": {"size": [2, 2], "interpolation": "mitchellcubic"}},
            "mitchell",
        ),
        (
            {"class_name": "BatchNormalization", "config": {"axis": [4], "virtual_batch_size": 2}},
            "virtual_batch",
        ),
        ({"class_name": "BatchNormalization", "config": {"renorm": 1}}, "renorm|weights"),
        ({"class_name": "Activation", "config": {"activation": "mish"}}, "mish"),
    ],
)
def test_layers_that_keras_3_computes_otherwise_or_not_at_all_are_refused(
    entry: dict, words: str, tmp_path: Path
) -> None:
    def change(config: dict) -> None:
        config["config"]["layers"].insert(2, {**entry, "config": {"name": "x"} | entry["config"]})

    with pytest.raises(ModelError, match=words):
        import_model(
            changed(tmp_path, "outside.h5", change), ["hem", "all"], preprocessing="tf", out=tmp_path
        )


def test_weights_of_another_name_are_not_taken_by_their_order(tmp_path: Path) -> None:
    """gamma and beta have one shape: only names keep them apart."""
    path = tmp_path / "smear.h5"
    shutil.copy(FILES / "smear.h5", path)
    with h5py.File(path, "r+") as stored:
        group = stored["model_weights/base"]
        names = list(group.attrs["weight_names"])
        order = sorted(range(len(names)), key=lambda index: names[index])
        group.attrs["weight_names"] = [names[index] for index in order]
    run = import_model(path, ["hem", "all"], preprocessing="raw", out=tmp_path).run
    np.testing.assert_allclose(answers(run, 96), EXPECTED["smear"]["answers"], rtol=1e-3)
