"""Raw measurements as they leave a device: one JSON object a line, one line a finished worker process."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from edgeall import documents
from edgeall.errors import MeasurementError
from edgeall.measuring import record_types

MAX_BYTES = 1 << 30
"""Largest journal that is read. Scores of corrupted images take 20 bytes an image and corruption."""

NOT_TRIED = "not tried: "
"""Begins the error of a record whose artifact had failed before; that error follows."""


class FigureKey(NamedTuple):
    """What is measured of an artifact in one or more rounds: what a later bench may add, and replaces when told to.

    Attributes:
        artifact: SHA-256 of the artifact.
        kind: as a `Record` has it.
        threads: None for accuracy and corruptions, of which an artifact has one whatever the threads.
        batch: images in one inference.
        change: what was done to the images, one of `corruptions.CHANGES`; "" for nothing.
    """

    artifact: str
    kind: str
    threads: int | None
    batch: int
    change: str = ""

    @classmethod
    def of(cls, artifact: str, kind: str, threads: int, batch: int = 1, change: str = "") -> "FigureKey":
        """Of a job or a record."""
        return cls(artifact, kind, None if kind in ("accuracy", "corruption") else threads, batch, change)


@dataclass(frozen=True)
class Record:
    """What one worker process measured, or why it could not.

    Attributes:
        key: identity of the job and of all that its result depends on (`edgeall.measuring.plan.key`).
        session: nanosecond mark shared by all that was measured in one go; rounds pair up only within one.
        artifact: SHA-256 of the artifact.
        kind: "selftest", "accuracy", "memory", "latency", "batch", "instructions" or "corruption".
        result: raw figures of the kind; None where `error` tells why there are none.
        thermal: the machine's temperature, clock and throttling before and after the process.
        batch: images in one inference.
        change: what was done to the images, one of `corruptions.CHANGES`; "" for nothing.
    """

    key: str
    session: int
    artifact: str
    kind: str
    threads: int
    round: int
    result: dict[str, Any] | None
    error: str | None
    thermal: dict[str, Any]
    batch: int = 1
    change: str = ""


@dataclass(frozen=True)
class Start:
    """First word of a device, before anything is measured: what it is, and of all jobs in order (key, figure)."""

    session: int
    environment: dict[str, Any]
    jobs: tuple[tuple[str, FigureKey], ...]


@dataclass(frozen=True)
class AlreadyRecorded:
    """In place of a `Record` that the workstation has already."""

    key: str


@dataclass(frozen=True)
class EndOfMeasuring:
    """Last word of a device: its environment after measuring."""

    environment: dict[str, Any]


Message = Start | Record | AlreadyRecorded | EndOfMeasuring
_TYPES: dict[str, type[Message]] = {
    "start": Start,
    "record": Record,
    "kept": AlreadyRecorded,
    "end": EndOfMeasuring,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def to_line(message: Message) -> str:
    """One line of JSON, without its line end."""
    document = {"type": _NAMES[type(message)], **dataclasses.asdict(message)}
    return json.dumps(document, allow_nan=False, separators=(",", ":"))


def from_line(line: str) -> Message:
    """Rebuild from `to_line`'s output.

    Raises:
        MeasurementError: not one of the messages, or one that does not hold what it must.
    """
    try:
        return _message(documents.parse(line))
    except ValueError as error:
        raise MeasurementError(
            f"the device sent a line that is no measurement ({error}): {line[:80]!r}"
        ) from None


@dataclass(frozen=True)
class _MessageType:
    type: Literal["start", "record", "kept", "end"]


def _message(document: Any) -> Message:
    message = documents.build(_TYPES[documents.build(_MessageType, document).type], document)
    if isinstance(message, Record):
        record_types.check(message.kind, document)
    return message


class Journal:
    """Finished records of a bench, kept beside its result so that an interrupted one goes on where it was.

    A line is written and flushed as each worker ends. What a crash left half-written, or is no sound record for another
    reason, is passed over when read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, note: Callable[[str], None] = lambda text: None) -> dict[str, Record]:
        """Successful records by key; the latest where a key comes twice. `note` is told of lines that are none.

        Raises:
            MeasurementError: it is larger than `MAX_BYTES`.
        """
        if not self.path.is_file():
            return {}
        if self.path.stat().st_size > MAX_BYTES:
            raise MeasurementError(
                f"{self.path}: larger than {MAX_BYTES >> 20} MiB; remove it, and bench again"
            )
        found = {}
        for number, line in enumerate(self._lines(), start=1):
            if line == b"\n":
                continue
            try:
                if len(line) > documents.MAX_BYTES:
                    raise ValueError("too long")
                message = _message(documents.parse(line.decode(errors="replace")))
                if not isinstance(message, Record) or message.error is not None:
                    raise ValueError("not a finished measurement")
            except ValueError as error:
                note(f"{self.path}: line {number} is passed over, and measured again where needed ({error})")
            else:
                found[message.key] = message
        return found

    def _lines(self) -> Iterator[bytes]:
        """Its lines with their ends, and what is too long in pieces."""
        with self.path.open("rb") as file:
            while line := file.readline(documents.MAX_BYTES + 1):
                yield line

    def append(self, record: Record) -> None:
        """Add a record; one that reports an error is not kept, because it is to be tried again."""
        if record.error is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            # A half-written last line must not swallow this one.
            if file.tell() and self._last_byte(file) != b"\n":
                file.write(b"\n")
            file.write(to_line(record).encode() + b"\n")

    @staticmethod
    def _last_byte(file: Any) -> bytes:
        file.seek(-1, 2)
        return bytes(file.read(1))
