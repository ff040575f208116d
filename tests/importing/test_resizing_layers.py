"""How a model resizes the raw picture belongs to the pixel mapping, as the model does it, or is refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
from coloured_cells import write_pictures
from importing.read_model import answers, built_from, randomised
from keras import layers
from PIL import Image

from edgeall import training
from edgeall.errors import ModelError, UsageError
from edgeall.importing import import_model
from edgeall.importing.preprocessing import MODES, mapping
from edgeall.pixels import read_image

SIZE = 32
SMOOTH = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
PICTURE = np.asarray(Image.fromarray(SMOOTH).resize((144, 96), Image.Resampling.BICUBIC))
"""Wide, 144 x 96, of soft edges."""


def head(x) -> keras.KerasTensor:
    return layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))


def saved(tmp_path: Path, function, shape=(None, None, 3)) -> tuple[keras.Model, Path]:
    image = keras.Input(shape)
    model = randomised(keras.Model(image, function(image)))
    model.save(tmp_path / "m.keras")
    return model, tmp_path / "m.keras"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(PICTURE).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


FITS = {
    "stretch": {},
    "crop": {"crop_to_aspect_ratio": True},
    "letterbox": {"pad_to_aspect_ratio": True},
}
FILTERS = {
    "nearest": {"interpolation": "nearest"},
    "bilinear-no-antialias": {},
    "bilinear": {"antialias": True},
    "bicubic": {"interpolation": "bicubic", "antialias": True},
    "lanczos": {"interpolation": "lanczos3", "antialias": True},
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("filter_", FILTERS)
def test_a_resizing_first_becomes_the_pixel_mapping(
    fit: str, filter_: str, picture: Path, tmp_path: Path
) -> None:
    options = FITS[fit] | FILTERS[filter_]
    model, file = saved(
        tmp_path, lambda x: layers.Rescaling(1 / 255)(layers.Resizing(SIZE, SIZE, **options)(x))
    )
    built = built_from(file)
    pixels = mapping(MODES["raw"], built.preprocessing, built.size)
    assert (pixels.size, pixels.fit, pixels.filter) == (SIZE, fit, filter_)
    assert not any(isinstance(layer, layers.Resizing) for layer in built.model.layers)
    found = pixels.apply(read_image(picture, pixels.resize)[None])
    expected = model.predict_on_batch(PICTURE[None].astype(np.float32))
    # Bytes are rounded, at most twice, and clipped.
    assert np.abs(found - expected.clip(0, 1)).mean() < 0.6 / 255


@pytest.mark.parametrize(
    ("function", "way"),
    [
        (lambda x: layers.Resizing(SIZE, SIZE)(layers.Rescaling(1 / 127.5, -1)(x)), "raw"),
        (lambda x: layers.Rescaling(2.0)(layers.Resizing(SIZE, SIZE)(layers.RandomFlip()(x))), "raw"),
        (lambda x: layers.Resizing(SIZE, SIZE)(keras.applications.vgg16.preprocess_input(x)), "raw"),
        (lambda x: layers.CenterCrop(24, 24)(layers.Resizing(SIZE, SIZE)(x)), "tf"),
        (lambda x: layers.Resizing(16, 16)(layers.Resizing(SIZE, SIZE)(x)), "unit"),
        (
            lambda x: layers.Resizing(SIZE, SIZE, pad_to_aspect_ratio=True)(layers.Rescaling(1 / 255)(x)),
            "raw",
        ),
        (
            lambda x: layers.Resizing(SIZE, SIZE, pad_to_aspect_ratio=True, fill_value=-1)(
                layers.Rescaling(1 / 127.5, -1)(x)
            ),
            "raw",
        ),
        (lambda x: layers.Resizing(SIZE, SIZE, pad_to_aspect_ratio=True, fill_value=-1)(x), "tf"),
    ],
)
def test_what_else_is_done_first_may_come_before_or_after(
    function, way: str, picture: Path, tmp_path: Path
) -> None:
    model, file = saved(tmp_path, lambda x: head(function(x)))
    built = built_from(file)
    pixels = mapping(MODES[way], built.preprocessing, built.size)
    found = built.model.predict_on_batch(pixels.apply(read_image(picture, pixels.resize)[None]))
    raw = PICTURE[None].astype(np.float32)
    prepared = {"raw": raw, "tf": raw / 127.5 - 1, "unit": raw / 255}[way]
    np.testing.assert_allclose(found, model.predict_on_batch(prepared), atol=5e-3)


def resizing(**options):
    return lambda x: layers.Resizing(**{"height": SIZE, "width": SIZE} | options)(x)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (resizing(width=48), "48 x 32; edgeall imports models with square"),
        (resizing(interpolation="lanczos5", antialias=True), "lanczos5 with antialiasing"),
        (resizing(interpolation="bicubic"), "bicubic without antialiasing"),
        (resizing(interpolation="lanczos3"), "lanczos3 without antialiasing"),
        (resizing(pad_to_aspect_ratio=True, fill_value=114.0), "bars that are not black"),
        (
            lambda x: resizing(pad_to_aspect_ratio=True)(layers.Rescaling(1 / 127.5, -1)(x)),
            "bars that are not",
        ),
        (lambda x: layers.CenterCrop(SIZE, SIZE)(x), "crops an image of any size"),
        (lambda x: layers.Cropping2D(2)(x), "crops an image of any size"),
        (
            lambda x: (
                layers.Add()([layers.Conv2D(1, 3)(layers.Resizing(n, n)(x)) for n in (16, 16)][:1] * 2)
                + layers.Conv2D(1, 3)(layers.Resizing(24, 24)(x))[:, :14, :14]
            ),
            "two different ways",
        ),
    ],
)
def test_what_the_pixel_mapping_cannot_do_is_refused(function, words: str, tmp_path: Path) -> None:
    _, file = saved(tmp_path, lambda x: head(function(x)))
    with pytest.raises(ModelError, match=words):
        import_model(file, ["hem", "all"], preprocessing="raw", out=tmp_path / "runs")


@pytest.mark.parametrize(
    ("option", "value"), [("input_size", SIZE), ("input_size", 64), ("fit", "crop"), ("resize_filter", "box")]
)
def test_options_that_the_model_decides_itself_are_refused(option: str, value, tmp_path: Path) -> None:
    _, file = saved(tmp_path, lambda x: head(resizing()(x)))
    with pytest.raises(UsageError, match=f"--{option.replace('_', '-')} {value}.*resizes images itself"):
        import_model(file, ["hem", "all"], preprocessing="raw", out=tmp_path / "runs", **{option: value})


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("filter_", [*FILTERS, "lanczos5"])
def test_a_resizing_of_an_input_of_one_size_stays_in_the_model(
    fit: str, filter_: str, tmp_path: Path
) -> None:
    options = FITS[fit] | FILTERS.get(filter_, {"interpolation": "lanczos5"})
    model, file = saved(tmp_path, lambda x: head(layers.Resizing(20, 24, **options)(x)), (SIZE, SIZE, 3))
    built = built_from(file)
    assert built.size == SIZE
    images = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        answers(built, images), model.predict_on_batch(images.astype(np.float32)), atol=1e-5
    )


def test_a_run_of_a_model_that_crops_answers_as_keras_does(tmp_path: Path) -> None:
    """A dark middle that a stretched picture has not."""
    wide = np.full((48, 192, 3), 255, np.uint8)
    wide[:, 72:120] = 40
    Image.fromarray(wide).save(tmp_path / "wide.png")
    model, file = saved(tmp_path, lambda x: head(layers.Rescaling(1 / 255)(resizing(**FITS["crop"])(x))))
    run = import_model(file, ["hem", "all"], preprocessing="raw", out=tmp_path / "runs").run
    assert run.settings["imported"]["taken_out"][0] == model.layers[1].name
    pixels = run.pixels.apply(read_image(tmp_path / "wide.png", run.pixels.resize)[None])
    np.testing.assert_allclose(
        training.load_model(run).predict_on_batch(pixels),
        model.predict_on_batch(wide[None].astype(np.float32)),
        atol=2e-3,
    )


def test_fit_and_filter_are_recorded(tmp_path: Path) -> None:
    _, file = saved(tmp_path, head, (SIZE, SIZE, 3))
    done = import_model(
        file,
        ["a", "b"],
        preprocessing="unit",
        fit="letterbox",
        resize_filter="nearest",
        out=tmp_path / "runs",
    )
    assert (done.run.pixels.fit, done.run.pixels.filter) == ("letterbox", "nearest")
    for option, words in (({"fit": "krop"}, "'crop'"), ({"resize_filter": "neares"}, "'nearest'")):
        with pytest.raises(UsageError, match=words):
            import_model(file, ["a", "b"], preprocessing="unit", out=tmp_path / "others", **option)


def test_overshoots_that_bytes_cannot_hold_are_told(tmp_path: Path) -> None:
    _, file = saved(tmp_path, lambda x: head(resizing(interpolation="bicubic", antialias=True)(x)))
    done = import_model(file, ["hem", "all"], preprocessing="raw", out=tmp_path / "runs")
    assert any("bicubic" in warning and "clips" in warning for warning in done.warnings)


def test_only_preparations_that_leave_the_model_its_bars_are_tried(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data")
    _, file = saved(
        tmp_path, lambda x: head(layers.Rescaling(1 / 255)(resizing(pad_to_aspect_ratio=True)(x)))
    )
    done = import_model(file, ["hem", "all"], preprocessing="raw", data=data, out=tmp_path / "runs")
    assert {row["preprocessing"] for row in done.tried} == {"raw", "unit"}
    with pytest.raises(ModelError, match="bars that are not black in images preprocessed as tf"):
        import_model(file, ["hem", "all"], preprocessing="tf", data=data, out=tmp_path / "others")
