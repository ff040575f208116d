"""What the artifacts of a run are made from, each made once: the Keras model's answers, its graph, SavedModel, ONNX.

Runs inside a worker process, with TensorFlow as Keras' backend.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeall.artifact import Noise
from edgeall.errors import ExportError
from edgeall.exporting import frozen
from edgeall.exporting.frozen import INPUT, OUTPUT
from edgeall.exporting.onnx_rewrites import tidy
from edgeall.pixels import PixelMapping
from edgeall.runs import Run

_BATCH = 16
_NOISE_IMAGES = 50
OPSET = 18
VALIDATION, SHIFTED, ALSO = "validation", "shifted", "also"
"""Sets of images: validation images, the same changed as `shifts` does, and others that the user names."""


@dataclass(frozen=True)
class Sources:
    """Places in the work folder of one run, some not made yet; and how bytes become the models' input."""

    folder: Path
    pixels: PixelMapping

    @property
    def graph(self) -> Path:
        """The Keras model as a TensorFlow graph of constants; see `frozen`."""
        return self.folder / "graph.pb"

    @property
    def saved_model(self) -> Path:
        return self.folder / "saved_model"

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    def images(self, name: str = VALIDATION) -> Path:
        """A set of images that models answer to, uint8 (n, size, size, 3)."""
        return self.folder / f"{name}.npy"

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that are there."""
        return tuple(name for name in (VALIDATION, SHIFTED, ALSO) if self.images(name).exists())

    @property
    def reference(self) -> Path:
        """What the Keras model answers: an .npz of class probabilities, float32 (n, k), for each of `sets`."""
        return self.folder / "reference.npz"


def answer(run: Run, sources: Sources, freezes: bool = True, noise: bool = False) -> Noise | None:
    """Write what the Keras model answers, and with `freezes` its graph, from which the others are made.

    With `noise`, the change of its own score on validation images is measured where the run does not know it.

    Raises:
        ExportError: the Keras model answers NaN.
    """
    from edgeall import training
    from edgeall.training import stability

    model = training.load_model(run)

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return _answers(model, images, run)

    answers = {
        name: predict(np.load(sources.images(name), mmap_mode="r", allow_pickle=False))
        for name in sources.sets
    }
    np.savez(sources.reference, allow_pickle=False, **answers)
    if freezes:
        frozen.freeze(model, run.pixels.size, sources.graph)
    if not noise:
        return None
    images = np.load(sources.images(), mmap_mode="r", allow_pickle=False)[:_NOISE_IMAGES]
    measured = stability.of_run(run) or stability.stability(predict, images, run.decision)
    changes = (measured.noise, measured.shift, measured.jpeg)
    return Noise(*(movement.score_change for movement in changes))


def _to_saved_model(sources: Sources) -> None:
    import tensorflow as tf

    graph = frozen.read(sources.graph, frozen.FOR_TFLITE)
    module = tf.Module()
    module.serve = tf.function(
        lambda image: {OUTPUT: graph(image)},
        input_signature=[tf.TensorSpec(graph.inputs[0].shape, tf.float32, name=INPUT)],
        autograph=False,
    )
    # Gradients of one's own, as swish has, cannot be saved once the graph is frozen; inference needs none.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(
        module, sources.saved_model, signatures={"serving_default": module.serve}, options=options
    )


def _to_onnx(sources: Sources) -> None:
    import onnx
    import tf2onnx

    graph = frozen.read(sources.graph, frozen.FOR_ONNX)
    (source,), (result,) = graph.inputs, graph.outputs
    model, _ = tf2onnx.convert.from_graph_def(
        graph.graph.as_graph_def(),
        input_names=[source.name],
        output_names=[result.name],
        opset=OPSET,
        output_path=str(sources.onnx),
    )
    # tf2onnx writes what it does not know as it is.
    for node in model.graph.node:
        if not node.domain and not onnx.defs.has(node.op_type):
            raise ExportError(
                f"{frozen.place_of(node.name)}: ONNX has no operator for TensorFlow's {node.op_type}"
            )
    tidy(sources.onnx, {source.name: INPUT, result.name: OUTPUT})


NEEDS: dict[str, Callable[[Sources], None]] = {"saved_model": _to_saved_model, "onnx": _to_onnx}
"""What formats are converted from: each writes one form of the graph.

They raise ExportError where that form has no operator for one of the model's; the message names the layer.
"""


def _answers(model: Any, images: npt.NDArray[np.uint8], run: Run) -> npt.NDArray[np.float32]:
    parts = [
        np.asarray(model.predict_on_batch(run.pixels.apply(np.asarray(images[start : start + _BATCH]))))
        for start in range(0, len(images), _BATCH)
    ]
    answers = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(answers).all():
        raise ExportError(f"run {run.name}: its Keras model answers NaN or infinity; train it again")
    return class_probabilities(answers)


def class_probabilities(answers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, k), from those or from a lone sigmoid's (n, 1)."""
    return answers if answers.shape[1] > 1 else np.concatenate([1 - answers, answers], axis=1)
