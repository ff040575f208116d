"""Two small Keras networks through the real converters: bare models in every format and precision.

Weights are random and seeded; BatchNorm statistics and the head are fitted to the drawn images, so that answers
spread over (0, 1) and an engine that gets anything wrong shows it.
"""

import dataclasses
import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeall.artifact import (
    Artifact,
    Decision,
    Format,
    Metadata,
    Parity,
    Precision,
    Provenance,
    files_of,
    seal,
    suffix_of,
)
from edgeall.pixels import PixelMapping

if TYPE_CHECKING:
    from edgeall.exporting.recipes import Recipe

KEPT = "EDGEALL_TEST_MODELS"
"""Environment variable: a folder of these models, made before, for a Python that has no TensorFlow."""

RECIPES = {"fp32": "float32", "fp16": "float16", "int8": "int8"}
FORMATS: tuple[Format, ...] = ("tflite", "onnx", "openvino")
CALIBRATION = 24


@dataclass(frozen=True)
class SmallModel:
    """Bare model files by recipe name ("tflite-int8"), and the Keras model's answers (n, k) on uint8 `images`."""

    pixels: PixelMapping
    decision: Decision
    files: dict[str, Path]
    images: np.ndarray
    reference: np.ndarray

    def metadata(self, recipe: str, /, **changes: Any) -> Metadata:
        format, precision = self.kind(recipe)
        values: dict[str, Any] = {
            "format": format,
            "precision": precision,
            "pixels": self.pixels,
            "decision": self.decision,
            "provenance": Provenance(
                "small", "none", "gap", "random weights", "drawn", "0" * 64, "Apache-2.0"
            ),
            "parity": Parity(len(self.images), 1.0, 0.01, 0.005, True),
        }
        return Metadata(**(values | changes))

    def kind(self, recipe: str) -> tuple[Format, Precision]:
        format, short = recipe.split("-")[:2]
        return format, RECIPES[short]  # type: ignore[return-value]

    def copy(self, recipe: str, folder: Path, stem: str = "model") -> Path:
        """A bare copy of a model, to be sealed or spoiled."""
        source = self.files[recipe]
        for file in files_of(source):
            (folder / f"{stem}{file.suffix}").write_bytes(file.read_bytes())
        return folder / f"{stem}{source.suffix}"

    def sealed(self, recipe: str, folder: Path, stem: str = "model", /, **changes: Any) -> Artifact:
        return seal(self.copy(recipe, folder, stem), self.metadata(recipe, **changes))


def draw(count: int, size: int, seed: int) -> np.ndarray:
    """Uint8 (count, size, size, 3): a disc of random place, size and colour on a pale, noisy ground."""
    rng = np.random.default_rng(seed)
    images = rng.normal(225, 8, (count, size, size, 3))
    y, x = np.mgrid[:size, :size] / size
    for image in images:
        centre, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.4)
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
        image[inside] = rng.uniform(20, 200, 3) + rng.normal(0, 10, (inside.sum(), 3))
    return images.clip(0, 255).astype(np.uint8)


def make_tiny(folder: Path) -> SmallModel:
    """Three convolutions at 32 pixels and one sigmoid; preprocessing of Keras' "tf" mode; float16 too."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    given = keras.Input((32, 32, 3))
    x = given
    for filters in (8, 16, 16):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.0)(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, layers.Dense(1, activation="sigmoid")(x))
    pixels = PixelMapping(32, "RGB", (1 / 127.5,) * 3, (-1.0,) * 3)
    decision = Decision(("healthy", "ALL"), ("ALL",))
    return _convert(model, pixels, decision, folder, ("fp32", "fp16", "int8"))


def make_mobile(folder: Path) -> SmallModel:
    """MobileNetV2 of width 0.35 at 96 pixels and three classes; preprocessing of the "caffe" kind: BGR, offsets."""
    import keras

    keras.utils.set_random_seed(0)
    base = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None, pooling="avg"
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model = keras.Model(base.input, keras.layers.Dense(3, activation="softmax")(base.output))
    pixels = PixelMapping(96, "BGR", (1 / 64,) * 3, (-103.939 / 64, -116.779 / 64, -123.68 / 64))
    decision = Decision(("healthy", "early", "pre"), ("early", "pre"), threshold=0.6)
    return _convert(model, pixels, decision, folder, ("fp32", "int8"))


def _convert(
    model: Any, pixels: PixelMapping, decision: Decision, folder: Path, kinds: tuple[str, ...]
) -> SmallModel:
    import keras

    from edgeall.exporting.onnx_rewrites import rewrite
    from edgeall.exporting.recipes import load_recipe
    from edgeall.exporting.source_models import OPSET, Sources

    size = pixels.size
    calibration, images = draw(CALIBRATION, size, seed=1), draw(12, size, seed=2)
    _enliven(model, pixels.apply(calibration))
    np.save(folder / "calibration.npy", calibration)
    sources = Sources(folder, pixels)
    signature = [keras.InputSpec(shape=(1, size, size, 3), dtype="float32", name="image")]
    model.export(sources.saved_model, format="tf_saved_model", input_signature=signature, verbose=False)
    model.export(sources.onnx, format="onnx", input_signature=signature, opset_version=OPSET, verbose=False)
    rewrite(sources.onnx)
    found = {}
    for format in FORMATS:
        converter = importlib.import_module(f"edgeall.exporting.{format}")
        for kind in kinds:
            out = folder / f"{format}-{kind}{suffix_of(format)}"
            recipe = _portable(load_recipe(f"{format}-{kind}"))
            converter.convert(sources, recipe, folder / "calibration.npy", out)
            found[f"{format}-{kind}"] = out
    reference = np.asarray(model.predict_on_batch(pixels.apply(images)))
    if reference.shape[1] == 1:
        reference = np.concatenate([1 - reference, reference], axis=1)
    assert np.ptp(reference[:, -1]) > 0.3, "a model that always says the same would hide any mistake"
    return SmallModel(pixels, decision, found, images, reference)


def _portable(recipe: "Recipe") -> "Recipe":
    """Weights of 7 bits: OpenVINO's 8-bit products saturate on CPUs without VNNI, and these networks show it."""
    if recipe.format != "openvino" or recipe.quantization is None or recipe.calibration is None:
        return recipe
    return dataclasses.replace(
        recipe,
        quantization=dataclasses.replace(recipe.quantization, reduce_range=True),
        calibration=dataclasses.replace(recipe.calibration, method="min-max"),
    )


def _enliven(model: Any, inputs: np.ndarray) -> None:
    """BatchNorm statistics of `inputs` (momentum is 0), and a head whose logits spread with them."""
    import keras

    model(inputs, training=True)
    head = model.layers[-1]
    features = np.asarray(keras.Model(model.input, head.input).predict_on_batch(inputs))
    directions = np.random.default_rng(3).normal(size=(features.shape[1], head.units))
    directions /= (features @ directions).std(axis=0) / 1.5
    head.set_weights([directions.astype("float32"), -(features.mean(axis=0) @ directions).astype("float32")])


MAKERS: dict[str, Callable[[Path], SmallModel]] = {"tiny": make_tiny, "mobile": make_mobile}


def small_model(name: str, folder: Path) -> SmallModel:
    """The model "tiny" or "mobile": as it is kept, where `KEPT` names a folder of them, else made in `folder`."""
    if os.environ.get(KEPT):
        return _kept(Path(os.environ[KEPT]) / name)
    for module in ("keras", "tensorflow", "tf2onnx", "nncf"):
        pytest.importorskip(module, reason=f"needs the workstation's packages to make its models, or {KEPT}")
    return MAKERS[name](folder)


def keep(folder: Path) -> None:
    """Make all models, for a Python that cannot."""
    for name, make in MAKERS.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        model = make(place)
        np.savez(place / "answers.npz", images=model.images, reference=model.reference)
        document = {
            "pixels": dataclasses.asdict(model.pixels),
            "decision": dataclasses.asdict(model.decision),
            "files": {recipe: file.name for recipe, file in model.files.items()},
        }
        (place / "model.json").write_text(json.dumps(document), encoding="utf-8")


def _kept(place: Path) -> SmallModel:
    document = json.loads((place / "model.json").read_text(encoding="utf-8"))
    with np.load(place / "answers.npz") as answers:
        return SmallModel(
            PixelMapping(**_tuples(document["pixels"])),
            Decision(**_tuples(document["decision"])),
            {recipe: place / name for recipe, name in document["files"].items()},
            answers["images"],
            answers["reference"],
        )


def _tuples(document: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
