"""A row of a set: what was found on one input."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from edgeall.cluster.inputs import Input
from edgeall.field import Classified, Failed
from edgeall.field.verdict import Outcome
from edgeall.values import dataclass

KILLS = "reading it ends the process (out of memory, or a fault of a library): not classified"


@dataclass(frozen=True)
class Row:
    """What was found on one input.

    Attributes:
        path: absolute, or a URL.
        size: bytes of the file; None where it could not be read.
        sha256: of these bytes, hexadecimal.
        decision: None where there is an error.
        label, probability, score: of the verdict; None without one. See `edgeall.field.Verdict`.
        reasons: why the picture is refused or, with a verdict, is doubtful.
        notes: of the image reader.
        error: why it could not be classified.
        model: SHA-256 of the artifact.
        time: when it was classified, UTC.
        ms: to decode, check and infer, in milliseconds.
    """

    path: str
    size: int | None
    sha256: str | None
    decision: Outcome | None
    label: str | None
    probability: float | None
    score: float | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    error: str | None
    model: str
    time: datetime
    ms: float | None


def row_of(
    result: Classified | Failed, size: int | None, sha256: str | None, model: str, now: datetime
) -> Row:
    """The row of an answer of `edgeall.field`."""
    if isinstance(result, Failed):
        return failed(Input(result.path), result.error, model, now, size, sha256)
    verdict = result.verdict
    return Row(
        result.path,
        size,
        sha256,
        result.decision,
        None if verdict is None else verdict.label,
        None if verdict is None else verdict.probability,
        None if verdict is None else verdict.score,
        result.doubts,
        result.notes,
        None,
        model,
        now,
        result.ms,
    )


def failed(
    given: Input, error: str, model: str, now: datetime, size: int | None = None, sha256: str | None = None
) -> Row:
    """The row of an input that has no answer."""
    return Row(given.path, size, sha256, None, None, None, None, (), (), error, model, now, None)


def table_of(rows: Sequence[Row]) -> Any:
    """An Arrow table with a column a field of `Row`."""
    import pyarrow as pa

    return pa.table(
        {
            name: pa.array([stored(getattr(row, name)) for row in rows], kind)
            for name, kind in _columns().items()
        }
    )


def stored(value: Any) -> Any:
    """Text as UTF-8 can hold it: bytes of names that are not UTF-8 become escape sequences."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, tuple):
        return [stored(each) for each in value]
    return value


def _columns() -> dict[str, Any]:
    """Arrow type by column, in order."""
    import pyarrow as pa

    text = pa.string()
    return {
        "path": text,
        "size": pa.int64(),
        "sha256": text,
        "decision": text,
        "label": text,
        "probability": pa.float64(),
        "score": pa.float64(),
        "reasons": pa.list_(text),
        "notes": pa.list_(text),
        "error": text,
        "model": text,
        "time": pa.timestamp("ms", "UTC"),
        "ms": pa.float64(),
    }
