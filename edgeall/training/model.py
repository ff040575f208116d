"""Keras models: built, cut into a frozen and a trained part, run, and loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgeall.errors import RunError, UsageError
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.suggestions import unknown_name
from edgeall.training.backbones import Backbone
from edgeall.training.heads import Head

Floats = npt.NDArray[np.float32]

PREDICT_BATCH = 16


@dataclass(frozen=True)
class Classifier:
    """A backbone with a head, one flat graph: preprocessed float32 NHWC in, probabilities out.

    Attributes:
        base: the backbone alone, sharing its layers with `model`.
        head: the head's layers, in order.
    """

    model: Any
    base: Any
    head: tuple[Any, ...]
    backbone: Backbone


def build(
    backbone: Backbone, head: Head, outputs: int, *, size: int, dropout: float = 0.0, seed: int = 0
) -> Classifier:
    """A new classifier with Keras' initial weights.

    Args:
        outputs: 1 (sigmoid, two classes) or the number of classes (softmax).
        size: height and width of the input, in pixels.
        dropout: rate in the head, in 0..0.95.
    """
    inputs = keras.Input((size, size, 3), name="pixels")
    constructor = getattr(keras.applications, backbone.constructor)
    base = constructor(include_top=False, weights=None, input_tensor=inputs, input_shape=(size, size, 3))
    layers = tuple(head.layers(outputs, dropout, seed))
    model = _stack(inputs, base.output, layers)
    model.name = f"{backbone.name}_{head.name}"
    return Classifier(compiled(model), base, layers, backbone)


def compiled(model: Any, **options: Any) -> Any:
    """Compile in place, and return `model`. XLA takes minutes to compile these networks on a CPU; only JAX needs it."""
    model.compile(jit_compile=keras.backend.backend() == "jax", **options)
    return model


def unfreeze(classifier: Classifier, fine_tune: str) -> str | None:
    """Mark the layers that the second phase trains.

    Args:
        fine_tune: as in `TrainingSettings`. With "none", no layer of the backbone is trained.

    Returns:
        Name of the layer above whose output they lie; None for the input.

    Raises:
        UsageError: no such layer, or a path bypasses it.
    """
    backbone, base = classifier.backbone, classifier.base
    depth = backbone.published if fine_tune == "published" else fine_tune
    everything = dict.fromkeys(("all", "scratch"))
    cut = (everything | {"none": base.layers[-1].name, "upper": backbone.upper}).get(depth, depth)
    names = [layer.name for layer in base.layers]
    if cut is not None and cut not in names:
        raise unknown_name(f"layer of {backbone.title}", cut, names)
    if cut is None:
        unfrozen = set(names)
    elif depth == "none":
        unfrozen = set()
    else:
        unfrozen = {layer.name for layer in _above(classifier, cut).layers}
    for layer in base.layers:
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name in unfrozen and (trains_statistics(fine_tune) or not normalizes)
    return cut


def trains_statistics(fine_tune: str) -> bool:
    """Whether BatchNorm is trained as Keras' `fit` does it, at this depth of fine-tuning."""
    return fine_tune in ("published", "scratch")


def submodel(classifier: Classifier, below: str | None, above: str) -> Any:
    """The part from the output of layer `below` (None: the input) to that of layer `above`, as a model."""
    model = classifier.model
    start = model.inputs if below is None else model.get_layer(below).output
    return compiled(keras.Model(start, model.get_layer(above).output))


class _InferenceMode(keras.layers.Layer):  # type: ignore[misc]
    """A model that always runs in inference mode.

    A layer of its own, because Keras overrides `training=False` of a plain call with that of the surrounding model.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def call(self, inputs: Any) -> Any:
        return self.model(inputs, training=False)


def trained_part(classifier: Classifier, cut: str | None, *, frozen_statistics: bool = True) -> Any:
    """The trained part: the output of `cut` (None: the input) to probabilities, sharing all layers.

    Args:
        frozen_statistics: BatchNorm normalizes by its moving averages and does not update them, whether or not its
            scale and shift are trained, because averages over small batches are noisy. If False, BatchNorm acts as in
            Keras' `fit`: where it is trainable, it normalizes by the batch and updates its averages.
    """
    if cut == classifier.base.layers[-1].name:
        return stacked(classifier.head, classifier.base.output.shape[1:])
    above = classifier.base if cut is None else _above(classifier, cut)
    inputs = keras.Input(above.inputs[0].shape[1:])
    return _stack(inputs, (_InferenceMode(above) if frozen_statistics else above)(inputs), classifier.head)


def stacked(layers: Sequence[Any], shape: Sequence[int]) -> Any:
    """A sequential model of `layers` on an input of `shape` (without the batch)."""
    inputs = keras.Input(tuple(shape))
    return _stack(inputs, inputs, layers)


def _stack(inputs: Any, tensor: Any, layers: Sequence[Any]) -> Any:
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor)


def _above(classifier: Classifier, cut: str) -> Any:
    try:
        return keras.Model(classifier.base.get_layer(cut).output, classifier.base.output)
    except ValueError:
        raise UsageError(
            f"layer '{cut}' of {classifier.backbone.title} does not divide it: other paths bypass the layer; "
            f"'{classifier.backbone.upper}' does"
        ) from None


def run_model(model: Any, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Outputs for inputs (n, ...), run in batches of `PREDICT_BATCH` so that Keras traces one shape only."""
    n = len(inputs)
    padded = np.resize(inputs, (-(-n // PREDICT_BATCH) * PREDICT_BATCH, *inputs.shape[1:]))
    outputs = [
        np.asarray(model.predict_on_batch(padded[start : start + PREDICT_BATCH]))
        for start in range(0, len(padded), PREDICT_BATCH)
    ]
    return np.concatenate(outputs)[:n]


def predict(model: Any, images: ByteImage, mapping: PixelMapping) -> npt.NDArray[np.float64]:
    """Class probabilities (n, k) of RGB bytes (n, size, size, 3); a single sigmoid output p becomes [1 - p, p]."""
    outputs = [
        run_model(model, mapping.apply(images[start : start + PREDICT_BATCH]))
        for start in range(0, len(images), PREDICT_BATCH)
    ]
    return class_probabilities(np.concatenate(outputs))


def class_probabilities(outputs: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Model outputs, sigmoid (n, 1) or softmax (n, k), as class probabilities (n, k)."""
    values = np.asarray(outputs, dtype=np.float64)
    return np.concatenate([1 - values, values], axis=1) if values.shape[1] == 1 else values


def load(path: Any, name: str) -> Any:
    """Load a `model.keras` without running code in the file.

    Raises:
        RunError: damaged, or not a plain Keras model.
    """
    try:
        return compiled(keras.saving.load_model(path, compile=False, safe_mode=True))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise RunError(
            f"{path}: run {name}'s model cannot be loaded ({reason}); copy the run again or train it again"
        ) from None
