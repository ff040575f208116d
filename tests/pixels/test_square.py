"""How a picture becomes a square: against Keras, TensorFlow and NumPy, and for shapes far from one."""

import numpy as np
import pytest
from PIL import Image

from edgeall.pixels import FILTERS, FITS, Resize
from edgeall.pixels.canvas import Canvas
from edgeall.pixels.square import resized

SHAPES = [(96, 128), (133, 77), (50, 60), (224, 224), (301, 449), (1, 5)]
SIZES = (75, 224)


def noise(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def away(image: Image.Image, to: Resize, judge: np.ndarray) -> float:
    return float(np.abs(np.asarray(resized(image, to), dtype=float) - np.clip(np.rint(judge), 0, 255)).max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_fits_and_bilinear_filters_are_those_of_keras_resizing(shape: tuple[int, int], size: int) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the judge")
    image = noise(*shape)
    batch = np.asarray(image, np.float32)[None]
    ways = {"stretch": {}, "crop": {"crop_to_aspect_ratio": True}, "letterbox": {"pad_to_aspect_ratio": True}}
    for fit in FITS:
        for filter_, antialias in (("bilinear", True), ("bilinear-no-antialias", False)):
            layer = keras.layers.Resizing(size, size, antialias=antialias, **ways[fit])
            judge = keras.ops.convert_to_numpy(layer(batch))[0]
            assert away(image, Resize(size, fit, filter_), judge) <= 1, (fit, filter_)


@pytest.mark.parametrize("shape", SHAPES)
def test_nearest_is_that_of_tensorflow_2(shape: tuple[int, int]) -> None:
    tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is the judge")
    image = noise(*shape)
    for size in SIZES:
        judge = tensorflow.image.resize(np.asarray(image), (size, size), method="nearest").numpy()
        assert away(image, Resize(size, filter="nearest"), judge) == 0


@pytest.mark.parametrize("filter_", ["bilinear", "bicubic", "lanczos", "box"])
def test_antialiased_filters_are_those_of_pillow(filter_: str) -> None:
    for shape in SHAPES:
        image = noise(*shape)
        judge = image.resize((75, 75), Image.Resampling[filter_.upper()])
        assert away(image, Resize(75, filter=filter_), np.asarray(judge)) == 0


def test_a_crop_reads_nothing_from_outside() -> None:
    picture = np.full((40, 100, 3), 255, np.uint8)
    picture[:, 30:70] = 100
    for filter_ in FILTERS:
        for size in (16, 90):
            assert (np.asarray(resized(Image.fromarray(picture), Resize(size, "crop", filter_))) == 100).all()


TURNS = [None, *Image.Transpose]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("shape", [(90, 131), (131, 90), (700, 9)])
def test_a_picture_in_bands_is_that_of_a_whole_one(
    shape: tuple[int, int], turn: Image.Transpose | None, fit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = noise(*shape)
    for filter_ in ("bilinear", "bilinear-no-antialias", "nearest"):
        to = Resize(32, fit, filter_)
        whole = Canvas(image.size, turn, to)
        whole.add(image)
        with monkeypatch.context() as patched:
            patched.setattr("edgeall.pixels.canvas.WHOLE", 0)
            bands = Canvas(image.size, turn, to)
        for top in range(0, image.height, 7):
            bands.add(image.crop((0, top, image.width, min(top + 7, image.height))))
        difference = np.abs(np.asarray(bands.finished(), int) - np.asarray(whole.finished(), int)).max()
        assert difference <= (1 if to.antialiased else 0)


@pytest.mark.parametrize("filter_", ["bilinear", "bilinear-no-antialias", "nearest"])
@pytest.mark.parametrize("shape", [(60, 100), (100, 61), (3, 400), (401, 8)])
def test_a_letterbox_is_the_picture_with_its_bars(filter_: str, shape: tuple[int, int]) -> None:
    image, long = noise(*shape), max(shape)
    barred = Image.new("RGB", (long, long))
    barred.paste(image, ((long - image.width) // 2, (long - image.height) // 2))
    for size in (20, 64, 224, 500):
        judge = resized(barred, Resize(size, "stretch", filter_))
        # Filtering the other side first rounds otherwise.
        assert away(image, Resize(size, "letterbox", filter_), np.asarray(judge)) <= (filter_ == "bilinear")


@pytest.mark.parametrize("shape", [(20, 60_000), (60_000, 20)])
def test_a_letterbox_of_a_panorama_takes_little_memory(shape: tuple[int, int]) -> None:
    # With its bars the picture would take 14 GB.
    image = Image.new("RGB", shape[::-1], (255, 255, 255))
    for filter_ in FILTERS:
        square = np.asarray(resized(image, Resize(64, "letterbox", filter_)), dtype=int)
        # 20 of 60 000 pixels are a fiftieth of one of 64.
        assert square.sum() <= 64 * 3 * 255 / 50 * 1.5
