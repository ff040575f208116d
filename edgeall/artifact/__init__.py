"""The contract: a model file that says what it is. Both halves of edgeall import it; it imports neither.

`seal` writes the metadata into a model file together with a SHA-256 over payload and metadata; `read` checks it, so
that a truncated download or an edited threshold is noticed before an engine sees the file. The digest detects
accidents and careless edits; it is no signature against somebody who can recompute it.
"""

import hashlib
import json
from pathlib import Path

from edgeall import documents
from edgeall.artifact.containers import LABELS_FILE, Container, Parts, container_of
from edgeall.artifact.domain import Domain
from edgeall.artifact.golden import Golden
from edgeall.artifact.metadata import (
    INTENDED_USE,
    PRECISIONS,
    SCHEMA,
    Calibration,
    Decision,
    GateOutcome,
    Metadata,
    Noise,
    Parity,
    Precision,
    Provenance,
    ShiftAgreement,
    TensorInfo,
    Tensors,
    newer,
)
from edgeall.artifact.person_cut import PersonCut
from edgeall.artifact.shares import Share
from edgeall.artifact.tested import ClassTest, TestFigures
from edgeall.engines import BY_SUFFIX, ENGINES, FORMATS, Format
from edgeall.errors import ArtifactError
from edgeall.files import AnyPath
from edgeall.values import dataclass

__all__ = [
    "FORMATS",
    "INTENDED_USE",
    "LABELS_FILE",
    "PRECISIONS",
    "Artifact",
    "Calibration",
    "ClassTest",
    "Decision",
    "Domain",
    "Format",
    "GateOutcome",
    "Golden",
    "Metadata",
    "Noise",
    "Parity",
    "PersonCut",
    "Precision",
    "Provenance",
    "Share",
    "ShiftAgreement",
    "TensorInfo",
    "Tensors",
    "TestFigures",
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


def is_artifact_name(path: AnyPath) -> bool:
    """Whether a file's suffix is one of an artifact's."""
    path = Path(path)
    return path.suffix.lower() in BY_SUFFIX


def suffix_of(format: Format) -> str:
    """The file suffix of a format, with its dot."""
    return ENGINES[format].suffix


def files_of(path: AnyPath) -> tuple[Path, ...]:
    """All files of the artifact at `path`, the named one first."""
    path = Path(path)
    return container_of(path).files(path)


def seal(path: AnyPath, metadata: Metadata) -> Artifact:
    """Write `metadata` into the bare model file at `path`, in place, and return the artifact.

    Raises:
        ArtifactError: the file is not a model of its suffix's format, or carries metadata already.
    """
    from edgeall.artifact import usage

    path = Path(path)
    container = container_of(path)
    parts = _split(container, path)
    if parts.text is not None:
        raise ArtifactError(f"{path}: carries edgeall metadata already")
    if metadata.format != BY_SUFFIX[path.suffix.lower()].format:
        raise ArtifactError(f"{path}: its suffix is not that of an artifact in {metadata.format} format")
    try:
        document = metadata.to_dict() | {usage.USAGE: usage.rule(metadata)}
        text = _text(document, _identity(parts.payload, document))
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: its metadata cannot be written as JSON ({error})") from None
    try:
        container.attach(path, text, metadata.decision.labels)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror or error})") from None
    return read(path)


def read(path: AnyPath) -> Artifact:
    """Read and check an artifact, without any inference engine.

    Raises:
        ArtifactError: missing, not a model, without edgeall's metadata, or not what was once written.
    """
    path = Path(path)
    container = container_of(path)
    try:
        if not path.is_file():
            raise ArtifactError(f"{path}: no such file")
    except OSError as error:
        raise _unreadable(path, error) from None
    parts = _split(container, path)
    if parts.text is None:
        raise ArtifactError(
            f"{path}: carries no edgeall metadata (not made by edgeall, or truncated); make it with: edgeall export"
        )
    try:
        document = documents.parse(parts.text)
        recorded = document.pop("sha256")
        from_the_future = document["schema"] > SCHEMA
        # Exactly as it was written: a space more or less is an edit too.
        whole = parts.text == _text(document, recorded) and recorded == _identity(parts.payload, document)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise ArtifactError(f"{path}: its metadata is damaged; export it again") from None
    if from_the_future:
        raise ArtifactError(f"{path}: {newer(document['schema'])}")
    if not whole:
        raise ArtifactError(
            f"{path}: its checksum does not match its content (damaged or altered); copy or export it again"
        )
    try:
        metadata = Metadata.from_dict(document)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}") from None
    if metadata.format != BY_SUFFIX[path.suffix.lower()].format:
        raise ArtifactError(f"{path}: its suffix is not that of an artifact in {metadata.format} format")
    if parts.labels not in (None, metadata.decision.labels):
        raise ArtifactError(f"{path}: its labels.txt is not that of its metadata; copy or export it again")
    try:
        size = sum(file.stat().st_size for file in container.files(path))
    except OSError as error:
        raise _unreadable(path, error) from None
    return Artifact(path, metadata, recorded, size)


def _split(container: Container, path: Path) -> Parts:
    try:
        return container.split(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ArtifactError:
    return ArtifactError(f"{path}: cannot be read ({error.strerror or error})")


def _text(document: dict[str, object], sha256: str) -> str:
    return json.dumps(document | {"sha256": sha256}, ensure_ascii=True, allow_nan=False)


def _identity(payload: str, document: dict[str, object]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(f"{payload}\n{canonical}".encode()).hexdigest()
