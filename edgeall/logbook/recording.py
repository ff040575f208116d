"""Makes the entry of a picture from its bytes and the answer to it, for every command that decides."""

import hashlib
import platform
import sys

import numpy as np
import PIL

from edgeall import __version__
from edgeall.datasets.naming import parse_name
from edgeall.errors import EngineError
from edgeall.field import Classifier, Failed, Result
from edgeall.logbook.entries import (
    Clock,
    PictureEntry,
    Source,
    Station,
    plain_text,
    stamp,
    system_clock,
)
from edgeall.logbook.openflexure import capture_of
from edgeall.values import dataclass


@dataclass(frozen=True)
class Content:
    """The bytes that a decision is on.

    Attributes:
        mtime_ns: time of the file's last modification, nanoseconds since 1970; None without a file.
        sha256: of the bytes.
    """

    data: bytes
    mtime_ns: int | None
    sha256: str

    @classmethod
    def of(cls, data: bytes, mtime_ns: int | None = None) -> "Content":
        return cls(data, mtime_ns, hashlib.sha256(data).hexdigest())


def station_of(classifier: Classifier) -> Station:
    """What gives a classifier's answers.

    Raises:
        EngineError: it has not begun.
    """
    artifact, engine = classifier.artifact, classifier.engine
    if engine is None:
        raise EngineError(f"{artifact.path}: its engine is not loaded yet")
    return Station(
        plain_text(artifact.path.name),
        artifact.sha256,
        artifact.metadata.format,
        artifact.metadata.precision,
        engine.name,
        engine.version,
        {
            "edgeall": __version__,
            "python": ".".join(map(str, sys.version_info[:3])),
            "numpy": np.__version__,
            "pillow": PIL.__version__,
        },
        f"{platform.system()} {platform.machine()}",
        classifier.threads,
        classifier.force,
        classifier.cells,
    )


def entry_of(
    content: Content,
    result: Result | Failed,
    station: Station,
    *,
    path: str,
    folder: str | None,
    source: Source,
    clock: Clock = system_clock,
) -> PictureEntry:
    """The entry of a picture that was read, whether or not it could be decoded.

    Args:
        path: below `folder`, or any name where that is None.
    """
    answer, error = (
        (None, plain_text(result.error)) if isinstance(result, Failed) else (_answer(result), None)
    )
    return PictureEntry(
        time=stamp(clock()),
        source=source,
        folder=folder,
        path=path,
        sha256=content.sha256,
        size=len(content.data),
        mtime_ns=content.mtime_ns,
        station=station,
        answer=answer,
        error=error,
        subject=subject_of(path),
        capture=capture_of(content.data),
    )


def subject_of(path: str) -> str | None:
    """The person, where a file's name follows a published naming that has one."""
    parts = parse_name(path)
    return None if parts is None else parts.subject


def _answer(result: Result) -> dict[str, object]:
    """As `to_dict`, without the path, and with text that JSON can hold."""
    answer = {name: value for name, value in result.to_dict().items() if name != "path"}
    return answer | {"model": plain_text(result.model), "notes": [plain_text(note) for note in result.notes]}
