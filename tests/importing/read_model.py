"""A model file read and built anew without the rest of an import: what its layers answer."""

from pathlib import Path

import keras
import numpy as np

from edgeall.importing.build import BuiltModel, build
from edgeall.importing.container import opened
from edgeall.importing.graph import read_graph
from edgeall.importing.layer_weights import StoredWeights
from edgeall.importing.output import Output
from edgeall.importing.preprocessing import MODES, mapping


def built_from(file: Path, size: int | None = None, weights: Path | None = None) -> BuiltModel:
    """The model in `file`, whatever its output means."""
    with opened(file, weights) as stored:
        return build(
            read_graph(stored.config, str(file)), StoredWeights(stored), Output("any"), size, str(file)
        )


def answers(built: BuiltModel, images: np.ndarray) -> np.ndarray:
    """Of RGB bytes (n, size, size, 3) that need no resizing any more, given to the model as they are."""
    pixels = mapping(MODES["raw"], built.preprocessing, built.size)
    return np.asarray(built.model.predict_on_batch(pixels.apply(images)))


def randomised(model: keras.Model, seed: int = 0) -> keras.Model:
    """`model` with weights that make every layer matter: also statistics, gammas and biases."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" not in variable.name:
            low = 0.3 if "variance" in variable.name or "stddev" in variable.name else -0.5
            variable.assign(rng.uniform(low, 0.9, variable.shape))
    return model
