"""Quantization-aware fine-tuning: the fake-quantized twin learns to answer as the float model does.

Method: straight-through gradients (Bengio et al. 2013, arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877), and as
targets a mixture of the labels and the float model's own probabilities (Hinton et al. 2015, arXiv:1503.02531).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.errors import ExportError
from edgeall.exporting.qat.correction import correct_biases
from edgeall.exporting.qat.plain import Floats, PlainModel, Weights
from edgeall.exporting.qat.quantized import Epoch, QuantizedModel, freeze
from edgeall.exporting.qat.scales import Grid
from edgeall.exporting.qat.twin import float_model, rounded_model, trainable_twin, weights_of
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress
from edgeall.training.augment import Augmentation, augmented

CORRECTING = 64
"""Training images over which weights are rounded and biases corrected."""

_MEMORY = 3 << 30
_COPIES = 5
"""Of each tensor, that rounding it and the way back hold: measured, MobileNetV2 and DenseNet201."""

AUGMENTATION = Augmentation(brightness=0.25)
"""Stronger in brightness than training's default: the float model's answers teach on any image, whatever its label,
and slides from another laboratory are brighter or darker."""


@dataclass(frozen=True)
class Images:
    """Images of known classes: RGB bytes (n, size, size, 3) and an index into the labels each, (n,)."""

    pixels: ByteImage
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tuning:
    """How to fine-tune.

    Attributes:
        learning_rate: the highest of Adam's, which rises at first and then falls to zero along a cosine.
        batch_size: at most; fewer where a network's tensors are large.
        label_weight: share of the label in the target; the rest is the float model's probability.
        weight_bits: 7 gives the same answers on every processor, 8 finer weights; see `scales.weight_limit`.
        enough: mean absolute difference in probability on the validation images that ends the search early.
    """

    epochs: int = 6
    learning_rate: float = 1e-5
    batch_size: int = 16
    label_weight: float = 0.0
    weight_bits: int = 7
    enough: float = 0.0
    seed: int = 0


def fine_tune(
    plain: PlainModel,
    grids: Mapping[str, Grid],
    train: Images,
    validation: Images,
    mapping: PixelMapping,
    tuning: Tuning = Tuning(),
    progress: Progress = SILENT,
) -> QuantizedModel:
    """Fine-tune `plain` as INT8 on `grids` will compute it, and keep the epoch nearest the float model.

    The nearest has the least mean absolute difference in probability on the validation images; epoch 0, corrected
    biases alone, is one of the candidates. Same seed and machine, same weights.

    Raises:
        ExportError: the images do not fit, or the loss stops being a number.
    """
    if len(train.pixels) < 1 or len(validation.pixels) < 1:
        raise ExportError("quantization-aware fine-tuning needs training and validation images")
    import keras

    keras.utils.set_random_seed(tuning.seed)
    rng = np.random.default_rng(tuning.seed)
    teacher = float_model(plain)
    corrected = correct_biases(plain, grids, tuning.weight_bits, train.pixels[:CORRECTING], mapping)
    twin = trainable_twin(corrected, grids, tuning.weight_bits)
    size = min(tuning.batch_size, _room(plain))
    steps = tuning.epochs * -(-len(train.pixels) // size)
    warm = steps // 8
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warm, 1), warmup_target=tuning.learning_rate, warmup_steps=warm
    )
    twin.compile(keras.optimizers.Adam(rate), _loss(plain))
    reference = predict(teacher, validation.pixels, mapping)
    history = [_compare(0, predict(twin, validation.pixels, mapping), reference)]
    best, chosen = _weights(twin), 0
    with progress.stage("fine-tuning for INT8", tuning.epochs * len(train.pixels)) as advance:
        for epoch in range(1, tuning.epochs + 1):
            if history[chosen].mean_difference <= tuning.enough:
                break
            order = rng.permutation(len(train.pixels))
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                varied = [augmented(train.pixels[i], AUGMENTATION, tuning.seed, epoch, int(i)) for i in batch]
                tensors = mapping.apply(np.stack(varied))
                taught = np.asarray(teacher.predict_on_batch(tensors))
                labels = _one_hot(train.classes[batch], taught.shape[1])
                targets = tuning.label_weight * labels + (1 - tuning.label_weight) * taught
                loss = float(twin.train_on_batch(tensors, targets))
                if not np.isfinite(loss):
                    raise ExportError(
                        f"INT8 fine-tuning: the loss is {loss} in epoch {epoch}; lower the learning rate"
                    )
                advance(len(batch))
            history.append(_compare(epoch, predict(twin, validation.pixels, mapping), reference))
            if history[epoch].mean_difference < history[chosen].mean_difference:
                best, chosen = _weights(twin), epoch
            progress.note(
                f"INT8 epoch {epoch}: mean change in probability {history[epoch].mean_difference:.4f}, "
                f"decisions agree {history[epoch].agreement:.3f}"
            )
    return freeze(plain.graph, best, grids, tuning.weight_bits, tuple(history), chosen)


def _room(plain: PlainModel) -> int:
    """Images in a batch, 2 at least, so that what their gradients need stays below `_MEMORY`."""
    tensors = 4 * sum(int(np.prod(node.shape)) for node in plain.graph.nodes)
    return max(2, _MEMORY // (_COPIES * tensors))


def simulate(model: QuantizedModel) -> Any:
    """A Keras model that answers as `model` does in every engine, up to the engines' own rounding."""
    weights = dict(model.float_weights)
    for name, whole in model.weights.items():
        node = model.graph.by_name[name]
        scale = (
            whole.scale.reshape(1, 1, *whole.kernel.shape[2:]) if node.kind == "depthwise" else whole.scale
        )
        step = model.grid(node.inputs[0]).scale * whole.scale.astype(np.float64)
        weights[name] = Weights(
            (whole.kernel * scale).astype(np.float32), (whole.bias * step).astype(np.float32)
        )
    return rounded_model(PlainModel(model.graph, weights), model.grids)


def predict(model: Any, images: ByteImage, mapping: PixelMapping, batch_size: int = 8) -> Floats:
    """Answers of a Keras model to RGB bytes (n, size, size, 3), batch by batch."""
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [np.asarray(model.predict_on_batch(mapping.apply(images[i : i + batch_size]))) for i in starts]
    )


def _weights(model: Any) -> dict[str, Weights]:
    from keras import ops

    return {
        name: Weights(*(np.array(ops.convert_to_numpy(variable)) for variable in pair))
        for name, pair in weights_of(model).items()
    }


def _loss(plain: PlainModel) -> Any:
    import keras

    if plain.graph.output.kind == "sigmoid":
        return keras.losses.BinaryCrossentropy()
    if plain.graph.output.kind == "softmax":
        return keras.losses.CategoricalCrossentropy()
    raise ExportError(
        f"the model ends in {plain.graph.output.name}, not in a sigmoid or softmax: not a classifier"
    )


def _one_hot(classes: npt.NDArray[np.int64], outputs: int) -> Floats:
    """Targets for a softmax of `outputs` classes, or for one sigmoid."""
    if outputs == 1:
        return classes[:, None].astype(np.float32)
    return np.eye(outputs, dtype=np.float32)[classes]


def _compare(number: int, answers: Floats, reference: Floats) -> Epoch:
    def decide(probabilities: Floats) -> npt.NDArray[Any]:
        return probabilities[:, 0] >= 0.5 if probabilities.shape[1] == 1 else probabilities.argmax(axis=1)

    difference = float(np.abs(answers - reference).mean())
    return Epoch(number, difference, float((decide(answers) == decide(reference)).mean()))
