"""Keras models: built plain, cut in two for training, and loaded back."""

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
    """A classifier without trained weights; `outputs` is 1 or the number of classes."""
    inputs = keras.Input((size, size, 3), name="pixels")
    constructor = getattr(keras.applications, backbone.constructor)
    base = constructor(include_top=False, weights=None, input_tensor=inputs, input_shape=(size, size, 3))
    layers = tuple(head.layers(outputs, dropout, seed))
    model = _stack(inputs, base.output, layers)
    model.name = f"{backbone.name}_{head.name}"
    return Classifier(compiled(model), base, layers, backbone)


def compiled(model: Any, **options: Any) -> Any:
    """Compile in place. XLA takes minutes to compile these networks on a CPU; JAX cannot do without."""
    model.compile(jit_compile=keras.backend.backend() == "jax", **options)
    return model


def open_layers(classifier: Classifier, fine_tune: str) -> str | None:
    """Mark what the second phase trains; returns the layer above whose output it lies, None for the input.

    `fine_tune` is as in `Settings`. With "none", nothing of the backbone is trained.

    Raises:
        UsageError: no such layer, or one that some path runs round.
    """
    backbone, base = classifier.backbone, classifier.base
    depth = backbone.published if fine_tune == "published" else fine_tune
    cut: str | None = {"none": base.layers[-1].name, "upper": backbone.upper, "all": None}.get(depth, depth)
    names = [layer.name for layer in base.layers]
    if cut is not None and cut not in names:
        raise unknown_name(f"layer of {backbone.title}", cut, names)
    if cut is None:
        opened = set(names)
    elif depth == "none":
        opened = set()
    else:
        opened = {layer.name for layer in _above(classifier, cut).layers}
    for layer in base.layers:
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name in opened and (fine_tune == "published" or not normalizes)
    return cut


def between(classifier: Classifier, below: str | None, above: str) -> Any:
    """The part from the output of layer `below` (None: the input) to that of layer `above`, as a model."""
    model = classifier.model
    start = model.inputs if below is None else model.get_layer(below).output
    return compiled(keras.Model(start, model.get_layer(above).output))


class _Steady(keras.layers.Layer):  # type: ignore[misc]
    """A model that always infers. As a plain call, its `training=False` gives way to that of the model around it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def call(self, inputs: Any) -> Any:
        return self.model(inputs, training=False)


def top(classifier: Classifier, cut: str | None, *, steady: bool = True) -> Any:
    """The part that is trained: the output of `cut` (None: the input) to probabilities, sharing all layers.

    Args:
        steady: BatchNorm inside normalizes by its moving averages and leaves them alone, whether or not its scale
            and shift are trained: with batches as small as these it would otherwise learn noise. Without, it does
            as in a plain Keras `fit`: where it is trainable, it normalizes by the batch and updates its averages.
    """
    if cut == classifier.base.layers[-1].name:
        return stacked(classifier.head, classifier.base.output.shape[1:])
    above = classifier.base if cut is None else _above(classifier, cut)
    inputs = keras.Input(above.inputs[0].shape[1:])
    return _stack(inputs, (_Steady(above) if steady else above)(inputs), classifier.head)


def stacked(layers: Sequence[Any], shape: Sequence[int]) -> Any:
    """Layers one after the other on an input of `shape` (without the batch), as a model."""
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
            f"layer '{cut}' of {classifier.backbone.title} cannot divide it: other paths run round it; "
            f"'{classifier.backbone.upper}' can"
        ) from None


def run_model(model: Any, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Outputs for a batch of any number, run as one of `PREDICT_BATCH`-multiples so that one shape is traced."""
    n = len(inputs)
    padded = np.resize(inputs, (-(-n // PREDICT_BATCH) * PREDICT_BATCH, *inputs.shape[1:]))
    outputs = [
        np.asarray(model.predict_on_batch(padded[start : start + PREDICT_BATCH]))
        for start in range(0, len(padded), PREDICT_BATCH)
    ]
    return np.concatenate(outputs)[:n]


def predict(model: Any, images: ByteImage, mapping: PixelMapping) -> npt.NDArray[np.float64]:
    """Class probabilities (n, k) of RGB bytes (n, size, size, 3); a lone sigmoid p becomes [1 - p, p]."""
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
    """Read a `model.keras` without running code that it may carry.

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
