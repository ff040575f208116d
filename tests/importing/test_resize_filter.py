"""Which resize filter a model's training pictures went through: the labelled images say it, or that they cannot."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from edgeall.importing import import_model
from edgeall.pixels import FILTERS

SIZE = 24


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flat pictures, and pictures with a grain that only nearest keeps as it is."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for label, grain in (("hem", 2), ("all", 40)):
        (folder / label).mkdir()
        for number in range(40):
            grey = rng.integers(100, 150) + rng.integers(-grain, grain + 1, (SIZE * 4, SIZE * 4, 1))
            Image.fromarray(np.repeat(grey, 3, axis=2).astype(np.uint8)).save(
                folder / label / f"{number}.png"
            )
    return folder


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sigmoid of the mean difference of neighbours, in bytes, less 15."""
    image = keras.Input((SIZE, SIZE, 3))
    difference = layers.Conv2D(2, (1, 2), use_bias=False, activation="relu")
    probability = layers.Dense(1, activation="sigmoid")
    model = keras.Model(image, probability(layers.GlobalAveragePooling2D()(difference(image))))
    kernel = np.zeros((1, 2, 3, 2), np.float32)
    kernel[0, :, 0] = [[1, -1], [-1, 1]]
    difference.set_weights([kernel])
    probability.set_weights([np.ones((2, 1), np.float32), np.array([-15.0], np.float32)])
    file = tmp_path_factory.mktemp("model") / "grain.keras"
    model.save(file)
    return file


def test_the_filter_is_found_by_labelled_images(file: Path, data: Path, tmp_path: Path) -> None:
    done = import_model(file, ["hem", "all"], preprocessing="raw", data=data, out=tmp_path)
    assert done.run.pixels.filter == "nearest"
    assert done.run.settings["imported"]["preprocessing"]["filter"] == "nearest"
    tried = [row for row in done.tried if row["preprocessing"] == "raw" and row["channel_order"] == "RGB"]
    assert {row["filter"] for row in tried} == set(FILTERS)
    assert done.run.metrics["val"]["accuracy"]["value"] == 1.0


def test_a_wrong_filter_is_warned_of(file: Path, data: Path, tmp_path: Path) -> None:
    done = import_model(
        file, ["hem", "all"], preprocessing="raw", resize_filter="box", data=data, out=tmp_path
    )
    assert done.run.pixels.filter == "box"
    assert any("another resize filter fits far better: nearest" in warning for warning in done.warnings)
    assert any("--resize-filter nearest" in warning for warning in done.warnings)


def test_a_right_filter_is_not(file: Path, data: Path, tmp_path: Path) -> None:
    done = import_model(
        file, ["hem", "all"], preprocessing="raw", resize_filter="nearest", data=data, out=tmp_path
    )
    assert done.warnings == ()
