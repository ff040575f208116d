"""Quantization-aware fine-tuning: the fake-quantized twin learns to answer as the float model does.

Method: straight-through gradients (Bengio et al. 2013, arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877), and as
targets a mixture of the labels and the float model's own probabilities (Hinton et al. 2015, arXiv:1503.02531).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.errors import ExportError
from edgeall.exporting.int8.bias_correction import correct_biases
from edgeall.exporting.int8.fake_quant import float_model, rounded_model, trainable_twin, weights_of
from edgeall.exporting.int8.ir import Floats, PlainModel, Weights
from edgeall.exporting.int8.quant_params import Grid
from edgeall.exporting.int8.quantized import Epoch, QuantizedModel, freeze
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress
from edgeall.training.augment import Augmentation, augmented

CORRECTING = 64
"""Training images over which weights are rounded and biases corrected."""

_RATES = 3
"""Learning rates that are tried, each a tenth of the one before, until one keeps what the model knows."""
_LOST = 3.0
"""Times as far from the float model as before the first epoch, or as `_NEAR`: what an epoch takes that far away comes
no nearer than it was (VGG19, C-NMC: .051, then .35, .44, .24, .18, .14 and .16)."""
_NEAR = 0.02
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
    biases alone, is one of the candidates. Where the learning rate proves too high for this network, training begins
    anew at a tenth of it. Same seed and machine, same weights.

    Raises:
        ExportError: there are no images, or no rate that was tried is low enough.
    """
    if len(train.pixels) < 1 or len(validation.pixels) < 1:
        raise ExportError("quantization-aware fine-tuning needs training and validation images")
    teacher = float_model(plain)
    corrected = correct_biases(plain, grids, tuning.weight_bits, train.pixels[:CORRECTING], mapping)
    reference = predict(teacher, validation.pixels, mapping)
    for attempt in range(_RATES):
        twin = trainable_twin(corrected, grids, tuning.weight_bits)
        slower = replace(tuning, learning_rate=tuning.learning_rate / 10**attempt)
        lessons = _Lessons(plain, teacher, train, validation, reference, mapping, slower)
        weights, history = lessons.give(twin, progress)
        if not _lost(history):
            nearest = min(history, key=lambda epoch: epoch.mean_difference)
            return freeze(plain.graph, weights, grids, tuning.weight_bits, tuple(history), nearest.number)
        progress.note(
            f"INT8 fine-tuning: at a rate of {slower.learning_rate:g} it forgets more than it learns"
        )
    raise ExportError(
        f"INT8 fine-tuning: even at a rate of {slower.learning_rate:g} it forgets more than it learns; "
        "lower [fine_tuning] learning_rate in the recipe"
    )


@dataclass(frozen=True)
class _Lessons:
    """What a twin learns from, and how; `reference`: the teacher's answers on the validation images."""

    plain: PlainModel
    teacher: Any
    train: Images
    validation: Images
    reference: Floats
    mapping: PixelMapping
    tuning: Tuning

    def give(self, twin: Any, progress: Progress) -> tuple[dict[str, Weights], list[Epoch]]:
        """Train `twin`: the weights of the epoch nearest the teacher, and all epochs; after a lost one none follow."""
        import keras

        tuning, count = self.tuning, len(self.train.pixels)
        keras.utils.set_random_seed(tuning.seed)
        rng = np.random.default_rng(tuning.seed)
        size = min(tuning.batch_size, _room(self.plain))
        steps = tuning.epochs * -(-count // size)
        warm = steps // 8
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps - warm, 1), warmup_target=tuning.learning_rate, warmup_steps=warm
        )
        twin.compile(keras.optimizers.Adam(rate), _loss(self.plain))
        history = [self._examined(0, twin)]
        best, nearest = _weights(twin), history[0].mean_difference
        with progress.stage("fine-tuning for INT8", tuning.epochs * count) as advance:
            for epoch in range(1, tuning.epochs + 1):
                if nearest <= tuning.enough or _lost(history):
                    break
                order = rng.permutation(count)
                for start in range(0, count, size):
                    batch = order[start : start + size]
                    if not np.isfinite(twin.train_on_batch(*self._batch(epoch, batch))):
                        return best, [*history, Epoch(epoch, 1.0, 0.0)]
                    advance(len(batch))
                history.append(self._examined(epoch, twin))
                if history[epoch].mean_difference < nearest:
                    best, nearest = _weights(twin), history[epoch].mean_difference
                progress.note(
                    f"INT8 epoch {epoch}: mean change in probability {history[epoch].mean_difference:.4f}, "
                    f"decisions agree {history[epoch].agreement:.3f}"
                )
        return best, history

    def _batch(self, epoch: int, indices: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Varied images, and what to answer to them."""
        pixels, share = self.train.pixels, self.tuning.label_weight
        varied = [augmented(pixels[i], AUGMENTATION, self.tuning.seed, epoch, int(i)) for i in indices]
        tensors = self.mapping.apply(np.stack(varied))
        taught = np.asarray(self.teacher.predict_on_batch(tensors))
        labels = _one_hot(self.train.classes[indices], taught.shape[1])
        return tensors, (share * labels + (1 - share) * taught).astype(np.float32)

    def _examined(self, number: int, twin: Any) -> Epoch:
        return _compare(number, predict(twin, self.validation.pixels, self.mapping), self.reference)


def _lost(history: Sequence[Epoch]) -> bool:
    return history[-1].mean_difference > _LOST * max(history[0].mean_difference, _NEAR)


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
