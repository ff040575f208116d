"""What a bench leaves in a run's folder: the results, and the raw records they were made from."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgeall import artifact, documents, files, reporting
from edgeall.benching import cost_figures
from edgeall.errors import EdgeallError, MeasurementError
from edgeall.measuring.records import FigureKey, Journal, Record

SCHEMA = 1


class Journals:
    """Records of finished jobs, in each run's `bench/<device>.records.jsonl`.

    Those of artifacts without a run are kept nowhere.
    """

    def __init__(self, folder_of: dict[str, Path], device: str) -> None:
        """`folder_of`: from an artifact's SHA-256 to its run's folder."""
        self._of = {
            sha256: Journal(folder / "bench" / f"{device}.records.jsonl")
            for sha256, folder in folder_of.items()
        }

    def read(self, note: Callable[[str], None]) -> dict[str, Record]:
        """All records by key; `note` is told of what is passed over."""
        return {key: record for path in self.paths for key, record in Journal(path).read(note).items()}

    @property
    def paths(self) -> list[Path]:
        return sorted({journal.path for journal in self._of.values()})

    @contextmanager
    def alone(self, note: Callable[[str], None]) -> Iterator[None]:
        """Keep other benches of these runs on this device waiting: two would slow each other down, and the later one
        would write results without the earlier one's."""
        with ExitStack() as held:
            for path in self.paths:
                waiting = (
                    f"another bench of {path.parent.parent} on this device is at work: waiting for its end"
                )
                held.enter_context(files.alone(path, partial(note, waiting)))
            yield

    def append(self, record: Record) -> None:
        if record.artifact in self._of:
            self._of[record.artifact].append(record)


class ResultFile:
    """A run's results on one device, `bench/<device>.json`.

    Raises:
        MeasurementError: there is a file that is damaged, or of another version, and it is not to be overwritten.
    """

    def __init__(self, run_folder: Path, device: str, overwrite: bool = False) -> None:
        self.path = run_folder / "bench" / f"{device}.json"
        self._exports = run_folder / "exports"
        try:
            self.earlier = self._read()
        except MeasurementError:
            if not overwrite:
                raise
            self.earlier = {}

    def figures(self) -> set[FigureKey]:
        """All that it holds, in whole or in part."""
        return _figures(self.earlier)

    def settled(self) -> set[FigureKey]:
        """What it holds without a failure."""
        failed = {
            FigureKey.of(entry["sha256"], entry["kind"], entry["threads"], entry.get("batch", 1))
            for entry in self.earlier.get("failures", [])
            if "kind" in entry
        }
        return self.figures() - failed

    def write(self, document: dict[str, Any], fresh: frozenset[str]) -> None:
        """Put results in; those of other exports that are still there stay. Untouched where nothing is new."""
        mine = {entry["sha256"] for key in ("results", "failures") for entry in document[key]}
        if self.earlier and not mine & fresh and _figures(document) <= self.settled():
            return
        for key in ("results", "failures"):
            stay = [entry for entry in self.earlier.get(key, []) if self._stays(entry, mine)]
            document[key] = stay + document[key]
        document["device"] = {**document["device"], "cards": cost_figures.cards(document["results"])}
        files.write_json(self.path, document)

    def _stays(self, entry: dict[str, Any], replaced: set[str]) -> bool:
        if entry["sha256"] in replaced:
            return False
        path = self._exports / Path(entry["artifact"]).name
        try:
            return bool(artifact.read(path).sha256 == entry["sha256"])
        except EdgeallError:
            return False

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            if (told := documents.build(_Told, document)).schema != SCHEMA:
                raise ValueError(f"its schema is {told.schema}, and this edgeall writes {SCHEMA}")
            reporting.merge([(str(self.path), document)])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError, MeasurementError) as error:
            why = str(error).removeprefix(f"{self.path}: ")
            raise MeasurementError(
                f"{self.path}: cannot be added to ({why}); move it away, or --overwrite to replace it"
            ) from None
        return dict(document)


@dataclass(frozen=True)
class _ToldBatch:
    batch: int


@dataclass(frozen=True)
class _ToldResult:
    artifact: str
    sha256: str
    threads: int
    batches: tuple[_ToldBatch, ...] = ()


@dataclass(frozen=True)
class _ToldFailure:
    artifact: str
    sha256: str
    kind: str | None = None
    threads: int | None = None
    batch: int = 1


@dataclass(frozen=True)
class _Told:
    """What a result file must hold to be added to, beside what a report reads of it."""

    schema: int
    device: dict[str, Any]
    environment: dict[str, Any]
    results: tuple[_ToldResult, ...]
    failures: tuple[_ToldFailure, ...]

    def __post_init__(self) -> None:
        told = [(result.sha256, result.threads) for result in self.results]
        if len(set(told)) < len(told):
            raise ValueError("an artifact has two results with as many threads")


def _figures(document: dict[str, Any]) -> set[FigureKey]:
    """What the results of a document tell."""
    found: set[FigureKey] = set()
    for row in document.get("results", []):
        sha256, threads = row["sha256"], row["threads"]
        found |= {FigureKey.of(sha256, kind, threads) for kind in ("accuracy", "memory", "latency")}
        found |= {FigureKey.of(sha256, "batch", threads, entry["batch"]) for entry in row.get("batches", [])}
        if row.get("instructions") is not None:
            found.add(FigureKey.of(sha256, "instructions", threads))
    return found
