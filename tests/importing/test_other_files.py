"""Files that are no whole Keras model get their reason and the way out; a description with weights is imported."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from coloured_cells import pictures
from importing.read_model import answers, built_from, randomised
from keras import layers

from edgeall.errors import EdgeallError, ModelError, UsageError
from edgeall.importing import import_model

FILES = Path(__file__).parent / "keras2"
EXPECTED = json.loads((FILES / "expected.json").read_text())["described"]
SIZE = 16


def small() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()], name="base")
    x = layers.GlobalAveragePooling2D()(inner(image / 255.0))
    return randomised(keras.Model(image, layers.Dense(1, activation="sigmoid")(x)))


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


CONTENT = {
    "TFLite": (b"\x1c\x00\x00\x00TFL3" + bytes(64), "a TFLite model; give the Keras model"),
    "ONNX": (b"\x08\x0a\x12\x07pytorch" + bytes(64), "an ONNX model; give the Keras model"),
    "OpenVINO": (b'<?xml version="1.0"?>\n<net name="x" version="11">', "OpenVINO.*give the Keras model"),
    "PyTorch": (
        zipped("m/data.pkl", "m/data/0"),
        "a PyTorch file.*never run.*build the same network in Keras",
    ),
    "PyTorch before 1.6": (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + bytes(9), "a PyTorch file.*never run"),
    "pickle": (pickle.dumps({"a": 1}), "a Python pickle.*never run"),
    "safetensors": (
        (40).to_bytes(8, "little") + b'{"w":{}}' + bytes(64),
        "a safetensors file: weights without",
    ),
    "NumPy": (zipped("a.npy", "b.npy"), "a NumPy archive: weights without"),
    "TensorFlow.js": (b'{"modelTopology": {}, "weightsManifest": []}', "a TensorFlow.js model"),
    "list of weights": (b'{"weight_map": {}, "metadata": {}}', "a list of files with a model's weights"),
    "other JSON": (b'{"a": 1}', "no model's description"),
    "text": (b"hello", "neither a .keras nor an .h5 file"),
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_is_recognised_by_its_content(name: str, tmp_path: Path) -> None:
    content, words = CONTENT[name]
    for suffix in ("keras", "bin"):
        refused(tmp_path / f"m.{suffix}", content, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m.onnx", "an ONNX model"),
        ("frozen.pb", "a TensorFlow graph"),
        ("m.ckpt", "TensorFlow checkpoint"),
        ("m.index", "TensorFlow checkpoint"),
        ("m.data-00000-of-00001", "TensorFlow checkpoint"),
        ("m.pt", "PyTorch"),
        ("m.pth", "PyTorch"),
    ],
)
def test_what_content_does_not_tell_the_name_does(name: str, words: str, tmp_path: Path) -> None:
    refused(tmp_path / name, b"\x0a\xff\x00\x11 of no known kind", words)


def refused(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        import_model(path, ["a", "b"], preprocessing="raw", out=path.parent / "runs")
    assert "\n" not in str(caught.value)
    assert not (path.parent / "runs").exists()


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("saved_model.pb", "a SavedModel.*load it with Keras 2"),
        ("checkpoint", "TensorFlow checkpoint: weights without"),
        ("x.txt", "a folder"),
    ],
)
def test_folders(inside: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / inside).write_bytes(b"x")
    with pytest.raises(ModelError, match=words):
        import_model(tmp_path / "model", ["a", "b"], preprocessing="raw", out=tmp_path / "runs")


def test_weights_alone(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "m.weights.h5")
    for file in (tmp_path / "m.weights.h5", FILES / "described.h5", FILES / "described.weights.h5"):
        with pytest.raises(ModelError, match=r"weights without the model.*--weights-file"):
            import_model(file, ["a", "b"], preprocessing="raw", out=tmp_path / "runs")


def test_operations_in_an_h5_of_keras_3(tmp_path: Path) -> None:
    """The operation of a sum has the name of a layer."""
    image = keras.Input((SIZE, SIZE, 3))
    for number, x in enumerate(
        (image / 255.0, image + 3.0, keras.applications.vgg16.preprocess_input(image))
    ):
        keras.Model(image, layers.Flatten()(x)).save(tmp_path / f"{number}.h5")
        with pytest.raises(ModelError, match=r"is an operation.*save the model as \.keras"):
            built_from(tmp_path / f"{number}.h5")


def test_a_description_of_keras_3_with_its_weights(tmp_path: Path) -> None:
    model = small()
    description, weights = tmp_path / "model.json", tmp_path / "model.weights.h5"
    description.write_text(model.to_json())
    model.save_weights(weights)
    images = pictures("all", 2, SIZE)
    found = answers(built_from(description, weights=weights), images)
    np.testing.assert_allclose(found, model.predict_on_batch(images.astype(np.float32)), atol=1e-6)
    run = import_model(
        description, ["a", "b"], preprocessing="raw", weights_file=weights, out=tmp_path / "runs"
    ).run
    source = run.settings["imported"]
    assert (source["file"], source["weights_file"], source["written_by"]) == (
        "model.json", "model.weights.h5", "Keras 3"
    )  # fmt: skip
    assert source["weights_sha256"][:12] in run.weights


@pytest.mark.parametrize("weights", ["described.h5", "described.weights.h5"])
def test_a_description_of_keras_2_with_its_weights(weights: str) -> None:
    built = built_from(FILES / "described.json", weights=FILES / weights)
    found = answers(built, pictures("hem", 1, SIZE * 2, seed=7))[0]
    np.testing.assert_allclose(found, EXPECTED["answers"], rtol=1e-5)


def test_descriptions_and_weights_that_do_not_belong_together(tmp_path: Path) -> None:
    description = FILES / "described.json"
    with pytest.raises(UsageError, match="--weights-file FILE"):
        built_from(description)
    with pytest.raises(UsageError, match=r"--weights-file.*belongs to a model's description"):
        built_from(FILES / "scaled.h5", weights=FILES / "described.h5")
    (tmp_path / "w.bin").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="no weights in HDF5"):
        built_from(description, weights=tmp_path / "w.bin")
    with pytest.raises(ModelError, match=r"w\.h5: not there"):
        built_from(description, weights=tmp_path / "w.h5")
    for other in ("outside.h5", "scaled.h5"):
        with pytest.raises(ModelError, match="weights"):
            built_from(description, weights=FILES / other)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"class_name": "Sequential", "config": 3}',
        "{}",
        "{\xff",
    ],
)
def test_a_damaged_description_is_refused_with_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(text, encoding="latin-1")
    with pytest.raises(EdgeallError) as caught:
        built_from(tmp_path / "m.json", weights=FILES / "described.h5")
    assert str(caught.value).startswith(f"{tmp_path / 'm.json'}: ")
    assert "\n" not in str(caught.value)


def test_code_in_a_description_never_runs(tmp_path: Path) -> None:
    config = json.loads((FILES / "described.json").read_text())
    config["config"]["layers"][1]["class_name"] = "Lambda"
    (tmp_path / "m.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"is a Lambda.*never run"):
        built_from(tmp_path / "m.json", weights=FILES / "described.h5")


def test_weights_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as stored:
        stored["layers"] = h5py.ExternalLink("/etc/hostname", "/x")
    with pytest.raises(ModelError, match="links elsewhere"):
        built_from(FILES / "described.json", weights=tmp_path / "w.h5")
