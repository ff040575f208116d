"""Drawn cells on black, some with a bright granule, and a small network that was trained to find it, or was not."""

from pathlib import Path
from typing import Any

import numpy as np

from edgeall.artifact import Artifact, ClassTest, Decision, Metadata, Provenance, Share, TestFigures, seal
from edgeall.pixels import ByteImage, PixelMapping

SIZE = 48
RADIUS = 18
"""Of the cells, in pixels."""
GRANULE = 4
"""Side of a granule, in pixels."""
PLACES = ((14, 20), (28, 17), (22, 30), (19, 15))
"""Rows and columns of granules, for tests."""
PIXELS = PixelMapping(SIZE, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)
DECISION = Decision(("plain", "granule"), ("granule",))


def cell(noise: np.random.Generator, at: tuple[int, int] | None = None) -> ByteImage:
    """A violet cell; `at`: row and column of its granule's first pixel."""
    pixels = noise.normal((110, 60, 130), 8, (SIZE, SIZE, 3))
    if at is not None:
        pixels[at[0] : at[0] + GRANULE, at[1] : at[1] + GRANULE] += 90
    y, x = np.indices((SIZE, SIZE)) - SIZE // 2
    pixels[x * x + y * y > RADIUS * RADIUS] = 0
    return pixels.clip(0, 255).astype(np.uint8)


def place(noise: np.random.Generator) -> tuple[int, int]:
    """Where a granule lies well inside the cell."""
    row, column = noise.integers(SIZE // 2 - 11, SIZE // 2 + 8, 2)
    return int(row), int(column)


def write(folder: Path) -> None:
    """The network as `untrained.tflite` and `trained.tflite`, sealed."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    given = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(8, 5, strides=2, activation="relu")(given)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    answer = layers.Dense(1, activation="sigmoid")(layers.GlobalMaxPooling2D()(x))
    model = keras.Model(given, answer)
    _seal(model, folder / "untrained.tflite")
    noise = np.random.default_rng(0)
    found = np.arange(256) % 2
    cells = np.stack([cell(noise, place(noise) if each else None) for each in found])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(PIXELS.apply(cells), found, batch_size=32, epochs=15, verbose=0)
    _seal(model, folder / "trained.tflite")


def _seal(model: Any, path: Path) -> Artifact:
    import tensorflow as tf

    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    provenance = Provenance("granules", "none", "gap", "random weights", "drawn", "0" * 64, "Apache-2.0")
    right = ClassTest(Share(0.95), 100, None)
    # The untrained network's are made up: its maps must not pass in spite of them.
    test = TestFigures("the Keras model", "image", 0.5, right, right, None)
    return seal(path, Metadata("tflite", "float32", PIXELS, DECISION, provenance, test=test))
