"""Makes the INT8 model that all formats of a run share, by one method. Runs inside a worker process.

Models are cached beside the artifacts (`int8_cache`), for exports that resume or add another format.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeall import documents, files
from edgeall.errors import ExportError
from edgeall.exporting import int8, int8_cache
from edgeall.exporting.attempts import NO_IMAGES
from edgeall.exporting.int8_methods import METHODS, MethodInputs
from edgeall.exporting.recipes import FineTuning
from edgeall.exporting.source_models import Sources, class_probabilities
from edgeall.runs import Run

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Int8Inputs:
    """Inputs of the shared model, as a job names them.

    Attributes:
        folder: the cache of models.
        key: the cache key.
        calibration: a .npy of training images, uint8 (n, size, size, 3).
        training: as `calibration`, for methods that train; None where the images are not available.
        classes: label index of each image of `training`.
    """

    folder: Path
    key: str
    calibration: Path
    training: Path | None
    classes: tuple[int, ...]
    fine_tuning: FineTuning

    def model(self, method: str) -> Path:
        """The cache file of a method's model."""
        return self.folder / f"{int8_cache.name_of(self.key, method)}.npz"


@dataclass(frozen=True)
class _Simulation:
    """The .json file beside a cached model.

    Attributes:
        selection: SHA-256 of the validation images.
        answers: simulated class probabilities, a row an image.
        logit_scale: factor of the model's logits.
    """

    selection: str
    answers: tuple[tuple[float, ...], ...]
    logit_scale: float


def make(run: Run, sources: Sources, material: Int8Inputs, method: str, truth: Sequence[int]) -> float:
    """Make and cache the model of a method, and its simulated outputs for the validation images.

    Args:
        truth: label index of each validation image, for temperature scaling.

    Returns:
        Seconds; 0 where the model is cached already.

    Raises:
        ExportError: the Keras model has a layer without an INT8 form, the method fails, or outputs are not finite.
    """
    images = np.load(sources.images(), mmap_mode="r", allow_pickle=False)
    selection = hashlib.sha256(images.tobytes()).hexdigest()
    path = material.model(method)
    if _cached(path, selection):
        return 0.0
    if METHODS[method].trains and material.training is None:
        raise ExportError(NO_IMAGES)
    started = time.monotonic()
    model = METHODS[method].make(_method_inputs(run, material))
    logits = int8.simulated_logits(model, images, run.pixels)
    if not np.isfinite(logits).all():
        raise ExportError("its simulated outputs contain NaN or infinity")
    scale = 1.0
    if run.calibration.get("method", "none") != "none":
        model, logits, scale = int8.with_own_temperature(model, logits, np.asarray(truth))
    outputs = class_probabilities(int8.probabilities(model, logits))
    seconds = time.monotonic() - started
    path.parent.mkdir(exist_ok=True)
    int8.save(model, path)
    simulation = _Simulation(selection, tuple(map(tuple, outputs.tolist())), scale)
    files.write_json(path.with_suffix(".json"), documents.plain(simulation))
    return round(seconds, 2)


def simulated(path: Path) -> tuple[Floats, float]:
    """Simulated outputs (n, k) of the cached model at `path` for the validation images, and its factor of logits."""
    simulation = documents.read(_Simulation, path.with_suffix(".json"))
    return np.asarray(simulation.answers, np.float32), simulation.logit_scale


def _cached(path: Path, selection: str) -> bool:
    """Whether the model is cached, with outputs for these validation images (`selection`)."""
    try:
        int8.load(path)
        return documents.read(_Simulation, path.with_suffix(".json")).selection == selection
    except (documents.DocumentError, ExportError):
        return False


def _method_inputs(run: Run, material: Int8Inputs) -> MethodInputs:
    training = None
    if material.training is not None:
        images = np.load(material.training, mmap_mode="r", allow_pickle=False)
        training = int8.TrainingInputs(images, np.asarray(material.classes, np.int64))
    return MethodInputs(
        run, np.load(material.calibration, allow_pickle=False), training, material.fine_tuning
    )
