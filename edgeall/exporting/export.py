"""Runs to artifacts: plan, convert, examine, seal, move in."""

import dataclasses
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeall import __version__, artifact, files
from edgeall.artifact import Format, Metadata, Parity, Provenance
from edgeall.errors import EdgeallError, ExportError, MissingExtraError, UsageError
from edgeall.exporting import calibration, manifest
from edgeall.exporting.manifest import Exported
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.sources import Sources
from edgeall.exporting.worker import format_module
from edgeall.exporting.workshop import Workshop
from edgeall.progress import SILENT, Advance, Progress
from edgeall.runs import Member, Run

_PARITY_SEED = 0
_NOT_CALIBRATED = (
    "the run has no images of its own to find INT8 ranges with; "
    "import its model again with --data DIR, or train it again"
)


@dataclass(frozen=True)
class Failure:
    """An artifact that could not be made, and why."""

    run: str
    recipe: str
    error: str


@dataclass(frozen=True)
class Outcome:
    """What became of an export, in the order asked for."""

    exported: tuple[Exported, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class _Task:
    """One artifact to be."""

    run: Run
    recipe: Recipe
    path: Path
    inputs: str
    calibration: tuple[Member, ...]
    settled: Exported | Failure | None


def export_run(
    run: Run,
    recipes: Sequence[Recipe],
    *,
    overwrite: bool = False,
    jobs: int | None = None,
    data: Path | None = None,
    progress: Progress = SILENT,
) -> list[Exported]:
    """As `export_runs`, for one run; every artifact or an error.

    Raises:
        ExportError: an artifact could not be made; the others have been.
    """
    outcome = export_runs([run], recipes, overwrite=overwrite, jobs=jobs, data=data, progress=progress)
    if outcome.failures:
        raise ExportError("; ".join(f"{failure.recipe}: {failure.error}" for failure in outcome.failures))
    return list(outcome.exported)


def export_runs(
    runs: Sequence[Run],
    recipes: Sequence[Recipe],
    *,
    overwrite: bool = False,
    jobs: int | None = None,
    data: Path | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Make each recipe's artifact of each run: `exports/<run>_<recipe><suffix>` in the run's folder.

    An artifact whose inputs have not changed is left as it is ("cached"). One that failed its recipe's tolerance is
    written, with `parity.passed` false.

    Args:
        overwrite: replace artifacts that were made from other inputs.
        jobs: worker processes at once; default as many as cores and memory allow.
        data: where the runs' images are now; default where they were at training.

    Raises:
        UsageError: an artifact made from other inputs is in the way, two recipes have one name, or another export
            works on the same run.
        RunError, ImageError: the only run's images are missing or damaged; among several runs it is a failure.
        MissingExtraError: a package that converts is not installed.
    """
    twice = [name for name, count in Counter(recipe.name for recipe in recipes).items() if count > 1]
    if twice:
        raise UsageError(f"two recipes are called '{twice[0]}', and so would be their artifacts: rename one")
    tasks = [task for run in runs for task in _plan(run, recipes, overwrite)]
    todo = [task for task in tasks if task.settled is None]
    _need_packages({task.recipe.format for task in todo})
    done: dict[Path, Exported | Failure] = {task.path: task.settled for task in tasks if task.settled}
    if todo:
        with (
            progress.stage("export", total=len(todo)) as advance,
            ThreadPoolExecutor(len(runs)) as pool,
            Workshop(jobs) as workshop,
        ):
            mine = [[task for task in todo if task.run is run] for run in runs]
            works = [
                (own, pool.submit(_export_one_run, own, workshop, data, progress, advance))
                for own in mine
                if own
            ]
            for own, work in works:
                try:
                    done |= work.result()
                except EdgeallError as error:
                    if len(runs) == 1:
                        raise
                    done |= {task.path: Failure(task.run.name, task.recipe.name, str(error)) for task in own}
    results = [done[task.path] for task in tasks]
    return Outcome(
        tuple(result for result in results if isinstance(result, Exported)),
        tuple(result for result in results if isinstance(result, Failure)),
    )


def _need_packages(formats: set[Format]) -> None:
    """Found out before any worker starts, and without importing them."""
    for package in sorted({package for format in formats for package in format_module(format).PACKAGES}):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "workstation")


def _plan(run: Run, recipes: Sequence[Recipe], overwrite: bool) -> list[_Task]:
    model, known = files.sha256_file(run.model_path), manifest.read(run)
    tasks = []
    for recipe in recipes:
        path = run.exports / f"{run.name}_{recipe.name}{artifact.suffix_of(recipe.format)}"
        members: tuple[Member, ...] = ()
        if recipe.calibration is not None and not run.split.train:
            tasks.append(_Task(run, recipe, path, "", (), Failure(run.name, recipe.name, _NOT_CALIBRATED)))
            continue
        if recipe.calibration is not None:
            members = calibration.select(run.split.train, recipe.calibration.images, recipe.calibration.seed)
        inputs = _inputs(run, model, recipe, members)
        entry = known.get(path.name)
        good = manifest.still_good(entry, inputs)
        if path.exists() and not good and not overwrite:
            raise UsageError(f"{path}: was made from another model, recipe or data; --overwrite replaces it")
        cached = dataclasses.replace(entry, cached=True) if entry is not None and good else None
        tasks.append(_Task(run, recipe, path, inputs, members, cached))
    return tasks


def _inputs(run: Run, model: str, recipe: Recipe, members: tuple[Member, ...]) -> str:
    """SHA-256 over all that decides what an artifact is."""
    document = {
        "edgeall": __version__,
        "model": model,
        "recipe": recipe.to_dict(),
        "pixels": dataclasses.asdict(run.pixels),
        "decision": dataclasses.asdict(run.decision),
        "calibration": [member.sha256 for member in members],
        "validation": [member.sha256 for member in run.split.val],
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _export_one_run(
    tasks: list[_Task], workshop: Workshop, data: Path | None, progress: Progress, advance: Advance
) -> dict[Path, Exported | Failure]:
    run = tasks[0].run
    with _work_folder(run) as folder:
        sources = Sources(folder, run.pixels)
        validation = calibration.select(
            run.split.val, max(task.recipe.parity.images for task in tasks), _PARITY_SEED
        )
        calibration.decode(run, "val", validation, sources.images, data)
        for task in tasks:
            if task.calibration and not _calibration_file(folder, task).exists():
                calibration.decode(run, "train", task.calibration, _calibration_file(folder, task), data)
        needs = sorted({need for task in tasks for need in format_module(task.recipe.format).NEEDS})
        try:
            workshop.do("sources", run, folder, needs=needs)
        except ExportError as error:
            _tell(progress, run.name, error)
            return {task.path: Failure(run.name, task.recipe.name, str(error)) for task in tasks}
        entering = threading.Lock()

        def work(task: _Task) -> Exported | Failure:
            try:
                result = _make(task, folder, workshop, entering)
            except ExportError as error:
                _tell(progress, f"{run.name} {task.recipe.name}", error)
                return Failure(run.name, task.recipe.name, str(error))
            finally:
                advance(1)
            return result

        with ThreadPoolExecutor(len(tasks)) as pool:
            return dict(zip([task.path for task in tasks], pool.map(work, tasks), strict=True))


def _make(task: _Task, folder: Path, workshop: Workshop, entering: threading.Lock) -> Exported:
    run, recipe = task.run, task.recipe
    own = folder / recipe.name
    own.mkdir()
    bare = own / task.path.name
    images = str(_calibration_file(folder, task).resolve()) if task.calibration else None
    common = {"recipe": recipe.to_dict(), "out": str(bare.resolve())}
    _, converting = workshop.do("convert", run, folder, calibration=images, **common)
    report, examining = workshop.do("examine", run, folder, threads=workshop.threads, **common)
    parity = Parity(**report["parity"])
    sealed = artifact.seal(bare, _metadata(run, recipe, parity))
    exported = Exported(
        path=task.path,
        run=run.name,
        backbone=run.backbone,
        recipe=recipe.name,
        format=recipe.format,
        precision=recipe.precision,
        size_bytes=sealed.size_bytes,
        sha256=sealed.sha256,
        seconds=round(converting + examining, 2),
        parity=parity,
        fallbacks=tuple(report["fallbacks"]),
        inputs=task.inputs,
    )
    with entering:
        # First the entry, then the files: an artifact without an entry would look like someone else's,
        # an entry without its artifact is simply made again.
        manifest.add(run, exported)
        _move_in(bare, task.path)
    return exported


def _move_in(sealed: Path, path: Path) -> None:
    """The named file last: an artifact is absent until it is whole."""
    path.unlink(missing_ok=True)
    for source, target in reversed(
        list(zip(artifact.files_of(sealed), artifact.files_of(path), strict=True))
    ):
        source.replace(target)


def _metadata(run: Run, recipe: Recipe, parity: Parity) -> Metadata:
    return Metadata(
        format=recipe.format,
        precision=recipe.precision,
        pixels=run.pixels,
        decision=run.decision,
        provenance=Provenance(
            run=run.name,
            backbone=run.backbone,
            head=run.head,
            weights=run.weights,
            data=run.data.layout,
            data_fingerprint=run.data.fingerprint,
            licence=run.licence,
            versions=run.versions | _versions(recipe),
        ),
        recipe=recipe.to_dict(),
        parity=parity,
    )


def _versions(recipe: Recipe) -> dict[str, str]:
    versions = {"edgeall": __version__}
    for package in format_module(recipe.format).PACKAGES:
        for distribution in (package, f"{package}-cpu"):
            try:
                versions[package] = importlib.metadata.version(distribution)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return versions


def _calibration_file(folder: Path, task: _Task) -> Path:
    settings = task.recipe.calibration
    assert settings is not None
    return folder / f"calibration-{settings.images}-{settings.seed}.npy"


@contextmanager
def _work_folder(run: Run) -> Iterator[Path]:
    """A place beside the artifacts for what is not finished, ours alone until the block ends."""
    run.exports.mkdir(exist_ok=True)
    handle = os.open(run.exports, os.O_RDONLY)
    try:
        try:
            # Held by the process, so it ends with it however that ends.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"{run.path}: another edgeall export works on this run; wait for it") from None
        folder = run.exports / ".work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def _tell(progress: Progress, what: str, error: EdgeallError) -> None:
    progress.note(f"{what}: {error}")
    for line in getattr(error, "__notes__", []):
        progress.note(f"    {line}")
