"""The contract: a model file that says what it is. Both halves of edgeall import it; it imports neither.

`seal` writes the metadata into a model file together with a SHA-256 over payload and metadata; `read` checks it, so
that a truncated download or an edited threshold is noticed before an engine sees the file. The digest detects
accidents and careless edits; it is no signature against somebody who can recompute it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from edgeall.artifact.containers import CONTAINERS, Container
from edgeall.artifact.metadata import (
    FORMATS,
    INTENDED_USE,
    PRECISIONS,
    Decision,
    Format,
    Metadata,
    Parity,
    Precision,
    Provenance,
)
from edgeall.errors import ArtifactError

__all__ = [
    "FORMATS",
    "INTENDED_USE",
    "PRECISIONS",
    "Artifact",
    "Decision",
    "Format",
    "Metadata",
    "Parity",
    "Precision",
    "Provenance",
    "files_of",
    "is_artifact_name",
    "read",
    "seal",
    "suffix_of",
]


@dataclass(frozen=True)
class Artifact:
    """A checked artifact.

    Attributes:
        path: the model file (OpenVINO: the `.xml`).
        sha256: over payload and metadata; the artifact's identity.
        size_bytes: of all its files.
    """

    path: Path
    metadata: Metadata
    sha256: str
    size_bytes: int


def is_artifact_name(path: Path) -> bool:
    """Whether a file's suffix is one of an artifact's."""
    return path.suffix.lower() in CONTAINERS


def suffix_of(format: Format) -> str:
    """The file suffix of a format, with its dot."""
    return next(suffix for suffix, (name, _) in CONTAINERS.items() if name == format)


def files_of(path: Path) -> tuple[Path, ...]:
    """All files of the artifact at `path`, the named one first."""
    return _container(path).files(path)


def seal(path: Path, metadata: Metadata) -> Artifact:
    """Write `metadata` into the bare model file at `path`, in place, and return the artifact.

    Raises:
        ArtifactError: the file is not a model of its suffix's format, or carries metadata already.
    """
    container = _container(path)
    parts = container.split(path)
    if parts.text is not None:
        raise ArtifactError(f"{path}: carries edgeall metadata already")
    document = metadata.to_dict()
    document["sha256"] = _identity(parts.payload, document)
    container.attach(path, json.dumps(document, ensure_ascii=True), metadata.decision.labels)
    return read(path)


def read(path: Path) -> Artifact:
    """Read and check an artifact, without any inference engine.

    Raises:
        ArtifactError: missing, not a model, without edgeall's metadata, or not what was once written.
    """
    container = _container(path)
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    parts = container.split(path)
    if parts.text is None:
        raise ArtifactError(
            f"{path}: carries no edgeall metadata (not made by edgeall, or truncated); make it with: edgeall export"
        )
    try:
        document = json.loads(parts.text)
        recorded = document.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ArtifactError(f"{path}: its metadata is damaged; export it again") from None
    if recorded != _identity(parts.payload, document):
        raise ArtifactError(
            f"{path}: its checksum does not match its content (damaged or altered); copy or export it again"
        )
    try:
        metadata = Metadata.from_dict(document)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    size = sum(file.stat().st_size for file in container.files(path))
    return Artifact(path, metadata, recorded, size)


def _identity(payload: str, document: dict[str, object]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{payload}\n{canonical}".encode()).hexdigest()


def _container(path: Path) -> Container:
    try:
        return CONTAINERS[path.suffix.lower()][1]
    except KeyError:
        raise ArtifactError(
            f"{path}: not an artifact; edgeall reads {', '.join(CONTAINERS)} (OpenVINO by its .xml)"
        ) from None
