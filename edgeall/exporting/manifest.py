"""`exports/manifest.json`: what the exports folder of a run holds, and from which inputs each artifact was made.

It is the same object as `edgeall export --json`, but for `path`: there relative to the run's folder, which can
be moved; on the command's output usable from where the command ran.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall import artifact, documents, files
from edgeall.artifact import Artifact, Format, Parity, Precision
from edgeall.errors import ArtifactError
from edgeall.exporting.attempts import Speed
from edgeall.runs import Run

FILE = "manifest.json"


@dataclass(frozen=True)
class Exported:
    """One artifact of a run.

    Attributes:
        path: of the artifact; OpenVINO's is the `.xml`.
        sha256: the artifact's identity, as in `edgeall.artifact.Artifact`.
        seconds: conversion and parity, of every attempt in the artifact's own engine; without waiting and without what
            artifacts share: what simulations of the shared INT8 model took, `fallbacks` tell.
        fallbacks: the methods that were compared to make it, with their figures (`Attempt.to_dict`), the one that was
            taken among them; empty where there was one.
        left_in_float: what an INT8 artifact computes in float, besides the boundary; empty for other precisions.
        method: that made it; None of other precisions than INT8.
        shared: name of the INT8 model that it is of, where that is one for all formats: key of what the model is made
            from, and method. Artifacts with one name have the same weights and scales.
        speed: of INT8 beside float32 on the machine that exported it; None where there was no float32 artifact.
        inputs: SHA-256 over everything that the artifact was made from.
        cached: nothing was to be done, because `inputs` had not changed.
    """

    path: Path
    run: str
    backbone: str
    recipe: str
    format: Format
    precision: Precision
    size_bytes: int
    sha256: str
    seconds: float
    parity: Parity
    inputs: str
    fallbacks: tuple[dict[str, Any], ...] = ()
    left_in_float: tuple[str, ...] = ()
    method: str | None = None
    shared: str | None = None
    speed: Speed | None = None
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return documents.plain(self) | {"path": self.path.as_posix()}


@dataclass(frozen=True)
class _Manifest:
    artifacts: tuple[Exported, ...]


def read(run: Run) -> dict[str, Exported]:
    """The manifest's entries, by artifact file name; nothing where it is missing or damaged."""
    try:
        entries = documents.read(_Manifest, run.exports / FILE).artifacts
    except documents.DocumentError:
        return {}
    found = {entry.path.name: dataclasses.replace(entry, path=run.path / entry.path) for entry in entries}
    return found if len(found) == len(entries) else {}


def add(run: Run, exported: Exported) -> None:
    """Enter one artifact, replacing the entry of its file. Entries of vanished files go."""
    entries = {name: entry for name, entry in read(run).items() if entry.path.is_file()}
    entries[exported.path.name] = exported
    relative = [
        dataclasses.replace(entry, path=entry.path.relative_to(run.path), cached=False).to_dict()
        for _, entry in sorted(entries.items())
    ]
    files.write_json(run.exports / FILE, {"artifacts": relative})


def still_good(entry: Exported | None, inputs: str) -> Artifact | None:
    """The artifact of an entry, where it was made from these inputs and is whole."""
    if entry is None or entry.inputs != inputs:
        return None
    try:
        found = artifact.read(entry.path)
    except ArtifactError:
        return None
    return found if found.sha256 == entry.sha256 else None
