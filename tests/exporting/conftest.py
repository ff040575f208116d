"""One small run, exported once to all six default artifacts, for all tests of this room that only look."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import recorded_workers
from keras_run import copy_run

from edgeall import pixels, runs
from edgeall.artifact import FORMATS
from edgeall.exporting import Exported, choose, export_run


@pytest.fixture(autouse=True)
def workers(request: pytest.FixtureRequest, records: Path) -> Iterator[None]:
    """Workers answer from the session's record; the steps that a mark `real_workers` names are done by real ones."""
    mark = request.node.get_closest_marker("real_workers")
    with recorded_workers.recorded(records, really=mark.args if mark else ()):
        yield


@pytest.fixture(scope="session")
def exported(
    trained: runs.Run, records: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[runs.Run, list[Exported]]:
    """A copy of the run, and what exporting it for the first time returned; not to be changed."""
    run = copy_run(trained, tmp_path_factory.mktemp("exported") / "cells")
    with recorded_workers.recorded(records):
        return run, export_run(run, choose(FORMATS, ("float32", "int8")))


@pytest.fixture
def run(trained: runs.Run, tmp_path: Path) -> runs.Run:
    """A run of one's own, not exported yet."""
    return copy_run(trained, tmp_path / "own")


@pytest.fixture(scope="session")
def brittle(trained: runs.Run, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """Its second layer takes 1,000 times a grey value from 1,000.37 times the same; not to be changed.

    float16 rounds the larger weight to 1,000.5 and INT8 makes both alike, on every processor. Other layers bear either.
    """
    import keras
    from keras import layers

    run = copy_run(trained, tmp_path_factory.mktemp("brittle") / "cells")
    keras.utils.set_random_seed(0)
    grey, differ = layers.Conv2D(2, 1, activation="relu"), layers.Conv2D(4, 1, use_bias=False)
    end = layers.Dense(1)
    inputs = keras.Input((run.pixels.size, run.pixels.size, 3))
    x = layers.Conv2D(64, 3, activation="relu")(differ(grey(inputs)))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 3, activation="relu")(x))
    logits = end(x)
    grey.set_weights([np.full((1, 1, 3, 2), 0.25), np.ones(2)])
    differ.set_weights([np.tile(np.array([1000.37, -1000.0]).reshape(1, 1, 2, 1), (1, 1, 1, 4))])
    images = np.stack([pixels.read_image(path, run.pixels.size) for path in run.images("val")])
    before = keras.Model(inputs, logits).predict(run.pixels.apply(images), verbose=0)
    kernel, _ = end.get_weights()
    factor = 1.0 / before.std()
    end.set_weights([kernel * factor, np.array([-before.mean() * factor])])
    keras.Model(inputs, layers.Activation("sigmoid")(logits)).save(run.model_path)
    return run
