"""Quantization-aware training (QAT) of the last layers, from labels, on the outputs of frozen INT8 layers.

The layers up to a cut are frozen in INT8, so that their outputs are computed once. The layers after it are trained with
fake quantization and straight-through gradients (Bengio et al. 2013, arXiv:1308.3432; Jacob et al. 2018,
arXiv:1712.05877), and adapt to the rounding errors of all layers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.errors import ExportError
from edgeall.exporting.int8.cutting import Subnetwork, split
from edgeall.exporting.int8.fake_quant import fake_quant_model, trainable_weights
from edgeall.exporting.int8.ir import Floats, FloatWeights, IrModel
from edgeall.exporting.int8.quant_params import QuantParams
from edgeall.exporting.int8.quantized import QuantizedModel, freeze
from edgeall.exporting.int8.simulation import predict, simulate
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress
from edgeall.training.augment import Augmentation, augmented

Codes = npt.NDArray[np.uint8]

_FROZEN_SHARE = 2 / 3
"""Share of the multiplications in the frozen layers, at least."""
_MAX_IMAGES = 800
"""Augmented images that pass the frozen layers, at most; each original image passes at least once."""
_BATCH = 8
_GRADIENT_MEMORY = 3 << 30
_COPIES_PER_TENSOR = 5
"""Copies of each tensor that quantization and backpropagation hold; measured on MobileNetV2 and DenseNet201."""


@dataclass(frozen=True)
class TrainingInputs:
    """Labelled images: RGB bytes (n, size, size, 3) and label indices (n,)."""

    pixels: ByteImage
    classes: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tuning:
    """Hyperparameters.

    Attributes:
        learning_rate: Adam's at the start; it decays to zero along a cosine.
        batch_size: at most; smaller for networks with large tensors.
        weight_bits: 7 gives the same outputs on every processor, 8 finer weights (`quant_params.weight_limit`).
    """

    epochs: int = 6
    learning_rate: float = 1e-5
    batch_size: int = 16
    weight_bits: int = 7
    seed: int = 0


def fine_tune(
    corrected: IrModel,
    quant_params: Mapping[str, QuantParams],
    train: TrainingInputs,
    mapping: PixelMapping,
    tuning: Tuning = Tuning(),
    progress: Progress = SILENT,
) -> QuantizedModel:
    """`corrected` (`correct_biases`) in INT8, its last layers trained on `train` with cross-entropy.

    Classes are weighted equally. The result is the exponential moving average of the weights over about one epoch,
    after the last epoch. The same seed gives the same weights on the same machine.

    Raises:
        ExportError: there are no images, the model is not a classifier, or the loss is not finite.
    """
    if not len(train.pixels):
        raise ExportError("quantization-aware training needs training images")
    bits = tuning.weight_bits
    bottom, top = split(corrected, quant_params, _FROZEN_SHARE)
    views = _frozen_outputs(bottom, bits, train.pixels, mapping, tuning, progress)
    weights = {**bottom.model.weights, **_trained(top, views, train.classes, tuning, progress)}
    return freeze(corrected.graph, weights, quant_params, bits)


def _frozen_outputs(
    bottom: Subnetwork,
    bits: int,
    pixels: ByteImage,
    mapping: PixelMapping,
    tuning: Tuning,
    progress: Progress,
) -> Codes:
    """Output codes of `bottom`, (views, n, *shape): the images as they are, then augmented."""
    graph, params = bottom.model.graph, bottom.quant_params[bottom.model.graph.output.name]
    model = simulate(freeze(graph, bottom.model.weights, bottom.quant_params, bits))
    count = max(1, min(tuning.epochs, _MAX_IMAGES // len(pixels)))
    codes = np.empty((count, len(pixels), *graph.output.shape), np.uint8)
    with progress.stage("INT8 features", count * len(pixels)) as advance:
        for view in range(count):
            for start in range(0, len(pixels), _BATCH):
                chosen = range(start, min(start + _BATCH, len(pixels)))
                varied = [augmented(pixels[i], Augmentation(), tuning.seed, view, i) for i in chosen]
                values = predict(model, np.stack(varied), mapping)
                codes[view, chosen.start : chosen.stop] = np.rint(values / params.scale) + params.zero_point
                advance(len(chosen))
    return codes


def _trained(
    top: Subnetwork, views: Codes, classes: npt.NDArray[np.int64], tuning: Tuning, progress: Progress
) -> dict[str, FloatWeights]:
    """The weights of `top` after training on its input codes `views`."""
    import keras
    from keras import ops

    keras.utils.set_random_seed(tuning.seed)
    rng = np.random.default_rng(tuning.seed)
    graph, params, count = top.model.graph, top.quant_params[top.model.graph.input.name], len(classes)
    size = min(tuning.batch_size, _max_batch(top.model))
    steps = -(-count // size)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(tuning.learning_rate, max(tuning.epochs * steps, 1)),
        use_ema=True,
        ema_momentum=1 - 1 / max(steps, 2),
    )
    model = fake_quant_model(top.model, top.quant_params, tuning.weight_bits)
    model.compile(optimizer, _loss(top.model))
    targets, class_weights = _one_hot(classes, graph.output.shape[-1]), _class_weights(classes)
    with progress.stage("fine-tuning for INT8", tuning.epochs * count) as advance:
        for epoch in range(tuning.epochs):
            order = rng.permutation(count)
            for start in range(0, count, size):
                batch = order[start : start + size]
                codes = views[epoch % len(views), batch].astype(np.float32)
                values = (codes - params.zero_point) * np.float32(params.scale)
                if not np.isfinite(
                    model.train_on_batch(values, targets[batch], sample_weight=class_weights[batch])
                ):
                    raise ExportError(
                        f"INT8 fine-tuning: the loss is not finite in epoch {epoch + 1}; "
                        "lower [fine_tuning] learning_rate in the recipe"
                    )
                advance(len(batch))
    optimizer.finalize_variable_values(model.trainable_variables)
    return {
        name: FloatWeights(*(np.array(ops.convert_to_numpy(variable)) for variable in pair))
        for name, pair in trainable_weights(model).items()
    }


def _class_weights(classes: npt.NDArray[np.int64]) -> Floats:
    """Sample weights (n,) of mean 1 that weight classes equally."""
    counts = Counter(classes.tolist())
    return np.array([len(classes) / len(counts) / counts[each] for each in classes.tolist()], np.float32)


def _max_batch(ir: IrModel) -> int:
    """The largest batch whose gradients need less than `_GRADIENT_MEMORY`; 2 at least."""
    tensors = 4 * sum(int(np.prod(node.shape)) for node in ir.graph.nodes)
    return max(2, _GRADIENT_MEMORY // (_COPIES_PER_TENSOR * tensors))


def _loss(ir: IrModel) -> Any:
    import keras

    if ir.graph.output.kind == "sigmoid":
        return keras.losses.BinaryCrossentropy()
    if ir.graph.output.kind == "softmax":
        return keras.losses.CategoricalCrossentropy()
    raise ExportError(
        f"the model ends in {ir.graph.output.name}, not in a sigmoid or softmax: it is not a classifier"
    )


def _one_hot(classes: npt.NDArray[np.int64], outputs: int) -> Floats:
    """Targets for a softmax of `outputs` classes, (n, outputs), or for one sigmoid, (n, 1)."""
    if outputs == 1:
        return classes[:, None].astype(np.float32)
    return np.eye(outputs, dtype=np.float32)[classes]
