"""What a layer or an operation is told where it is called: as in Keras, or refused; never dropped."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from importing.read_model import answers, built_from, randomised
from keras import layers, ops

from edgeall.errors import ModelError

FILES = Path(__file__).parent / "keras2"
SIZE = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)


def frozen(layer):
    layer.trainable = False
    return layer


def base(*inner) -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    return keras.Model(image, keras.Sequential(inner)(image), name="base")


def network(function, dtype: str = "float32") -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3), dtype=dtype)
    return randomised(keras.Model(image, function(image)))


SAME = {
    "bn": lambda x: layers.BatchNormalization()(x, training=False),
    "bn by none": lambda x: layers.BatchNormalization()(x, training=None, mask=None),
    "frozen bn": lambda x: frozen(layers.BatchNormalization())(x, training=True),
    "convolution": lambda x: layers.Conv2D(2, 3)(x, training=True),
    "input by name": lambda x: layers.Conv2D(2, 3)(inputs=x),
    "dropout": lambda x: layers.Dropout(0.5)(x, training=False),
    "base": lambda x: base(layers.BatchNormalization(), layers.Dropout(0.5))(x, training=False),
    "base without training": lambda x: base(layers.Conv2D(2, 3))(x, training=True),
    "softmax": lambda x: layers.Softmax()(x, mask=None),
    "channels turned": lambda x: layers.Conv2D(2, 3)(x[..., ::-1]),
    "channels turned, all axes": lambda x: layers.Conv2D(2, 3)(x[:, :, :, ::-1]),
    "channels joined": lambda x: layers.Conv2D(2, 3)(
        ops.concatenate([x[..., 2:], x[..., 1:2], x[..., :1]], axis=3)
    ),
    "channels stacked": lambda x: layers.Conv2D(2, 3)(ops.stack([x[..., i] for i in (2, 1, 0)], axis=-1)),
    "maximum": lambda x: ops.max(layers.Conv2D(2, 3)(x), axis=(1, 2), keepdims=True),
    "sum": lambda x: layers.Conv2D(2, 3)(x) + layers.Conv2D(2, 3)(x),
    "augmentation": lambda x: layers.RandomFlip()(x),
    "cast": lambda x: layers.Conv2D(2, 3)(ops.cast(x, "float32") / 255.0),
}

REFUSED = {
    "bn": (lambda x: layers.BatchNormalization(name="n")(x, training=True), "'n'.*training=True.*statistics"),
    "dropout": (lambda x: layers.Dropout(0.5, name="d")(x, training=True), "'d'.*training=True.*random"),
    "noise": (lambda x: layers.GaussianNoise(0.5)(x, training=True), "random"),
    "bn in a base": (
        lambda x: base(layers.BatchNormalization())(x, training=True),
        "base/.*training=True.*statistics",
    ),
    "mask": (
        lambda x: layers.Softmax()(x, mask=ops.ones((SIZE, SIZE, 3), "bool")),
        "mask",
    ),
    "mask computed": (lambda x: layers.Softmax()(x, mask=ops.greater(x, 3.0)), "operation 'Greater'"),
    "rows turned": (lambda x: layers.Conv2D(2, 3)(x[:, ::-1]), "crops the image"),
    "columns turned": (lambda x: layers.Conv2D(2, 3)(x[:, :, ::-1]), "crops the image"),
    "batch turned": (lambda x: layers.Conv2D(2, 3)(x[::-1, :, :]), "crops the image"),
    "channels along rows": (
        lambda x: layers.Conv2D(2, 3)(ops.concatenate([x[..., :1]] * 3, axis=1)),
        "another axis",
    ),
    "stacked along rows": (lambda x: ops.stack([x[..., 0], x[..., 1]], axis=1), "another axis"),
    "maximum from": (lambda x: ops.max(x, axis=(1, 2), initial=9.0), "initial"),
    "softmax of rows": (lambda x: ops.softmax(layers.Conv2D(2, 3)(x), axis=1), "axis=1"),
    "pictures joined": (lambda x: ops.concatenate([layers.Conv2D(2, 3)(x)] * 2, axis=0), "along the batch axis"),
    "cast to integers": (lambda x: layers.Conv2D(2, 3)(ops.cast(ops.cast(x, "uint8"), "float32")), "uint8"),
    "by rows": (lambda x: layers.Conv2D(2, 3)(x * np.ones((SIZE, 1, 1), "float32")), "by their position"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_calls_that_change_nothing_answer_as_in_keras(name: str, tmp_path: Path) -> None:
    model = network(SAME[name])
    model.save(tmp_path / "m.keras")
    found = answers(built_from(tmp_path / "m.keras"), IMAGES)
    expected = model.predict_on_batch(IMAGES.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_mean_something_else_are_refused(name: str, tmp_path: Path) -> None:
    function, words = REFUSED[name]
    network(function).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=words):
        built_from(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("function", "wraps"),
    [
        (lambda x: layers.Rescaling(1 / 255)(x), False),
        (lambda x: x / 255, False),
        (lambda x: x - 127.5, False),
        (lambda x: ops.cast(x, "float32") - 128, False),
        (lambda x: layers.Resizing(9, 9)(x), False),
        (lambda x: x * 2, True),
        (lambda x: x - 128, True),
        (lambda x: 255 - x, True),
    ],
)
def test_inputs_in_integers(function, wraps: bool, tmp_path: Path) -> None:
    model = network(lambda x: layers.GlobalAveragePooling2D()(layers.Rescaling(1.0)(function(x))), "uint8")
    model.save(tmp_path / "m.keras")
    if wraps:
        with pytest.raises(ModelError, match="cast the input to float32"):
            built_from(tmp_path / "m.keras")
    else:
        found = answers(built_from(tmp_path / "m.keras"), IMAGES)
        np.testing.assert_allclose(found, model.predict_on_batch(IMAGES), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("dropout", "'dropout'.*random"),
        ("base", "base/.*statistics"),
        ("augmentation", "augmentation/.*random"),
    ],
)
def test_calls_of_keras_2(layer: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "smear.h5"
    shutil.copy(FILES / "smear.h5", path)
    with h5py.File(path, "r+") as stored:
        config = json.loads(stored.attrs["model_config"])
        entry = next(entry for entry in config["config"]["layers"] if entry["config"]["name"] == layer)
        entry["inbound_nodes"][0][0][3] = {"training": True}
        stored.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelError, match=words):
        built_from(path)


@pytest.mark.parametrize("names", [("image", None), (None, "p"), ("image", "p")])
def test_inputs_and_outputs_may_have_names(names: tuple[str | None, str | None], tmp_path: Path) -> None:
    first, last = names
    image = keras.Input((SIZE, SIZE, 3), name="image")
    inner = keras.Input((SIZE, SIZE, 3), name="cell")
    nested = keras.Model({"cell": inner}, {"map": layers.Conv2D(2, 3)(inner)}, name="nested")
    out = layers.GlobalAveragePooling2D()(nested({"cell": image})["map"])
    model = randomised(keras.Model({first: image} if first else [image], {last: out} if last else [out]))
    for suffix in ("keras", "h5"):
        model.save(tmp_path / f"m.{suffix}")
        found = answers(built_from(tmp_path / f"m.{suffix}"), IMAGES)
        given = IMAGES.astype(np.float32)
        expected = model.predict_on_batch({first: given} if first else given)
        expected = expected[last] if last else expected
        np.testing.assert_allclose(found, np.squeeze(expected), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_several_named_inputs_or_outputs_are_refused(which: str, tmp_path: Path) -> None:
    a, b = (keras.Input((SIZE, SIZE, 3), name=name) for name in "ab")
    pool = layers.GlobalAveragePooling2D
    if which == "inputs":
        model = keras.Model({"a": a, "b": b}, pool()(layers.Add()([a, b])))
    else:
        model = keras.Model(a, {"p": pool()(a), "q": layers.GlobalMaxPooling2D()(a)})
    model.save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match="2 inputs" if which == "inputs" else "2 outputs"):
        built_from(tmp_path / "m.keras")
