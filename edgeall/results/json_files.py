"""Reading and writing bench results: JSON to `Document` and back, and the documents of one device merged."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall import documents
from edgeall.errors import MeasurementError, UsageError
from edgeall.files import AnyPath
from edgeall.results.device_bench import Bench
from edgeall.results.document import SCHEMA, Document, Result
from edgeall.statistics import Estimate

_KEYS = {"p99_9": "p99.9"}
"""Keys that are no Python names, by field."""

_FIELDS = {key: name for name, key in _KEYS.items()}


_OTHER = "not a result of this edgeall's bench (runs/RUN/bench/DEVICE.json)"


@dataclass(frozen=True)
class _ResultsSchema:
    schema: int


def load(paths: Iterable[AnyPath]) -> tuple[Bench, ...]:
    """Read result files, merged by device. What `edgeall report --json` wrote is read as the results it holds.

    Raises:
        UsageError: a file is missing or no JSON.
        MeasurementError: a file is no bench result; names the key at fault.
    """
    found: list[tuple[str, Any]] = []
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"{path}: no such file; make results with: edgeall bench")
        try:
            document = documents.load(path)
        except documents.DocumentError as error:
            raise UsageError(f"{path}: cannot be read as JSON ({error}); bench again") from None
        found += [(str(path), part) for part in _parts(path, document)]
    return merge(found)


def _parts(path: Path, document: Any) -> list[Any]:
    """The results that a file holds: itself, or those of a report."""
    inner = document.get("benches") if isinstance(document, dict) else None
    if not isinstance(inner, list):
        return [document]
    if not inner:
        raise UsageError(f"{path}: holds no results; make them with: edgeall bench")
    _check_schema(str(path), document)
    return inner


def _check_schema(source: str, document: Any) -> None:
    try:
        documents.check_schema(documents.build(_ResultsSchema, document | {"benches": None}).schema, SCHEMA)
    except documents.NewerSchemaError as error:
        raise MeasurementError(f"{source}: {error}") from None
    except ValueError as error:
        raise MeasurementError(f"{source}: {error}; {_OTHER}") from None


def merge(found: Sequence[tuple[str, Any]]) -> tuple[Bench, ...]:
    """Check JSON documents, each with a name for messages, and merge those of one device.

    Raises:
        MeasurementError: one is no bench result; names the key at fault.
    """
    devices: dict[tuple[str, str, bool], list[tuple[dict[str, Any], Document]]] = {}
    for source, document in found:
        read = build(source, document)
        parts = devices.setdefault((read.device.name, read.device.machine, read.device.emulated), [])
        if all(document != other for other, _ in parts):
            parts.append((document, read))
    return tuple(
        Bench(
            name,
            machine,
            emulated,
            _in_order([part.results for _, part in parts]),
            tuple(dict.fromkeys(failure for _, part in parts for failure in part.failures or ())),
            tuple(document for document, _ in parts),
        )
        for (name, machine, emulated), parts in sorted(devices.items(), key=lambda item: item[0])
    )


def build(source: str, document: Any, required: Collection[str] = ()) -> Document:
    """A document from its JSON; `source` names it in messages. Keys of later versions are ignored.

    Args:
        required: keys that must be there although older documents may lack them.

    Raises:
        MeasurementError: it is no bench result, or of another schema; names the key at fault.
    """
    try:
        # First: what a later schema says of other keys is not known.
        documents.check_schema(documents.build(_ResultsSchema, document).schema, SCHEMA)
        return documents.build(Document, _to_fields(document), required)
    except documents.NewerSchemaError as error:
        raise MeasurementError(f"{source}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise MeasurementError(f"{source}: {error}; {_OTHER}") from None


def to_json(value: Any) -> Any:
    """A document, or a part of one, as it is written: `SOMETIMES` fields are left out at their default."""
    if isinstance(value, Estimate):
        return value.to_dict()
    if dataclasses.is_dataclass(value):
        return {
            _KEYS.get(field.name, field.name): to_json(inner)
            for field in dataclasses.fields(value)
            if not ((inner := getattr(value, field.name)) == field.default and "sometimes" in field.metadata)
        }
    if isinstance(value, Mapping):
        return {key: to_json(inner) for key, inner in value.items()}
    return [to_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def _in_order(every: Iterable[Sequence[Result]]) -> tuple[Result, ...]:
    found: list[Result] = []
    for results in every:
        # A result that stands in two files was still measured once.
        found += [result for result in results if result not in found]
    return tuple(sorted(found, key=_order))


def _order(r: Result) -> tuple[object, ...]:
    return r.backbone, r.run or "", r.format, r.precision != "float32", r.precision, r.threads


def _to_fields(value: Any) -> Any:
    """JSON by fields' names, less control characters: a name may come from a stranger's file, and reach a terminal."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(char for char in value if char.isprintable())
    if isinstance(value, Mapping):
        return {_FIELDS.get(key) or _to_fields(key): _to_fields(inner) for key, inner in value.items()}
    return [_to_fields(inner) for inner in value] if isinstance(value, list | tuple) else value
