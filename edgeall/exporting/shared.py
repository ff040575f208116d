"""The one INT8 model that all formats of a run can share: made by one method after another until one is near enough.

Runs inside a worker process. What each method made is kept beside the artifacts, so that an export that was
interrupted, or comes to another format later, takes it over.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from edgeall import files
from edgeall.errors import ExportError
from edgeall.exporting import int8, int8_cache, parity
from edgeall.exporting.attempts import NO_IMAGES, Attempt
from edgeall.exporting.recipes import FineTuning, Tolerance
from edgeall.exporting.sources import Sources, class_probabilities
from edgeall.runs import Run

Floats = npt.NDArray[np.float32]
RANGES: int8.Method = "mse"
"""How all but the plain methods read activation ranges, after equalization: nearer to float on validation images than
"percentile" and "min-max" (MobileNetV2, C-NMC)."""


@dataclass(frozen=True)
class Material:
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
    classes: Sequence[int]
    fine_tuning: FineTuning

    def model(self, method: str) -> Path:
        """Where the model of a method is kept."""
        return self.folder / f"{int8_cache.name_of(self.key, method)}.npz"


def quantize(
    run: Run,
    sources: Sources,
    material: Material,
    methods: Sequence[str],
    tolerances: Sequence[Tolerance],
    truth: Sequence[bool],
) -> list[Attempt]:
    """Try `methods` in order until the simulated model keeps all `tolerances`; what was tried.

    Each tolerance is measured on as many of the validation images as it asks for. A method that comes to nothing is
    an attempt with an error, and the next one follows.

    Raises:
        ExportError: the Keras model has a layer without an INT8 form, so that no method can be tried.
    """
    count = max(limit.images for limit in tolerances)
    reference = np.load(sources.reference, allow_pickle=False)[:count]
    maker = _Maker(run, sources, material, count)
    attempts: list[Attempt] = []
    for method in methods:
        if method == "fine-tuning" and material.training is None:
            attempts.append(Attempt(method, "simulation", None, 0.0, NO_IMAGES))
            continue
        started, found = time.monotonic(), _kept(material, method, maker.selection)
        if found is None:
            maker.begin()
        try:
            answers, seconds = found or maker.make(method)
            figures = [
                parity.compare(reference[:n], answers[:n], run.decision, limit, truth[:n])
                for limit, n in ((limit, limit.images) for limit in tolerances)
            ]
        except ExportError as error:
            spent = round(time.monotonic() - started, 2)
            attempts.append(Attempt(method, "simulation", None, spent, str(error)))
            continue
        strictest = min(figures, key=lambda each: each.passed)
        attempts.append(Attempt(method, "simulation", strictest, round(seconds, 2)))
        if strictest.passed:
            break
    return attempts


def _kept(material: Material, method: str, selection: str) -> tuple[Floats, float] | None:
    """What the model of an earlier export answered on these validation images, and no seconds."""
    path = material.model(method)
    try:
        document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if document["selection"] != selection:
            return None
        answers = np.asarray(document["answers"], np.float32)
        int8.load(path)
    except (OSError, ValueError, KeyError, TypeError, ExportError):
        return None
    return answers, 0.0


class _Maker:
    """Each part is made when it is first needed: all methods begin alike."""

    def __init__(self, run: Run, sources: Sources, material: Material, count: int) -> None:
        """`count`: of validation images, at most."""
        self._run, self._sources, self._material, self._count = run, sources, material, count

    def begin(self) -> None:
        """Make what all methods share.

        Raises:
            ExportError: it cannot be.
        """
        _ = self.plain, self.calibration

    def make(self, method: str) -> tuple[Floats, float]:
        """Make and keep the model of a method; its simulated answers on the validation images, and seconds."""
        started = time.monotonic()
        model = self._model(method)
        answers = class_probabilities(
            int8.predict(int8.simulate(model), self.validation.pixels, self._run.pixels)
        )
        if not np.isfinite(answers).all():
            raise ExportError("its simulation answers NaN or infinity")
        seconds = time.monotonic() - started
        path = self._material.model(method)
        path.parent.mkdir(exist_ok=True)
        int8.save(model, path)
        document = {"selection": self.selection, "seconds": seconds, "answers": answers.tolist()}
        files.write_json(path.with_suffix(".json"), document)
        return answers, seconds

    def _model(self, method: str) -> int8.QuantizedModel:
        if method in _METHODS:
            return _METHODS[method](self)
        return self.calibrated(cast(int8.Method, method))

    @cached_property
    def plain(self) -> int8.PlainModel:
        from edgeall import training

        return int8.prepare(training.load_model(self._run))

    @cached_property
    def calibration(self) -> npt.NDArray[np.uint8]:
        return cast(npt.NDArray[np.uint8], np.load(self._material.calibration, allow_pickle=False))

    @cached_property
    def validation(self) -> int8.Images:
        images = np.load(self._sources.images, allow_pickle=False)[: self._count]
        return int8.Images(images, np.zeros(len(images), np.int64))

    @cached_property
    def selection(self) -> str:
        """SHA-256 of the validation images, in order."""
        return hashlib.sha256(self.validation.pixels.tobytes()).hexdigest()

    @property
    def bits(self) -> int:
        return self._material.fine_tuning.weight_bits

    @cached_property
    def equal(self) -> tuple[int8.PlainModel, Mapping[str, int8.Grid]]:
        """The equalized model, and its grids."""
        mapping = self._run.pixels
        plain = int8.equalize(self.plain, self.calibration, mapping)
        return plain, int8.calibrate(plain, self.calibration, mapping, method=RANGES)

    def calibrated(self, method: int8.Method) -> int8.QuantizedModel:
        grids = int8.calibrate(self.plain, self.calibration, self._run.pixels, method=method)
        return int8.freeze(self.plain.graph, self.plain.weights, grids, self.bits)

    def corrected(self) -> int8.QuantizedModel:
        return self._corrected(*self.equal)

    def _corrected(self, plain: int8.PlainModel, grids: Mapping[str, int8.Grid]) -> int8.QuantizedModel:
        corrected = self._correct(plain, grids)
        return int8.freeze(corrected.graph, corrected.weights, grids, self.bits)

    def _correct(self, plain: int8.PlainModel, grids: Mapping[str, int8.Grid]) -> int8.PlainModel:
        images = self.calibration[: int8.CORRECTING]
        return int8.correct_biases(plain, grids, self.bits, images, self._run.pixels, compensated=True)

    def fine_tuned(self) -> int8.QuantizedModel:
        material = self._material
        assert material.training is not None
        train = int8.Images(np.load(material.training, mmap_mode="r"), np.asarray(material.classes, np.int64))
        settings = material.fine_tuning
        tuning = int8.Tuning(
            epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            weight_bits=settings.weight_bits,
            seed=settings.seed,
        )
        plain, grids = self.equal
        return int8.fine_tune(self._correct(plain, grids), grids, train, self._run.pixels, tuning)


_METHODS: dict[str, Callable[[_Maker], int8.QuantizedModel]] = {
    "bias-correction": _Maker.corrected,
    "fine-tuning": _Maker.fine_tuned,
}


def material_from(document: Mapping[str, Any]) -> Material:
    """Rebuild from the JSON form of a job."""
    rest = dict(document)
    training = rest.pop("training")
    return Material(
        folder=Path(rest.pop("folder")),
        calibration=Path(rest.pop("calibration")),
        training=None if training is None else Path(training),
        fine_tuning=FineTuning(**rest.pop("fine_tuning")),
        **rest,
    )
