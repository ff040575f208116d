"""What the log holds: one type for each kind of entry. Their fields are the keys of an entry's JSON."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from edgeall import documents
from edgeall.values import dataclass

if TYPE_CHECKING:
    from edgeall.field import Failed, Result

Kind = Literal["picture", "change", "removal", "archive"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Source = Literal["watch", "serve"]
"""The command that an entry comes from."""

Clock = Callable[[], datetime]
"""The time now, with its zone."""


@dataclass(frozen=True)
class Station:
    """What gives the answers: the model, the engine and the kit, with the settings of the call.

    Attributes:
        model: file name of the artifact.
        artifact: its SHA-256, as in its metadata.
        format, precision: of the artifact.
        engine, engine_version: the distribution that computes.
        versions: of edgeall, Python, NumPy and Pillow.
        machine: operating system and processor architecture, such as "Linux aarch64".
        threads, force, cells: as in `classify`.
    """

    model: str
    artifact: str
    format: str
    precision: str
    engine: str
    engine_version: str
    versions: dict[str, str]
    machine: str
    threads: int
    force: bool
    cells: bool

    def gives_the_same(self, other: "Station") -> bool:
        """Whether both give equal answers to equal bytes: all is equal beside the artifact's file name."""
        return {**vars(self), "model": ""} == {**vars(other), "model": ""}


@dataclass(frozen=True)
class Capture:
    """What an OpenFlexure microscope wrote into a picture.

    Attributes:
        scan: name or identifier of the scan.
        position: of the stage: x, y, z, in its steps.
        matrix: 2 x 2, from pixels (y, x) to steps of the stage (x, y), by the microscope's calibration.
        um_per_px: micrometres a pixel.
        document: all that it wrote.
    """

    scan: str | None
    position: tuple[float, float, float] | None
    matrix: tuple[tuple[float, float], tuple[float, float]] | None
    um_per_px: float | None
    document: dict[str, Any]


@dataclass(frozen=True)
class PictureEntry:
    """One picture, and the answer to it or why there is none.

    Attributes:
        time: of the decision, UTC, ISO 8601. The order of entries is that of their numbers: a clock can be set back.
        source: the command that decided.
        folder: the watched folder, absolute; None for a picture that came otherwise, such as from a browser.
        path: below the folder, with "/"; see `path_text`.
        sha256: of the bytes that were decided on; None where none could be read.
        size: of these bytes; None as `sha256`.
        mtime_ns: time of the file's last modification, nanoseconds since 1970; None without a file.
        station: what gave the answer.
        answer: `Classified.to_dict` or `FieldAnswer.to_dict` without "path"; None where the picture cannot be read.
        error: why it cannot be read; None with an answer.
        subject: the person, where the file's name follows a published naming.
        same_as: number of the earlier entry of the same bytes under another name, whose answer this is; else None.
        capture: what an OpenFlexure microscope wrote into the picture; None without that.
    """

    time: str
    source: Source
    folder: str | None
    path: str
    sha256: str | None
    size: int | None
    mtime_ns: int | None
    station: Station
    answer: dict[str, Any] | None
    error: str | None = None
    subject: str | None = None
    same_as: int | None = None
    capture: Capture | None = None

    @property
    def result(self) -> "Result | Failed":
        """The answer as classification gave it; its path is the file's.

        Raises:
            DocumentError: the answer is not one.
        """
        from edgeall.field import Classified, Failed
        from edgeall.field.field_answers import FieldAnswer

        path = self.path if self.folder is None else f"{self.folder}/{self.path}"
        if self.answer is None:
            return Failed(path, self.error or "")
        kind = FieldAnswer if "cells" in self.answer else Classified
        return kind.from_dict(self.answer | {"path": path})

    @property
    def decision(self) -> str | None:
        """The decision on the picture; None for a whole field that is not refused, and without an answer."""
        return None if self.answer is None else self.answer.get("decision")


@dataclass(frozen=True)
class ChangeEntry:
    """What gives the answers from here on: the first entry of a source, and each change of model, kit or settings.

    Attributes:
        changed: names of `Station`'s fields that differ from those before; all of them in a first entry.
    """

    time: str
    source: Source
    folder: str | None
    station: Station
    changed: tuple[str, ...]


@dataclass(frozen=True)
class RemovalEntry:
    """The contents of earlier entries were removed. What they were is not told here.

    Attributes:
        by: whether a person or a path was named.
        entries: numbers of the entries.
        reason: as given by who removed them; empty where nothing was given.
        known: `storage.digest_of_known` from here on; None in entries of earlier versions.
    """

    time: str
    by: Literal["subject", "path"]
    entries: tuple[int, ...]
    reason: str
    known: str | None = None


@dataclass(frozen=True)
class ArchiveEntry:
    """The first entries of the log were moved into a file of their own, which is a log too.

    Attributes:
        file: name of the file, without its folder.
        last: number of the last entry that was moved.
        head: hash of that entry, hexadecimal: the next entry is chained to it.
        entries: number of entries that were moved.
        known: as of `RemovalEntry`.
    """

    time: str
    file: str
    last: int
    head: str
    entries: int
    known: str | None = None


Entry = PictureEntry | ChangeEntry | RemovalEntry | ArchiveEntry

KIND_OF: dict[type[Any], Kind] = {
    PictureEntry: "picture",
    ChangeEntry: "change",
    RemovalEntry: "removal",
    ArchiveEntry: "archive",
}
TYPE_OF: dict[str, type[Any]] = {kind: type_ for type_, kind in KIND_OF.items()}


@dataclass(frozen=True)
class Record:
    """An entry in its place in the log.

    Attributes:
        seq: its number; the first is 1, and none is left out.
        entry: None where the content was removed.
        hash: of the chain up to here, hexadecimal.
    """

    seq: int
    kind: Kind
    entry: Entry | None
    hash: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: seq, kind, hash, and the entry's own keys, or removed."""
        content = {"removed": True} if self.entry is None else documents.plain(self.entry)
        return {"seq": self.seq, "kind": self.kind, "hash": self.hash, **content}


@dataclass(frozen=True)
class Head:
    """The last entry of a log. Who notes it down can show later that nothing before was changed or cut off."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


def system_clock() -> datetime:
    """The system's time, UTC."""
    return datetime.now(UTC)


def stamp(time: datetime) -> str:
    """A time as the log has it: UTC, ISO 8601, microseconds. Texts of equal length, which sort as the times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def path_text(path: str | os.PathLike[str]) -> str:
    r"""A path as text that is JSON: "\" becomes "\\", and a byte that is not UTF-8 becomes "\xff".

    Different paths have different texts.
    """
    return os.fsencode(path).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def path_of(text: str) -> str:
    """The path that `path_text` wrote as a text, for the system's functions."""
    escaped = re.sub(rb"\\(?:\\|x([0-9a-f]{2}))", _byte, text.encode())
    return os.fsdecode(escaped)


def _byte(found: "re.Match[bytes]") -> bytes:
    return b"\\" if found[1] is None else bytes.fromhex(found[1].decode())


def plain_text(text: str) -> str:
    """Any text, such as an error with a file's name in it, without the half characters that JSON cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()
