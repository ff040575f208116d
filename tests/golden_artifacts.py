"""Small sealed artifacts with golden answers of their own, or with those of another model."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import small_run
from small_models import SmallModel

from edgeall.artifact import Artifact, Format, Golden, Metadata, Precision, Provenance, seal
from edgeall.golden import answers, pictures
from edgeall.pixels import PixelMapping
from edgeall.runtimes import open_model


def answered(
    file: Path, format: Format, precision: Precision, pixels: PixelMapping, processor: str = "a processor"
) -> Golden:
    """The golden answers of a bare model file, as an export makes them."""
    with open_model(file, format, pixels, precision=precision) as session:
        probabilities = session.predict(pictures.pictures(answers.CANDIDATES, pixels.size))
        return answers.make(
            probabilities, pixels.size, precision, session.engine.name, session.engine.version, processor
        )


def of_small(model: SmallModel, recipe: str, folder: Path, **changes: Any) -> Artifact:
    """A small model's artifact with its own golden answers."""
    golden = answered(model.files[recipe], *model.kind(recipe), model.pixels)
    return model.sealed(recipe, folder, golden=golden, **changes)


def write(
    folder: Path, *, name: str = "model", factor: float = 1.0, golden: Golden | None = None
) -> Artifact:
    """The network of `small_run` in ONNX. `factor`: of its last layer's weights; `golden`: instead of its own."""
    onnx = pytest.importorskip("onnx", reason="writes its model with onnx")
    pytest.importorskip("onnxruntime", reason="runs its model with ONNX Runtime")
    from onnx import numpy_helper

    bare = folder / f"{name}-bare.onnx"
    small_run.write_network(bare)
    model = onnx.load(str(bare))
    for tensor in model.graph.initializer:
        if tensor.name == "weights":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * factor, "weights"))
    onnx.save(model, str(bare))
    own = golden or answered(bare, "onnx", "float32", small_run.PIXELS)
    path = folder / f"{name}.onnx"
    shutil.copy(bare, path)
    provenance = Provenance("tiny", "none", "gap", "random weights", "drawn", "0" * 64, "Apache-2.0")
    return seal(
        path, Metadata("onnx", "float32", small_run.PIXELS, small_run.DECISION, provenance, golden=own)
    )
