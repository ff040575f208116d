"""The one INT8 model that all formats of a run can share, made by one method.

Runs inside a worker process. What each method made is kept beside the artifacts, so that an export that was
interrupted, or comes to another format later, takes it over.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from edgeall import documents, files
from edgeall.errors import ExportError
from edgeall.exporting import int8, int8_cache
from edgeall.exporting.attempts import NO_IMAGES
from edgeall.exporting.recipes import FineTuning
from edgeall.exporting.source_models import Sources, class_probabilities
from edgeall.runs import Run

Floats = npt.NDArray[np.float32]
RANGES: int8.Method = "mse"
"""How activation ranges are read, after equalization."""


@dataclass(frozen=True)
class Int8Inputs:
    """What the shared model is made of.

    Attributes:
        folder: where models are kept.
        key: of what they are made from.
        calibration: uint8 images (n, size, size, 3) from training.
        training: more of them, to learn from; None where they are not at hand.
        classes: index into the labels, of each of `training`.
    """

    folder: Path
    key: str
    calibration: Path
    training: Path | None
    classes: tuple[int, ...]
    fine_tuning: FineTuning

    def model(self, method: str) -> Path:
        """Where the model of a method is kept."""
        return self.folder / f"{int8_cache.name_of(self.key, method)}.npz"


@dataclass(frozen=True)
class _Simulation:
    """What is beside a model.

    Attributes:
        selection: SHA-256 of the validation images.
        answers: probabilities, a row an image.
        logit_scale: factor of the model's logits.
    """

    selection: str
    answers: tuple[tuple[float, ...], ...]
    logit_scale: float


def make(run: Run, sources: Sources, material: Int8Inputs, method: str, truth: Sequence[int]) -> float:
    """Make and keep the model of a method, and its simulated answers on the validation images beside it; seconds.

    Seconds are 0 where an earlier export made it.

    Args:
        truth: index into the labels of each validation image, for the temperature.

    Raises:
        ExportError: the Keras model has a layer without an INT8 form, or the method comes to nothing.
    """
    images = np.load(sources.images(), mmap_mode="r", allow_pickle=False)
    selection = hashlib.sha256(images.tobytes()).hexdigest()
    path = material.model(method)
    if _kept(path, selection):
        return 0.0
    if method == "fine-tuning" and material.training is None:
        raise ExportError(NO_IMAGES)
    started = time.monotonic()
    model = _METHODS[method](_Maker(run, material))
    logits = int8.simulated_logits(model, images, run.pixels)
    if not np.isfinite(logits).all():
        raise ExportError("its simulation answers NaN or infinity")
    scale = 1.0
    if run.calibration.get("method", "none") != "none":
        model, logits, scale = int8.with_own_temperature(model, logits, np.asarray(truth))
    answers = class_probabilities(int8.probabilities(model, logits))
    seconds = time.monotonic() - started
    path.parent.mkdir(exist_ok=True)
    int8.save(model, path)
    simulation = _Simulation(selection, tuple(map(tuple, answers.tolist())), scale)
    files.write_json(path.with_suffix(".json"), documents.plain(simulation))
    return round(seconds, 2)


def simulated(path: Path) -> tuple[Floats, float]:
    """Of the model kept at `path`: its simulated answers to the validation images, (n, k), and its factor of logits."""
    simulation = documents.read(_Simulation, path.with_suffix(".json"))
    return np.asarray(simulation.answers, np.float32), simulation.logit_scale


def _kept(path: Path, selection: str) -> bool:
    """Whether an earlier export made this model, and knows what it answers to these validation images."""
    try:
        int8.load(path)
        return documents.read(_Simulation, path.with_suffix(".json")).selection == selection
    except (documents.DocumentError, ExportError):
        return False


class _Maker:
    """Each part is made when it is first needed."""

    def __init__(self, run: Run, material: Int8Inputs) -> None:
        self._run, self._material = run, material

    @cached_property
    def calibration(self) -> npt.NDArray[np.uint8]:
        return cast(npt.NDArray[np.uint8], np.load(self._material.calibration, allow_pickle=False))

    @cached_property
    def corrected(self) -> tuple[int8.IrModel, Mapping[str, int8.QuantParams]]:
        """The equalized model with rounded kernels and corrected biases, and the grids of its tensors."""
        from edgeall import training

        mapping = self._run.pixels
        plain = int8.equalize(int8.prepare(training.load_model(self._run)), self.calibration, mapping)
        grids = int8.calibrate(plain, self.calibration, mapping, method=RANGES)
        images, bits = self.calibration[: int8.CORRECTING], self._material.fine_tuning.weight_bits
        return int8.correct_biases(plain, grids, bits, images, mapping, compensated=True), grids

    def bias_correction(self) -> int8.QuantizedModel:
        corrected, grids = self.corrected
        return int8.freeze(corrected.graph, corrected.weights, grids, self._material.fine_tuning.weight_bits)

    def fine_tuned(self) -> int8.QuantizedModel:
        material, settings = self._material, self._material.fine_tuning
        assert material.training is not None
        train = int8.TrainingInputs(
            np.load(material.training, mmap_mode="r"), np.asarray(material.classes, np.int64)
        )
        tuning = int8.Tuning(
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_bits=settings.weight_bits,
            seed=settings.seed,
        )
        return int8.fine_tune(*self.corrected, train, self._run.pixels, tuning)


_METHODS: dict[str, Callable[[_Maker], int8.QuantizedModel]] = {
    "bias-correction": _Maker.bias_correction,
    "fine-tuning": _Maker.fine_tuned,
}
