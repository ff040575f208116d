"""Initial weights of the backbone: ImageNet's, a file's, or seeded random ones."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgeall import files
from edgeall.errors import EdgeallError, UsageError
from edgeall.pixels import PixelMapping
from edgeall.progress import SILENT, Progress
from edgeall.training.augment import augmented
from edgeall.training.image_cache import CachedImages
from edgeall.training.model import Classifier
from edgeall.training.settings import IMAGENET, RANDOM, TrainingSettings

RECALIBRATION_IMAGES = 256
RECALIBRATION_BATCH = 16


def initialize(
    classifier: Classifier,
    settings: TrainingSettings,
    images: CachedImages,
    mapping: PixelMapping,
    progress: Progress = SILENT,
) -> tuple[str, str]:
    """Set the backbone's weights; returns a description of their origin and their licence.

    Raises:
        EdgeallError: ImageNet weights cannot be downloaded.
        UsageError: a file's weights are not those of this backbone.
    """
    backbone = classifier.backbone
    if settings.weights == IMAGENET:
        _copy_imagenet(classifier)
        return "ImageNet weights", backbone.licence
    if settings.weights != RANDOM:
        path = Path(settings.weights)
        _load_file(classifier, path)
        return origin_of_file(path)
    draw_weights(classifier.base, settings.seed)
    normalizes = any(isinstance(layer, keras.layers.BatchNormalization) for layer in classifier.base.layers)
    origin = "random weights"
    if normalizes:
        n = recalibrate(classifier.base, images, mapping, settings, progress)
        origin += f", BatchNorm recalibrated on {n} training images"
    return origin, "none needed (trained from random weights)"


def origin_of_file(path: Path) -> tuple[str, str]:
    """Of weights of a file: a description of their origin, and their licence, which tells files of one name apart."""
    return f"weights of {path.name}", f"that of {path.name} (SHA-256 {files.sha256_file(path)[:16]})"


def draw_weights(base: Any, seed: int) -> None:
    """Draw every kernel with NumPy, so that one seed gives the same weights under every Keras backend.

    He's normal initialization keeps activations in range through ReLU layers, with or without BatchNorm.
    Source: He et al., ICCV 2015.
    """
    for number, layer in enumerate(base.layers):
        for variable in layer.weights:
            if "kernel" not in variable.name:
                continue
            shape = tuple(variable.shape)
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            fan_in = math.prod(shape[:2]) if depthwise else math.prod(shape[:-1])
            rng = np.random.default_rng([seed, number])
            variable.assign((rng.standard_normal(shape) * math.sqrt(2 / fan_in)).astype(np.float32))


def recalibrate(
    base: Any,
    images: CachedImages,
    mapping: PixelMapping,
    settings: TrainingSettings,
    progress: Progress = SILENT,
) -> int:
    """Set BatchNorm's moving mean and variance to their average over batches of augmented training images.

    Returns the number of images.
    """
    n = min(len(images), RECALIBRATION_IMAGES)
    order = np.random.default_rng([settings.seed, n]).permutation(len(images))[:n]
    batches = -(-n // RECALIBRATION_BATCH)
    # The last batch is filled up from the first, so that all batches have the same weight in the average.
    rows = np.resize(order, batches * min(RECALIBRATION_BATCH, n)).reshape(batches, -1)
    layers = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    with _trainable(layers), progress.stage("recalibrating BatchNorm", batches) as advance:
        for number, batch in enumerate(rows):
            for layer in layers:
                # With momentum k / (k + 1) after k batches, the moving average is the arithmetic mean.
                layer.momentum = number / (number + 1)
            pictures = images.take(batch)
            views = [
                augmented(image, settings.augmentation, settings.seed, number + 1, int(index))
                for image, index in zip(pictures, batch, strict=True)
            ]
            base([mapping.apply(np.stack(views))], training=True)
            advance(1)
    return n


@contextmanager
def _trainable(layers: list[Any]) -> Iterator[None]:
    before = [(layer.trainable, layer.momentum) for layer in layers]
    for layer in layers:
        layer.trainable = True
    try:
        yield
    finally:
        for layer, (trainable, momentum) in zip(layers, before, strict=True):
            layer.trainable, layer.momentum = trainable, momentum


def _copy_imagenet(classifier: Classifier) -> None:
    backbone = classifier.backbone
    shape = tuple(classifier.model.inputs[0].shape[1:])
    constructor = getattr(keras.applications, backbone.constructor)
    try:
        pretrained = constructor(include_top=False, weights=IMAGENET, input_shape=shape)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise EdgeallError(
            f"ImageNet weights of {backbone.title} cannot be downloaded ({reason}); "
            "connect to the internet, or give a weights file with --weights PATH"
        ) from None
    classifier.base.set_weights(pretrained.get_weights())


def _load_file(classifier: Classifier, path: Path) -> None:
    backbone, base = classifier.backbone, classifier.base
    before = [array.copy() for array in base.get_weights()]
    try:
        # Keras warns about each part that does not fit before it raises. The error message suffices.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if path.suffix == ".keras":
                _copy_by_name(base, keras.saving.load_model(path, compile=False, safe_mode=True))
            else:
                base.load_weights(path)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise UsageError(
            f"{path}: does not hold weights of {backbone.title} without its top ({reason}); "
            "give the file of the same backbone, as .weights.h5, .h5 or .keras"
        ) from None
    after = base.get_weights()
    if not all(np.isfinite(array).all() for array in after):
        raise UsageError(f"{path}: holds weights that are not finite numbers; get the file again")
    if all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        raise UsageError(f"{path}: holds no weights of {backbone.title}")


def _copy_by_name(base: Any, source: Any) -> None:
    """Copy weights between layers of the same name, nested models included.

    Raises:
        ValueError: a layer is missing in `source`.
    """
    found = {layer.name: layer for layer in _flat(source)}
    for layer in base.layers:
        if layer.weights:
            if layer.name not in found:
                raise ValueError(f"no layer {layer.name}")
            layer.set_weights(found[layer.name].get_weights())


def _flat(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer
