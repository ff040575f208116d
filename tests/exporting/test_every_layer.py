"""Whatever import allows, every format exports: the engines answer as Keras does, branch by branch."""

import importlib
from collections.abc import Callable
from pathlib import Path

import layer_sweep
import numpy as np
import pytest
from in_process import exported, prepared
from layer_sweep import IMAGES, SIZE, Branch

from edgeall.artifact import FORMATS
from edgeall.errors import ExportError
from edgeall.exporting import frozen
from edgeall.exporting.recipes import load_recipe
from edgeall.exporting.source_models import INTERMEDIATES, Sources
from edgeall.importing import import_model
from edgeall.pixels import PixelMapping
from edgeall.runs import Run

SWEEPS: dict[str, Callable[[], dict[str, Branch]]] = {
    "activations": layer_sweep.activations,
    "fused activations": layer_sweep.fused_activations,
    "layers": layer_sweep.plain_layers,
    "operations": layer_sweep.operations,
}


def imported(branches: dict[str, Branch], folder: Path) -> tuple[Run, np.ndarray]:
    """The run of a network with `branches`, and what the network itself answers."""
    model = layer_sweep.network(branches)
    model.save(folder / "model.keras")
    labels = list(branches)
    run = import_model(
        folder / "model.keras", labels, positive=labels[1:], preprocessing="unit", out=folder / "runs"
    ).run
    return run, model.predict_on_batch(IMAGES / np.float32(255))


@pytest.mark.parametrize("sweep", SWEEPS)
def test_float32_answers_as_keras(sweep: str, tmp_path: Path) -> None:
    """Each branch in each engine; a wrong one is named."""
    wrong = []
    for number, branches in enumerate(layer_sweep.batches(SWEEPS[sweep]())):
        folder = tmp_path / str(number)
        folder.mkdir()
        run, expected = imported(branches, folder)
        sources = prepared(run, folder)
        for format in FORMATS:
            answers, _ = exported(run, sources, f"{format}-fp32", IMAGES)
            tolerance = load_recipe(f"{format}-fp32").parity
            assert tolerance.max_abs_diff is not None
            difference = np.abs(layer_sweep.logits(answers) - layer_sweep.logits(expected)).max(axis=0)
            wrong += [
                f"{name} in {format}: logit differs by {far:.4f}"
                for name, far in zip(branches, difference, strict=True)
                if far > tolerance.max_abs_diff
            ]
    assert not wrong


INT8 = {
    "activations": list(layer_sweep.activations()),
    "layers": [
        *("gate", "LayerNormalization_0", "GroupNormalization_0", "PReLU_1", "Conv2DTranspose_0", "Conv2D_2"),
        *("SeparableConv2D_0", "Resizing_1", "Resizing_2", "Multiply", "GlobalMaxPooling2D_0", "Softmax_0"),
    ],
}
LEFT = {"tflite": {"activations": "ELU", "layers": "NEG"}, "onnx": {"activations": "Elu", "layers": "Resize"}}
"""Operators without an INT8 kernel."""
FAR = 0.05
"""Mean change of a class' probability, in TFLite and ONNX Runtime. NNCF's fast bias correction moves networks as small
as these further, and their gate fails."""


@pytest.mark.parametrize("kind", INT8)
def test_int8_is_near(kind: str, tmp_path: Path) -> None:
    every = layer_sweep.activations() | layer_sweep.plain_layers() | layer_sweep.operations()
    chosen = {name: every[name] for name in INT8[kind]}
    for number, branches in enumerate(layer_sweep.batches(chosen, 12)):
        folder = tmp_path / str(number)
        folder.mkdir()
        run, expected = imported(branches, folder)
        sources = prepared(run, folder)
        for format in FORMATS:
            answers, left = exported(run, sources, f"{format}-int8", IMAGES)
            change = dict(zip(branches, np.abs(answers - expected).mean(axis=0).round(4), strict=True))
            if format in LEFT:
                assert max(change.values()) < FAR, (format, change)
                assert number or LEFT[format][kind] in left


@pytest.mark.parametrize(
    ("format", "need", "name"), [("onnx", "onnx", "ONNX"), ("tflite", "saved_model", "TFLite")]
)
def test_what_a_format_cannot_hold_is_named(format: str, need: str, name: str, tmp_path: Path) -> None:
    """ONNX' form is where it shows for one, TFLite's conversion for the other."""
    import keras
    from keras import layers, ops

    class Inverse(layers.Layer):
        def call(self, x: object) -> object:
            return ops.erfinv(ops.tanh(x))

    given = keras.Input((SIZE, SIZE, 3))
    x = layers.GlobalAveragePooling2D()(Inverse(name="odd_one_2")(layers.Conv2D(4, 3)(given)))
    model = keras.Model(given, layers.Dense(2, "softmax")(x))
    sources = Sources(tmp_path, PixelMapping(SIZE, "RGB", (1 / 255,) * 3, (0.0,) * 3))
    frozen.freeze(model, SIZE, sources.graph)

    def make() -> None:
        INTERMEDIATES[need](sources)
        converter = importlib.import_module(f"edgeall.exporting.{format}")
        converter.convert(sources, load_recipe(f"{format}-fp32"), None, tmp_path / "model")

    with pytest.raises(
        ExportError, match=rf"^layer 'odd_one_2': {name} has no operator for TensorFlow's Erfinv$"
    ):
        make()
