"""Does the gate of INT8 exports refuse models that are broken, and pass ones that are not? `make int8-gate RUNS="..."`.

Negative controls are INT8 models with one known fault each. Positive controls are float models rounded as common
hardware rounds them. Each answers the validation images of each run; the gate judges every run alone, and the pooled
folds of each cross-validation. Answers are kept in --cache, since making them takes most of the time.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from int8_common import Floats, find_runs, probabilities, read_calibration, read_part

from edgeall import files, runtimes, training
from edgeall.exporting import int8
from edgeall.exporting.int8 import fake_quant, sensitivity
from edgeall.exporting.int8.ir import Node, PlainModel, Weights
from edgeall.exporting.shared import RANGES
from edgeall.exporting.sources import class_probabilities
from edgeall.pixels import ByteImage
from edgeall.runs import Run

BITS = 7
"""Of weights, as in the shipped recipes."""
CORRECTING = 64
"""Calibration images for GPTQ and bias correction, as in the shipped recipes."""
SENSING = 8
"""Calibration images for the sensitivity table."""
TOO_WIDE = 10
"""Times the right range."""
MANTISSA = 10
"""Bits of the mantissa of float16 and of TF32."""


class Subject:
    """A run's INT8 model as the product makes it without gradients, in parts that the controls break."""

    def __init__(self, run: Run, data: Path | None) -> None:
        self.run = run
        self._data = data

    @cached_property
    def calibration(self) -> ByteImage:
        return read_calibration(self.run, self._data)

    @cached_property
    def keras(self) -> Any:
        return training.load_model(self.run)

    @cached_property
    def plain(self) -> PlainModel:
        return int8.prepare(self.keras)

    @cached_property
    def equal(self) -> tuple[PlainModel, Mapping[str, int8.Grid]]:
        plain = int8.equalize(self.plain, self.calibration, self.run.pixels)
        return plain, int8.calibrate(plain, self.calibration, self.run.pixels, method=RANGES)

    @cached_property
    def corrected(self) -> PlainModel:
        images = self.calibration[:CORRECTING]
        return int8.correct_biases(*self.equal, BITS, images, self.run.pixels, compensated=True)

    @cached_property
    def worst(self) -> Node:
        """The layer with the lowest SQNR when it alone is rounded, of those with weights and several channels."""
        plain, grids = self.equal
        rows = sensitivity.measure(plain, grids, BITS, self.calibration[:SENSING], self.run.pixels)
        nodes = [plain.graph.by_name[row.layer] for row in sorted(rows, key=lambda row: row.own_db)]
        return next(node for node in nodes if node.name in plain.weights and node.shape[-1] > 1)


def correct(subject: Subject) -> int8.QuantizedModel:
    """No fault: what the others are to be compared with."""
    return _frozen(subject.corrected, subject.equal[1])


def nearest(subject: Subject) -> int8.QuantizedModel:
    """Weights rounded to the nearest codes, and biases not corrected."""
    return _frozen(*subject.equal)


def wide_range(subject: Subject) -> int8.QuantizedModel:
    """A range `TOO_WIDE` times too wide in the tensor that rounding harms most."""
    grids = dict(subject.equal[1])
    group = subject.corrected.graph.groups[subject.worst.name]
    grids[group] = int8.Grid(grids[group].scale * TOO_WIDE, grids[group].zero_point)
    return _frozen(subject.corrected, grids)


def swapped_channels(subject: Subject) -> int8.QuantizedModel:
    """The channels of that tensor with the greatest and the least mean, exchanged."""
    node = subject.worst
    model = fake_quant.float_model(subject.equal[0], every_tensor=True)
    tensor = model.predict_on_batch(subject.run.pixels.apply(subject.calibration[:SENSING]))[node.name]
    means = np.asarray(tensor).reshape(-1, node.shape[-1]).mean(axis=0)
    order = np.arange(node.shape[-1])
    most, least = int(means.argmax()), int(means.argmin())
    order[[most, least]] = least, most
    weights = subject.corrected.weights[node.name]
    axis = 2 if node.kind == "depthwise" else -1
    scale = weights.scale
    if scale is not None and scale.shape[axis] > 1:
        scale = np.take(scale, order, axis)
    mixed = Weights(np.take(weights.kernel, order, axis), weights.bias[order], scale)
    return _frozen(
        replace(subject.corrected, weights={**subject.corrected.weights, node.name: mixed}), subject.equal[1]
    )


def float16(subject: Subject, pixels: ByteImage) -> Floats:
    """The Keras model computing in float16 throughout; its input is float16 too."""
    import keras

    def cast(layer: Any) -> Any:
        return type(layer).from_config(layer.get_config() | {"dtype": "float16"})

    model = keras.models.clone_model(subject.keras, clone_function=cast)
    model.set_weights(subject.keras.get_weights())
    return probabilities(subject.run, model, pixels)


def short_mantissa(subject: Subject, pixels: ByteImage) -> Floats:
    """Float32 with weights and activations rounded to a mantissa of `MANTISSA` bits."""
    import keras

    plain = subject.plain
    rounded = {name: (_short(each.kernel), _short(each.bias)) for name, each in plain.weights.items()}

    class Rounded(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            return fake_quant.evaluate(
                plain.graph, lambda node: rounded[node.name], images, lambda node, value: _short(value)
            )

    images = keras.Input(plain.graph.input.shape, dtype="float32")
    return probabilities(subject.run, keras.Model(images, Rounded()(images)), pixels)


NEGATIVE: dict[str, Callable[[Subject], int8.QuantizedModel]] = {
    "nearest": nearest,
    "wide-range": wide_range,
    "swapped-channels": swapped_channels,
}
POSITIVE: dict[str, Callable[[Subject, ByteImage], Floats]] = {
    "float16": float16,
    "mantissa-10": short_mantissa,
}
CORRECT = "int8"
"""Name of the INT8 model without a fault. The gate may pass it or not: it is no control."""


@dataclass(frozen=True)
class Answers:
    """Of a run, or of the pooled folds of a cross-validation, on validation images.

    Attributes:
        truth: class indices (n,).
        subjects: of each image, (n,) of str; "" where unknown.
        thresholds: of the run that each image belongs to, (n,).
        given: class probabilities (n, k), of the Keras model ("float"), and of each control.
        worst: the layer that the controls `wide-range` and `swapped-channels` break.
    """

    name: str
    truth: Any
    subjects: Any
    thresholds: Any
    given: Mapping[str, Floats]
    worst: str


def answers_of(run: Run, data: Path | None, cache: Path, engine: str | None) -> Answers:
    """Make a run's answers, or read them from `cache`."""
    name = f"{run.path.parent.name}-{run.name}".removesuffix("-")
    path = cache / f"{name}{f'-{engine}' if engine else ''}.npz"
    key = files.sha256_file(run.model_path)
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            document = json.loads(kept["document"].tobytes())
            if document["key"] == key:
                given = {each: kept[f"given:{each}"] for each in document["given"]}
                columns = (kept[each] for each in ("truth", "subjects", "thresholds"))
                return Answers(name, *columns, given, document["worst"])
    subject, part = Subject(run, data), read_part(run, "val", data)
    given = {"float": probabilities(run, subject.keras, part.pixels)}
    for each, make in {CORRECT: correct, **NEGATIVE}.items():
        given[each] = integer_answers(run, make(subject), part.pixels, engine)
    for each, answer in POSITIVE.items():
        given[each] = answer(subject, part.pixels)
    found = Answers(
        name,
        part.truth,
        np.array([each or "" for each in part.subjects]),
        np.full(len(part.truth), run.decision.threshold),
        given,
        subject.worst.name,
    )
    document = {"key": key, "given": list(given), "worst": found.worst}
    cache.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as place, place.open("wb") as file:
        np.savez(
            file,
            document=np.frombuffer(json.dumps(document).encode(), np.uint8),
            truth=found.truth,
            subjects=found.subjects,
            thresholds=found.thresholds,
            **{f"given:{each}": values for each, values in given.items()},
        )
    return found


def integer_answers(run: Run, model: int8.QuantizedModel, pixels: ByteImage, engine: str | None) -> Floats:
    """Class probabilities (n, k) of an INT8 model, simulated or in an engine."""
    if engine is None:
        return probabilities(run, int8.simulate(model), pixels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"control{SUFFIXES[engine]}"
        int8.write(model, engine, path)
        classes = len(run.decision.labels)
        with runtimes.open_model(
            path, engine, run.pixels, classes=classes, threads=1, precision="int8"  # type: ignore[arg-type]
        ) as session:
            return class_probabilities(np.asarray(session.predict(pixels), np.float32))


SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "openvino": ".xml"}


def pooled(name: str, folds: list[Answers]) -> Answers:
    """The folds of one cross-validation as one."""
    truth, subjects, thresholds = (
        np.concatenate([getattr(fold, column) for fold in folds])
        for column in ("truth", "subjects", "thresholds")
    )
    given = {each: np.concatenate([fold.given[each] for fold in folds]) for each in folds[0].given}
    return Answers(name, truth, subjects, thresholds, given, ", ".join(sorted({fold.worst for fold in folds})))


def _frozen(plain: PlainModel, grids: Mapping[str, int8.Grid]) -> int8.QuantizedModel:
    return int8.freeze(plain.graph, plain.weights, grids, BITS)


def _short(value: Any) -> Any:
    """float32 rounded to `MANTISSA` bits, halves up: by Veltkamp's splitting (Dekker, Numer Math 18, 1971)."""
    high = value * float(2 ** (23 - MANTISSA) + 1)
    return high - (high - value)
