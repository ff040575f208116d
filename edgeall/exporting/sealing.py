"""Turns a candidate into an artifact: seals it with metadata, adds it to the manifest, moves it into the run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgeall import artifact, documents
from edgeall.artifact import Metadata, Provenance
from edgeall.exporting import cache_key, int8_cache, manifest, model_io, pooling, run_figures
from edgeall.exporting.attempts import Attempt
from edgeall.exporting.export_context import Candidate
from edgeall.exporting.export_plan import Task
from edgeall.exporting.exporter import exporter
from edgeall.exporting.manifest import Exported


def finish(task: Task, candidate: Candidate, log: Sequence[Attempt]) -> Exported:
    """Seal the candidate with its metadata, add it to the manifest, and move it to the task's path."""
    run, recipe, attempt = task.run, task.recipe, candidate.attempt
    assert attempt.parity is not None
    shared = None
    if candidate.shared and task.shared is not None:
        shared = int8_cache.name_of(task.shared, attempt.method)
    tried = tuple(each.to_dict() for each in log) if len(log) > 1 else ()
    method = attempt.method if recipe.precision == "int8" else None
    # Times depend on the machine, and are not part of the artifact.
    figures = [{key: value for key, value in each.items() if key != "speed"} for each in tried]
    about = {"method": method, "shared": shared, "fallbacks": figures} if method else {}
    learned = run_figures.person_cut(run, recipe.precision, candidate.images, candidate.decision)
    metadata = Metadata(
        format=recipe.format,
        precision=recipe.precision,
        pixels=run.pixels,
        decision=candidate.decision,
        provenance=_provenance(task),
        recipe=recipe.to_dict(),
        parity=attempt.parity,
        quantization=about,
        calibration=_calibration(task, candidate),
        tensors=model_io.tensors(candidate.file, recipe.format),
        test=run_figures.figures_of_test(run),
        person_cut=learned.cut,
        no_person_cut=learned.reason,
        domain=run.domain,
        golden=candidate.golden,
    )
    exporter(recipe.format).describe(candidate.file, metadata)
    sealed = artifact.seal(candidate.file, metadata)
    exported = Exported(
        path=task.path,
        run=run.name,
        backbone=run.backbone,
        recipe=recipe.name,
        format=recipe.format,
        precision=recipe.precision,
        size_bytes=sealed.size_bytes,
        sha256=sealed.sha256,
        seconds=round(sum(each.seconds for each in log if each.measured_in == "engine"), 2),
        parity=attempt.parity,
        inputs=task.inputs,
        fallbacks=tried,
        left_in_float=candidate.left_in_float,
        method=method,
        shared=shared,
        speed=attempt.speed,
    )
    # The entry before the files: an artifact without an entry would count as foreign,
    # an entry without its artifact is made again.
    manifest.add(run, exported)
    if recipe.precision != "float32":
        pooling.keep(task.path, candidate.images)
    _move_in(candidate.file, task.path)
    return exported


def _calibration(task: Task, candidate: Candidate) -> artifact.Calibration | None:
    """The run's calibration, combined with the logit scale of an INT8 model."""
    if not task.run.calibration:
        return None
    of_run = documents.build(artifact.Calibration, task.run.calibration)
    scale = candidate.logit_scale
    return dataclasses.replace(of_run, scale=of_run.scale * scale, offset=of_run.offset * scale)


def _provenance(task: Task) -> Provenance:
    run = task.run
    return Provenance(
        run=run.name,
        backbone=run.backbone,
        head=run.head,
        weights=run.weights,
        data=run.data.layout,
        data_fingerprint=run.data.fingerprint,
        licence=run.licence,
        versions=run.versions | cache_key.converters(task.recipe),
        model_sha256=task.model,
    )


def _move_in(sealed: Path, path: Path) -> None:
    """Move an artifact into place. One of two files is absent until it is complete: its main file is moved last."""
    moves = list(zip(artifact.files_of(sealed), artifact.files_of(path), strict=True))
    if len(moves) > 1:
        path.unlink(missing_ok=True)
    for source, target in reversed(moves):
        source.replace(target)
