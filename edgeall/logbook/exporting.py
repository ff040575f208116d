"""A log as a CSV file for people, or as JSON Lines for programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from edgeall.csv_cells import harmless, visible
from edgeall.errors import UsageError
from edgeall.files import AnyPath, refuse_overwrite, replacing
from edgeall.logbook import storage
from edgeall.logbook.book import Logbook
from edgeall.logbook.entries import Entry, Kind, PictureEntry, Record
from edgeall.logbook.storage import Row

COLUMNS = (
    *("seq", "time", "kind", "folder", "path", "decision", "label", "probability", "score", "threshold"),
    *("quality", "domain", "notes", "error", "subject", "same_as", "sha256", "size", "model", "artifact"),
    *("engine", "engine_version", "edgeall", "scan", "x", "y", "z", "cells", "hash"),
)
"""Of a CSV file. `kind` is "removed" for a picture whose content was removed. `quality`, `domain` and `notes` hold
sentences, separated by "; "; `cells` those of a whole field, as JSON."""


def export(log: Logbook, path: AnyPath, *, overwrite: bool = False) -> int:
    """Write all entries, in order, to a .csv or .jsonl file, whole or not at all; returns their number.

    A line of JSON has `salt`, `commitment` and `hash` (hexadecimal), and `body`, the text that was committed to: the
    chain can be checked from the file alone. `salt` and `body` are null where the content was removed.

    Raises:
        UsageError: another suffix, or the file exists and not `overwrite`, or is the log itself.
        LogError: the log cannot be read.
        FileError: the file cannot be written.
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path}: name a {' or '.join(_WRITERS)} file for the log")
    refuse_overwrite(path, overwrite)
    log.refuse_itself(path)
    with replacing(path) as part:
        return write(log, part)


def _rows(log: Logbook) -> Iterator[Row]:
    with log.reading() as database:
        yield from map(log.sound, storage.rows(database, "ORDER BY seq"))


def _write_jsonl(log: Logbook, part: Path) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for count, row in enumerate(_rows(log), 1):  # noqa: B007
            line = {
                "seq": row.seq,
                "kind": row.kind,
                "salt": None if row.salt is None else row.salt.hex(),
                "body": row.body,
                "commitment": row.commitment.hex(),
                "hash": row.hash.hex(),
            }
            file.write(json.dumps(line) + "\n")
    return count


def csv_lines(records: Iterable[Record]) -> Iterator[str]:
    """The lines of a CSV file of some entries, with their headings: as `export` writes them, each with its line end."""
    yield _line(COLUMNS)
    for record in records:
        values = {"seq": record.seq, "kind": record.kind, "hash": record.hash, **_values(record.entry)}
        yield _line([harmless(visible(values.get(name))) for name in COLUMNS])


def _line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _write_csv(log: Logbook, part: Path) -> int:
    count = 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for count, row in enumerate(_rows(log), 1):  # noqa: B007
            yield Record(row.seq, cast(Kind, row.kind), log.entry(row), row.hash.hex())

    with part.open("w", encoding="utf-8", newline="") as file:
        file.writelines(csv_lines(counted()))
    return count


def _values(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"kind": "removed"}
    station = getattr(entry, "station", None)
    values = {name: value for name, value in vars(entry).items() if isinstance(value, str | int)}
    if station is not None:
        values |= {name: getattr(station, name) for name in ("model", "artifact", "engine", "engine_version")}
        values["edgeall"] = station.versions.get("edgeall")
    return values | _of_answer(entry) if isinstance(entry, PictureEntry) else values


def _of_answer(entry: PictureEntry) -> dict[str, Any]:
    answer = entry.answer or {}
    values = {name: answer.get(name) for name in ("decision", "label", "probability", "score", "threshold")}
    for name in ("quality", "domain"):
        values[name] = "; ".join((answer.get(name) or {}).get("reasons", ()))
    values["notes"] = "; ".join(answer.get("notes", ()))
    values["cells"] = json.dumps(answer["cells"]) if answer.get("cells") else None
    if entry.capture is not None:
        values |= {"scan": entry.capture.scan, **dict(zip("xyz", entry.capture.position or (), strict=False))}
    return values


_WRITERS = {".csv": _write_csv, ".jsonl": _write_jsonl}
