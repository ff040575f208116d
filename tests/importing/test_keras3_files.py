"""Files of today's Keras: the model in the run, on mapped bytes, is the model in the file on bytes."""

from pathlib import Path

import keras
import numpy as np
import pytest
from coloured_cells import pictures
from keras import layers

from edgeall.errors import ModelError, UsageError
from edgeall.importing import import_model

SIZE = 32


def head(x):
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    return layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))


def plain() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    return keras.Model(image, head(image))


def scaled_inside() -> keras.Model:
    image = keras.Input((None, None, 3))
    x = keras.Sequential([layers.RandomFlip(), layers.RandomZoom(0.1)])(image)
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06])(x)
    return keras.Model(image, head(x))


def adapted() -> keras.Model:
    normal = layers.Normalization()
    normal.adapt(pictures("hem", 4, SIZE).astype(np.float32))
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), normal, *plain().layers[1:]])


def caffe_inside() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    return keras.Model(image, head(keras.applications.vgg16.preprocess_input(image)))


def resized_inside() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(layers.Resizing(24, 24)(image))
    return keras.Model(image, head(x))


def one_minus() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(4, 1, activation="hard_sigmoid")(1.0 - image / 255.0)
    return keras.Model(image, head(layers.Activation("hard_silu")(x)))


def shared_and_joined() -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    inner = keras.Input((SIZE, SIZE, 3))
    base = keras.Model(inner, layers.BatchNormalization()(layers.Conv2D(3, 1)(inner)), name="base")
    x = layers.Concatenate()([base(image), layers.Add()([shared(shared(image)), base(base(image))])])
    return keras.Model(image, head(x))


def mixed_precision() -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return plain()
    finally:
        keras.config.set_dtype_policy(before)


MAKERS = (
    plain,
    scaled_inside,
    adapted,
    caffe_inside,
    resized_inside,
    one_minus,
    shared_and_joined,
    mixed_precision,
)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_the_run_answers_as_the_file_does(make, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = make()
    file = tmp_path / "model.keras"
    model.save(file)
    size = None if model.input_shape[1] else SIZE
    run = import_model(file, ["hem", "all"], preprocessing="raw", input_size=size, out=tmp_path / "runs").run
    images = pictures("all", 3, SIZE)
    loaded = keras.saving.load_model(run.model_path, compile=False, safe_mode=True)
    tolerance = 2e-3 if make is mixed_precision else 1e-5
    np.testing.assert_allclose(
        loaded.predict_on_batch(run.pixels.apply(images)),
        model.predict_on_batch(images.astype(np.float32)),
        atol=tolerance,
    )
    assert all(weight.dtype == "float32" for weight in loaded.weights)
    assert not any(isinstance(layer, layers.Rescaling | layers.Normalization) for layer in loaded.layers)


def test_h5_of_keras_3(tmp_path: Path) -> None:
    model = plain()
    model.save(tmp_path / "model.h5")
    run = import_model(tmp_path / "model.h5", ["hem", "all"], preprocessing="raw", out=tmp_path / "runs").run
    images = pictures("all", 3, SIZE).astype(np.float32)
    loaded = keras.saving.load_model(run.model_path, compile=False)
    np.testing.assert_allclose(loaded.predict_on_batch(images), model.predict_on_batch(images), atol=1e-6)


def test_a_known_backbone_is_recognised_by_its_structure(tmp_path: Path) -> None:
    base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3))
    x = layers.GlobalAveragePooling2D()(base.output)
    keras.Model(base.input, layers.Dense(4, activation="softmax")(x)).save(tmp_path / "mine.keras")
    run = import_model(
        tmp_path / "mine.keras", "abcd", positive="bd", preprocessing="tf", out=tmp_path / "runs"
    ).run
    assert (run.backbone, run.head) == ("mobilenetv2", "imported")
    assert run.decision.positive == ("b", "d")
    assert run.params["total"] == 2_257_984 + 4 * 1281


def ending(units: int, activation: str | None) -> keras.Model:
    return keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), layers.GlobalAveragePooling2D(), layers.Dense(units, activation)]
    )


@pytest.mark.parametrize(
    ("units", "activation", "labels", "words"),
    [
        (1, None, "ab", "logits.*--activation"),
        (1, "tanh", "ab", "ends in 'tanh'"),
        (1, "softmax", "ab", "always 1"),
        (2, "sigmoid", "ab", "2 independent sigmoid outputs"),
        (3, "softmax", "ab", "3 outputs, but --labels has 2"),
        (1, "sigmoid", "abc", "separates two classes"),
    ],
)
def test_an_output_that_is_no_probability_of_these_labels_is_refused(
    units: int, activation: str | None, labels: str, words: str, tmp_path: Path
) -> None:
    ending(units, activation).save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=words):
        import_model(tmp_path / "m.keras", labels, positive="b", preprocessing="raw", out=tmp_path)


def test_logits_get_the_activation_that_is_asked_for(tmp_path: Path) -> None:
    model = ending(3, None)
    model.save(tmp_path / "m.keras")
    run = import_model(
        tmp_path / "m.keras", "abc", positive="c", preprocessing="unit", activation="softmax", out=tmp_path
    ).run
    images = pictures("all", 2, SIZE)
    loaded = keras.saving.load_model(run.model_path, compile=False)
    logits = model.predict_on_batch(images.astype(np.float32) / 255)
    np.testing.assert_allclose(
        loaded.predict_on_batch(run.pixels.apply(images)), keras.ops.softmax(logits), atol=1e-6
    )


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [
        ((SIZE, 48, 3), None, "square"),
        ((SIZE, SIZE, 1), None, "height, width, 3"),
        ((3, SIZE, SIZE), None, "channels come first"),
        ((None, None, 3), None, "--input-size"),
        ((SIZE, SIZE, 3), 48, "takes 32 x 32 only"),
        ((None, None, 3), 5000, "not between 8 and 4096"),
    ],
)
def test_inputs_other_than_one_square_colour_image_are_refused(
    shape, size, words: str, tmp_path: Path
) -> None:
    keras.Sequential([keras.Input(shape), layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")]).save(
        tmp_path / "m.keras"
    )
    with pytest.raises((ModelError, UsageError), match=words):
        import_model(tmp_path / "m.keras", "ab", preprocessing="raw", input_size=size, out=tmp_path)


def test_several_inputs_or_two_scalings_are_refused(tmp_path: Path) -> None:
    first, second = keras.Input((SIZE, SIZE, 3)), keras.Input((SIZE, SIZE, 3))
    keras.Model([first, second], head(layers.Add()([first, second]))).save(tmp_path / "two.keras")
    both = layers.Concatenate()([layers.Rescaling(1 / 255)(first), first])
    keras.Model(first, head(both)).save(tmp_path / "ways.keras")
    for file, words in {"two": "2 inputs", "ways": "two different ways"}.items():
        with pytest.raises(ModelError, match=words):
            import_model(tmp_path / f"{file}.keras", "ab", preprocessing="raw", out=tmp_path)


def test_half_precision_in_keras_is_told(tmp_path: Path) -> None:
    mixed_precision().save(tmp_path / "m.keras")
    done = import_model(tmp_path / "m.keras", ["hem", "all"], preprocessing="raw", out=tmp_path / "runs")
    assert any("mixed_float16" in warning and "float32" in warning for warning in done.warnings)
