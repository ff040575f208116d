"""Plans an export: one task an artifact, with all inputs that determine it."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from edgeall import artifact
from edgeall.artifact import Artifact
from edgeall.errors import UsageError
from edgeall.exporting import cache_key, calibration_images, manifest
from edgeall.exporting.attempts import NO_IMAGES
from edgeall.exporting.cache_key import RunInputs
from edgeall.exporting.calibration_images import GivenImages
from edgeall.exporting.int8_methods import METHODS
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import Recipe
from edgeall.golden import checkable
from edgeall.runs import Member, Run
from edgeall.suggestions import unknown_name

MethodChoice = Literal["auto", "ptq", "qat"]
_METHODS: dict[MethodChoice, tuple[str, ...]] = {
    "auto": tuple(METHODS),
    "ptq": (),
    "qat": tuple(name for name, method in METHODS.items() if method.trains),
}
"""Methods of the INT8 model that formats share."""
_NOT_CALIBRATED = (
    "the run has no images of its own to calibrate INT8 on; give some with --calibration DIR, "
    "import its model again with --data DIR, or train it again"
)


@dataclass(frozen=True)
class FailedTask:
    """An artifact that could not be made, and the error."""

    run: str
    recipe: str
    error: str


@dataclass(frozen=True)
class Options:
    """Options of the user beside the recipes.

    Attributes:
        overwrite: replace artifacts that were made from other inputs, and make those anew that failed their gate.
        data: where the runs' images are now. None: where they were at training.
        calibration: images to calibrate on instead of the runs' training images.
        int8_method: "ptq": the format's own calibration alone. "qat": quantization-aware training alone. "auto":
            compares the format's own calibration with the model that formats share; adds quantization-aware training
            where that model fails and no candidate passes. Other precisions ignore it.
        also: unlabelled pictures on which INT8 is compared with float.
    """

    overwrite: bool = False
    data: Path | None = None
    calibration: GivenImages | None = None
    int8_method: MethodChoice = "auto"
    also: GivenImages | None = None

    def __post_init__(self) -> None:
        if self.int8_method not in get_args(MethodChoice):
            raise unknown_name("INT8 method", self.int8_method, get_args(MethodChoice))


@dataclass(frozen=True)
class Task:
    """One artifact to make.

    Attributes:
        model: SHA-256 of the Keras model file.
        inputs: SHA-256 over all inputs of the artifact (`cache_key`).
        calibration: images for INT8, under `root` (None: where the run's are).
        calibrates: whether the recipe's own conversion is a candidate.
        methods: names in `int8_methods.METHODS`. The first is always compared, a later one where those before it fail
            and no candidate passes.
        shared: cache key of the INT8 model that tasks of the same run share; None without one.
        settled: the result, where it is known already.
    """

    run: Run
    recipe: Recipe
    path: Path
    model: str
    inputs: str
    calibration: tuple[Member, ...]
    root: Path | None
    calibrates: bool
    methods: tuple[str, ...]
    shared: str | None
    settled: Exported | FailedTask | None


def plan(run: Run, recipes: Sequence[Recipe], options: Options) -> list[Task]:
    """The tasks of a run, in the order of `recipes`. Artifacts that exist and are unchanged are settled.

    Raises:
        UsageError: an artifact made from other inputs exists, and `overwrite` is not set.
    """
    of, known = cache_key.of_run(run, options.also.members if options.also else ()), manifest.read(run)
    return [_task(run, recipe, options, of, known) for recipe in recipes]


def _task(run: Run, recipe: Recipe, options: Options, of: RunInputs, known: dict[str, Exported]) -> Task:
    path = run.exports / f"{run.name}_{recipe.name}{artifact.suffix_of(recipe.format)}"
    methods = _METHODS[options.int8_method] if recipe.fine_tuning else ()
    calibrates = options.int8_method != "qat" or not methods
    root = options.data if options.calibration is None else options.calibration.root
    task = Task(run, recipe, path, of.model, "", (), root, calibrates, methods, None, None)
    if recipe.calibration is not None:
        everyone = run.split.train if options.calibration is None else options.calibration.members
        if not everyone:
            return dataclasses.replace(task, settled=FailedTask(run.name, recipe.name, _NOT_CALIBRATED))
        chosen = calibration_images.select(everyone, recipe.calibration.images, recipe.calibration.seed)
        task = dataclasses.replace(task, calibration=chosen)
    shared = cache_key.shared_key(of, recipe, task.calibration) if methods else None
    digest = cache_key.artifact_key(of, recipe, task.calibration, (calibrates, *methods), shared)
    task = dataclasses.replace(task, shared=shared, inputs=digest)
    entry = known.get(path.name)
    good = manifest.still_good(entry, digest)
    if path.exists() and good is None and not options.overwrite:
        raise UsageError(
            f"{path}: was made from another model, recipe or data, or by other versions; --overwrite replaces it"
        )
    if entry is None or good is None or not _checkable(good) or _should_retry(task, entry, options):
        return task
    return dataclasses.replace(task, settled=dataclasses.replace(entry, cached=True))


def _checkable(made: Artifact) -> bool:
    """Whether an artifact has golden answers to the pictures that this edgeall draws.

    One of an earlier version is made again. The INT8 model that formats share is not: its cache key is the same.
    """
    golden = made.metadata.golden
    return golden is not None and golden.revision == checkable.REVISION


def _should_retry(task: Task, entry: Exported, options: Options) -> bool:
    """Whether to make an artifact again whose inputs have not changed.

    An artifact that failed its gate is retried with `overwrite`, or where a method lacked training images that are
    available now. One that did not fail needs both.
    """
    cut_short = any(each.get("error") == NO_IMAGES for each in entry.fallbacks)
    if entry.parity.word != "failed":
        return options.overwrite and cut_short and _training_images_available(task, options)
    return options.overwrite or (cut_short and _training_images_available(task, options))


def _training_images_available(task: Task, options: Options) -> bool:
    settings = task.recipe.fine_tuning
    if settings is None or not task.run.split.train:
        return False
    chosen = calibration_images.select(task.run.split.train, settings.images, settings.seed)
    root = options.data or task.run.data.root
    return all((root / member.name).is_file() for member in chosen)
