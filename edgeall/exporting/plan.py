"""What an export has to make: one task an artifact, with everything that decides what the artifact will be."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edgeall import __version__, artifact, files
from edgeall.errors import UsageError
from edgeall.exporting import calibration, manifest
from edgeall.exporting.calibration import Given
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import FLOAT_LAYERS, FLOAT_STEPS, Recipe
from edgeall.names import unknown_name
from edgeall.runs import Member, Run

Int8Method = Literal["auto", "ptq", "qat"]
_NOT_CALIBRATED = (
    "the run has no images of its own to find INT8 ranges with; give some with --calibration DIR, "
    "import its model again with --data DIR, or train it again"
)


@dataclass(frozen=True)
class Failure:
    """An artifact that could not be made, and why."""

    run: str
    recipe: str
    error: str


@dataclass(frozen=True)
class Options:
    """What the user says beyond the recipes.

    Attributes:
        overwrite: replace artifacts that were made from other inputs.
        data: where the runs' images are now; None: where they were at training.
        calibration: images to calibrate on instead of the runs' training images.
        int8_method: "ptq": the recipe's calibration alone. "qat": fine-tuning at once. "auto": calibration, and the
            recipe's fallbacks where it fails.
    """

    overwrite: bool = False
    data: Path | None = None
    calibration: Given | None = None
    int8_method: Int8Method = "auto"

    def __post_init__(self) -> None:
        if self.int8_method not in get_args(Int8Method):
            raise unknown_name("INT8 method", self.int8_method, get_args(Int8Method))


@dataclass(frozen=True)
class Task:
    """One artifact to be.

    Attributes:
        inputs: SHA-256 over all that decides what the artifact is.
        calibration: images for INT8, under `root` (None: where the run's are).
        calibrates: whether the recipe's own way is tried first.
        methods: of the shared INT8 model, to be tried in order.
        shared: key of the INT8 model that tasks of the same run may share; None where nothing can be shared.
        settled: what became of it already.
    """

    run: Run
    recipe: Recipe
    path: Path
    inputs: str
    calibration: tuple[Member, ...]
    root: Path | None
    calibrates: bool
    methods: tuple[str, ...]
    shared: str | None
    settled: Exported | Failure | None


def plan(run: Run, recipes: Sequence[Recipe], options: Options) -> list[Task]:
    """The tasks of a run, in the order of `recipes`; what is there and unchanged is settled.

    Raises:
        UsageError: an artifact made from other inputs is in the way.
    """
    model, known = files.sha256_file(run.model_path), manifest.read(run)
    return [_task(run, recipe, options, model, known) for recipe in recipes]


def _task(run: Run, recipe: Recipe, options: Options, model: str, known: dict[str, Exported]) -> Task:
    path = run.exports / f"{run.name}_{recipe.name}{artifact.suffix_of(recipe.format)}"
    methods = _methods(recipe, options.int8_method)
    calibrates = options.int8_method != "qat" or not methods
    root = options.data if options.calibration is None else options.calibration.root
    task = Task(run, recipe, path, "", (), root, calibrates, methods, None, None)
    if recipe.calibration is not None:
        everyone = run.split.train if options.calibration is None else options.calibration.members
        if not everyone:
            return dataclasses.replace(task, settled=Failure(run.name, recipe.name, _NOT_CALIBRATED))
        chosen = calibration.select(everyone, recipe.calibration.images, recipe.calibration.seed)
        task = dataclasses.replace(task, calibration=chosen)
    inputs = {
        "edgeall": __version__,
        "model": model,
        "pixels": dataclasses.asdict(run.pixels),
        "calibration": [member.sha256 for member in task.calibration],
        "validation": [member.sha256 for member in run.split.val],
    }
    if methods:
        assert recipe.fine_tuning is not None
        tuning = {
            "training": [member.sha256 for member in run.split.train],
            "fine_tuning": dataclasses.asdict(recipe.fine_tuning),
            "parity": dataclasses.asdict(recipe.parity),
        }
        task = dataclasses.replace(task, shared=_digest(inputs | tuning))
    about = {
        "recipe": recipe.to_dict(),
        "decision": dataclasses.asdict(run.decision),
        "methods": [calibrates, *methods],
        "shared": task.shared,
    }
    digest = _digest(inputs | about)
    entry = known.get(path.name)
    good = manifest.still_good(entry, digest)
    if path.exists() and not good and not options.overwrite:
        raise UsageError(f"{path}: was made from another model, recipe or data; --overwrite replaces it")
    cached = dataclasses.replace(entry, cached=True) if entry is not None and good else None
    return dataclasses.replace(task, inputs=digest, settled=cached)


def _methods(recipe: Recipe, int8_method: Int8Method) -> tuple[str, ...]:
    if not recipe.fallbacks or int8_method == "ptq":
        return ()
    if int8_method == "qat":
        return ("fine-tuning",)
    steps = tuple(f"{FLOAT_LAYERS}{count}" for count in FLOAT_STEPS)
    expanded = (steps if method == "float-layers" else (method,) for method in recipe.fallbacks)
    return tuple(method for methods in expanded for method in methods)


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
