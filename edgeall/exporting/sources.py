"""What all artifacts of a run are made from, each made once: SavedModel, ONNX, and the Keras model's own answers.

Runs inside a worker process, with TensorFlow as Keras' backend.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.errors import ExportError
from edgeall.exporting.tidy import tidy
from edgeall.pixels import PixelMapping
from edgeall.runs import Run

_BATCH = 16
OPSET = 18
INPUT, OUTPUT = "image", "probabilities"
"""Names of the tensors in every format that keeps names."""


@dataclass(frozen=True)
class Sources:
    """Places in the work folder of one run, some not made yet; and how bytes become the models' input."""

    folder: Path
    pixels: PixelMapping

    @property
    def saved_model(self) -> Path:
        return self.folder / "saved_model"

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def images(self) -> Path:
        """Validation images, uint8 (n, size, size, 3)."""
        return self.folder / "validation.npy"

    @property
    def reference(self) -> Path:
        """The Keras model's class probabilities on them, float32 (n, k)."""
        return self.folder / "reference.npy"


def make(run: Run, sources: Sources, needs: Iterable[str]) -> None:
    """Write the reference answers and each of `needs` ("saved_model", "onnx") of the run's model.

    Raises:
        ExportError: the Keras model answers NaN.
    """
    from edgeall import training

    model = training.load_model(run)
    np.save(sources.reference, _answers(model, sources, run.name), allow_pickle=False)
    graph = _freeze(model, run.pixels.size)
    if "saved_model" in needs:
        _save(graph, sources.saved_model)
    if "onnx" in needs:
        _to_onnx(graph, sources.onnx)


def _freeze(model: Any, size: int) -> Any:
    """The model as one TensorFlow function of constants, traced once for all formats.

    With variables in it, saving DenseNet201's thousand and restoring them for each conversion took longer than the
    conversions. The batch is fixed at 1: with a free one, shape arithmetic stays in every converted graph.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = tf.TensorSpec((1, size, size, 3), tf.float32, name=INPUT)
    function = tf.function(
        lambda image: model(image, training=False), input_signature=[image], autograph=False
    )
    return convert_variables_to_constants_v2(function.get_concrete_function())


def _save(graph: Any, path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda image: {OUTPUT: graph(image)[0]},
        input_signature=[tf.TensorSpec(graph.inputs[0].shape, tf.float32, name=INPUT)],
        autograph=False,
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})


def _to_onnx(graph: Any, path: Path) -> None:
    import tf2onnx

    (source,), (result,) = graph.inputs, graph.outputs
    tf2onnx.convert.from_graph_def(
        graph.graph.as_graph_def(),
        input_names=[source.name],
        output_names=[result.name],
        opset=OPSET,
        output_path=str(path),
    )
    tidy(path, {source.name: INPUT, result.name: OUTPUT})


def _answers(model: Any, sources: Sources, name: str) -> npt.NDArray[np.float32]:
    images = np.load(sources.images, mmap_mode="r", allow_pickle=False)
    parts = [
        np.asarray(model.predict_on_batch(sources.pixels.apply(np.asarray(images[start : start + _BATCH]))))
        for start in range(0, len(images), _BATCH)
    ]
    answers = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(answers).all():
        raise ExportError(f"run {name}: its Keras model answers NaN or infinity; train it again")
    return class_probabilities(answers)


def class_probabilities(answers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, k), from those or from a lone sigmoid's (n, 1)."""
    return answers if answers.shape[1] > 1 else np.concatenate([1 - answers, answers], axis=1)
