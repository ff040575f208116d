"""Forms of a run's Keras model that exports read: its reference outputs, its frozen graph, SavedModel and ONNX file.

Runs inside a worker process, with TensorFlow as Keras' backend. `intermediates` schedules it.
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
from edgeall.exporting.onnx_rewrites import rewrite
from edgeall.pixels import PixelMapping
from edgeall.runs import Run

_BATCH = 16
_NOISE_IMAGES = 50
OPSET = 18
VALIDATION, SHIFTED, ALSO = "validation", "shifted", "also"
"""Sets of images: validation images, the same changed by `edgeall.shifts.mild`, and pictures that the user names."""


@dataclass(frozen=True)
class Sources:
    """Paths in the work folder of one run, whether or not the files exist yet, and the pixel mapping of its models."""

    folder: Path
    pixels: PixelMapping

    @property
    def graph(self) -> Path:
        """The Keras model as a TensorFlow graph of constants (`frozen`)."""
        return self.folder / "graph.pb"

    @property
    def saved_model(self) -> Path:
        return self.folder / "saved_model"

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    def images(self, name: str = VALIDATION) -> Path:
        """A set of images, uint8 (n, size, size, 3)."""
        return self.folder / f"{name}.npy"

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that exist."""
        return tuple(name for name in (VALIDATION, SHIFTED, ALSO) if self.images(name).exists())

    @property
    def reference(self) -> Path:
        """Reference outputs of the Keras model: an .npz of class probabilities, float32 (n, k), for each of `sets`."""
        return self.folder / "reference.npz"


def write_reference(
    run: Run, sources: Sources, freeze_graph: bool = True, measure_noise: bool = False
) -> Noise | None:
    """Write the reference outputs and, with `freeze_graph`, the graph that intermediates are made from.

    With `measure_noise`, returns the changes of the float score under changes of the picture that nobody sees. They are
    measured on validation images where the run has none.

    Raises:
        ExportError: the Keras model outputs NaN or infinity.
    """
    from edgeall import training
    from edgeall.training import stability

    model = training.load_model(run)

    def predict(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return _predict(model, images, run)

    outputs = {
        name: predict(np.load(sources.images(name), mmap_mode="r", allow_pickle=False))
        for name in sources.sets
    }
    np.savez(sources.reference, allow_pickle=False, **outputs)
    if freeze_graph:
        frozen.freeze(model, run.pixels.size, sources.graph)
    if not measure_noise:
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
    # Custom gradients, such as swish's, cannot be saved with a frozen graph. Inference needs none.
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
    # tf2onnx copies operators that it does not know.
    for node in model.graph.node:
        if not node.domain and not onnx.defs.has(node.op_type):
            raise ExportError(
                f"{frozen.place_of(node.name)}: ONNX has no operator for TensorFlow's {node.op_type}"
            )
    rewrite(sources.onnx, {source.name: INPUT, result.name: OUTPUT})


INTERMEDIATES: dict[str, Callable[[Sources], None]] = {"saved_model": _to_saved_model, "onnx": _to_onnx}
"""Intermediates by name: functions that write one form of the graph.

They raise ExportError where the form has no operator for one of the model's; the message names the layer.
"""


def _predict(model: Any, images: npt.NDArray[np.uint8], run: Run) -> npt.NDArray[np.float32]:
    parts = [
        np.asarray(model.predict_on_batch(run.pixels.apply(np.asarray(images[start : start + _BATCH]))))
        for start in range(0, len(images), _BATCH)
    ]
    outputs = np.concatenate(parts).astype(np.float32)
    if not np.isfinite(outputs).all():
        raise ExportError(f"run {run.name}: its Keras model outputs NaN or infinity; train it again")
    return class_probabilities(outputs)


def class_probabilities(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, k), from a softmax's outputs (n, k) or a sigmoid's (n, 1)."""
    return outputs if outputs.shape[1] > 1 else np.concatenate([1 - outputs, outputs], axis=1)
