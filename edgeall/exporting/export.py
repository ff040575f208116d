"""Exports runs: plans tasks, makes and evaluates candidates, seals artifacts and moves them into the run."""

import importlib.util
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeall.artifact import Noise
from edgeall.errors import EdgeallError, ExportError, MissingExtraError, UsageError
from edgeall.exporting import calibration_images, candidates, int8_cache, sealing
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.cache_key import SHARED_PACKAGES
from edgeall.exporting.calibration_images import GivenImages
from edgeall.exporting.export_context import Candidate, ExportContext, calibration_file, report_error
from edgeall.exporting.export_plan import FailedTask, Options, Task, plan
from edgeall.exporting.exporter import exporter
from edgeall.exporting.intermediates import Intermediates
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.source_models import ALSO, SHIFTED, Sources
from edgeall.exporting.work_folder import work_folder
from edgeall.exporting.worker_pool import LARGE, WorkerPool
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Advance, Progress
from edgeall.runs import Run
from edgeall.shifts.mild import FOR_EXPORT

_PARITY_SEED = 0
_SHIFTED_IMAGES = 30
"""Validation images that `edgeall.shifts.mild` changes."""
_DEFAULT = Options()


@dataclass(frozen=True)
class ExportOutcome:
    """Results of an export, in the order of runs and recipes."""

    exported: tuple[Exported, ...]
    failures: tuple[FailedTask, ...]


def export_run(
    run: Run,
    recipes: Sequence[Recipe],
    *,
    overwrite: bool = False,
    jobs: int | None = None,
    data: AnyPath | None = None,
    options: Options | None = None,
    progress: Progress = SILENT,
) -> list[Exported]:
    """As `export_runs`, for one run; returns all artifacts or raises.

    Raises:
        ExportError: an artifact could not be made. The others have been written.
    """
    data = None if data is None else Path(data)
    chosen = options or Options(overwrite=overwrite, data=data)
    outcome = export_runs([run], recipes, chosen, jobs=jobs, progress=progress)
    if outcome.failures:
        raise ExportError("; ".join(f"{failure.recipe}: {failure.error}" for failure in outcome.failures))
    return list(outcome.exported)


def export_runs(
    runs: Sequence[Run],
    recipes: Sequence[Recipe],
    options: Options = _DEFAULT,
    *,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> ExportOutcome:
    """Make each recipe's artifact of each run: `exports/<run>_<recipe><suffix>` in the run's folder.

    An artifact whose inputs have not changed is left as it is ("cached"). An artifact that fails the limits of its
    recipe is written with `parity.passed` false, and an unproven one with None.

    Args:
        jobs: worker processes at once. Default: as many as cores and memory allow; one for large models.

    Raises:
        UsageError: an artifact made from other inputs exists already, two recipes have one name, or another export
            works on the same run.
        RunError, ImageError: images are missing or damaged; among several runs, this is a failure of the run alone.
        MissingExtraError: a package that a conversion needs is not installed.
    """
    twice = [name for name, count in Counter(recipe.name for recipe in recipes).items() if count > 1]
    if twice:
        raise UsageError(f"two recipes have the name '{twice[0]}', and so would their artifacts: rename one")
    tasks = [task for run in runs for task in plan(run, recipes, options)]
    todo = [task for task in tasks if task.settled is None]
    _check_packages(todo)
    done: dict[Path, Exported | FailedTask] = {task.path: task.settled for task in tasks if task.settled}
    if todo:
        with (
            progress.stage("export", total=len(todo)) as advance,
            ThreadPoolExecutor(len(runs)) as pool,
            WorkerPool(jobs or _one_at_a_time(runs)) as workers,
        ):
            mine = [[task for task in todo if task.run is run] for run in runs]
            works = [
                (own, pool.submit(_export_one_run, own, workers, options, progress, advance))
                for own in mine
                if own
            ]
            for own, work in works:
                try:
                    done |= work.result()
                except EdgeallError as error:
                    if len(runs) == 1:
                        raise
                    done |= {
                        task.path: FailedTask(task.run.name, task.recipe.name, str(error)) for task in own
                    }
    results = [done[task.path] for task in tasks]
    return ExportOutcome(
        tuple(result for result in results if isinstance(result, Exported)),
        tuple(result for result in results if isinstance(result, FailedTask)),
    )


def write_sensitivity(
    run: Run, recipe: Recipe, options: Options = _DEFAULT, *, progress: Progress = SILENT
) -> tuple[Path, Path]:
    """Write `exports/<run>_int8-sensitivity.csv` and `.png`: the quantization error of each layer of a run.

    `recipe`: an INT8 recipe, which gives the calibration images and the weight bits. Existing files are replaced.

    Raises:
        UsageError: another export works on the run, or the recipe has no calibration.
        ExportError: there are no images, or a layer has no INT8 form.
    """
    if recipe.calibration is None or recipe.fine_tuning is None:
        raise UsageError(f"recipe {recipe.name}: has no calibration, which the sensitivity of layers needs")
    root, everyone = options.data, run.split.train
    if options.calibration is not None:
        root, everyone = options.calibration.root, options.calibration.members
    members = calibration_images.select(everyone, recipe.calibration.images, recipe.calibration.seed)
    out = run.exports / f"{run.name}_int8-sensitivity.csv"
    with work_folder(run) as folder, progress.stage(f"{run.name}: sensitivity", total=1) as advance:
        images = folder / "calibration.npy"
        calibration_images.decode(run, "train", members, images, root)
        with WorkerPool(1) as workers:
            workers.run_step(
                "sensitivity",
                run,
                folder,
                calibration=str(images.resolve()),
                weight_bits=recipe.fine_tuning.weight_bits,
                out=str(out.resolve()),
            )
        advance(1)
    return out, out.with_suffix(".png")


def _check_packages(tasks: Sequence[Task]) -> None:
    """Check before any worker starts, without importing the packages.

    Raises:
        MissingExtraError: one is not installed.
    """
    needed = {package for task in tasks for package in exporter(task.recipe.format).PACKAGES}
    needed |= {package for task in tasks if task.methods for package in SHARED_PACKAGES}
    for package in sorted(needed):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "workstation")


def _export_one_run(
    tasks: list[Task], workers: WorkerPool, options: Options, progress: Progress, advance: Advance
) -> dict[Path, Exported | FailedTask]:
    run = tasks[0].run
    with work_folder(run) as folder:
        try:
            context = _prepare(tasks, workers, folder, options, progress)
        except ExportError as error:
            report_error(progress, run.name, error)
            return {task.path: FailedTask(run.name, task.recipe.name, str(error)) for task in tasks}
        entering = threading.Lock()

        def finish(task: Task, candidate: Candidate, log: Sequence[Attempt]) -> Exported:
            with entering:
                exported = sealing.finish(task, candidate, log)
            advance(1)
            return exported

        single = [task for task in tasks if task.recipe.precision != "int8"]
        groups: dict[object, list[Task]] = {}
        for task in tasks:
            if task.recipe.precision == "int8":
                groups.setdefault(task.shared or task.path, []).append(task)
        # Float32 first: INT8 is timed relative to it.
        results = candidates.make_each(single, context, finish)
        for group in groups.values():
            results |= candidates.compare(group, context, finish)
        advance(sum(isinstance(each, FailedTask) for each in results.values()))
    if any(task.shared for task in tasks) and not any(
        isinstance(each, FailedTask) for each in results.values()
    ):
        int8_cache.prune(run)
    return results


def _prepare(
    tasks: Sequence[Task], workers: WorkerPool, folder: Path, options: Options, progress: Progress
) -> ExportContext:
    """Decode the images of a run's tasks, and compute the reference outputs of its Keras model.

    Raises:
        ExportError: the Keras model cannot be used.
        RunError, ImageError: an image is missing or damaged.
    """
    run, data = tasks[0].run, options.data
    integer = any(task.recipe.precision == "int8" for task in tasks)
    sources = Sources(folder, run.pixels)
    most = max(task.recipe.parity.images for task in tasks)
    validation = calibration_images.select(run.split.val, most, _PARITY_SEED)
    calibration_images.decode(run, "val", validation, sources.images(), data)
    for task in tasks:
        if task.calibration and not calibration_file(folder, task).exists():
            images = calibration_file(folder, task)
            calibration_images.decode(run, "train", task.calibration, images, task.root)
    changed = _other_pictures(sources, options.also) if integer else ()
    report, _ = workers.run_step(
        "reference",
        run,
        folder,
        freeze_graph=any(task.calibrates for task in tasks),
        measure_noise=integer,
    )
    noise = None if report["noise"] is None else Noise(**report["noise"])
    intermediates = Intermediates(workers, run, folder)
    return ExportContext(workers, folder, sources, intermediates, validation, changed, noise, data, progress)


def _one_at_a_time(runs: Sequence[Run]) -> int | None:
    return 1 if any(run.model_path.stat().st_size > LARGE for run in runs) else None


def _other_pictures(sources: Sources, also: GivenImages | None) -> list[str]:
    """Write the other pictures on which INT8 is compared with float; returns the change of each shifted picture."""
    images = np.load(sources.images(), allow_pickle=False)[:_SHIFTED_IMAGES]
    shifted = [shift(image) for shift in FOR_EXPORT.values() for image in images]
    np.save(sources.images(SHIFTED), np.stack(shifted), allow_pickle=False)
    if also is not None:
        calibration_images.decode_given(also, sources.pixels, sources.images(ALSO))
    return [name for name in FOR_EXPORT for _ in images]
