"""What a bench leaves in a run's folder: the results, and the raw records they were made from."""

import json
from pathlib import Path
from typing import Any

from edgeall import artifact, files
from edgeall.benching import costs
from edgeall.errors import EdgeallError
from edgeall.measuring.records import Figure, Journal, Record

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

    def read(self) -> dict[str, Record]:
        """All records by key."""
        journals = {journal.path: journal for journal in self._of.values()}
        return {key: record for journal in journals.values() for key, record in journal.read().items()}

    def append(self, record: Record) -> None:
        if record.artifact in self._of:
            self._of[record.artifact].append(record)


class ResultFile:
    """A run's results on one device, `bench/<device>.json`."""

    def __init__(self, run_folder: Path, device: str) -> None:
        self.path = run_folder / "bench" / f"{device}.json"
        self._exports = run_folder / "exports"
        self.earlier = self._read()

    def figures(self) -> set[Figure]:
        """All that it holds, in whole or in part."""
        return _figures(self.earlier)

    def settled(self) -> set[Figure]:
        """What it holds without a failure."""
        failed = {
            Figure.of(entry["sha256"], entry["kind"], entry["threads"], entry.get("batch", 1))
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
        document["device"] = {**document["device"], "cards": costs.cards(document["results"])}
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
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) and document.get("schema") == SCHEMA else {}


def _figures(document: dict[str, Any]) -> set[Figure]:
    """What the results of a document tell."""
    found: set[Figure] = set()
    for row in document.get("results", []):
        sha256, threads = row["sha256"], row["threads"]
        found |= {Figure.of(sha256, kind, threads) for kind in ("accuracy", "memory", "latency")}
        found |= {Figure.of(sha256, "batch", threads, entry["batch"]) for entry in row.get("batches", [])}
        if row.get("instructions") is not None:
            found.add(Figure.of(sha256, "instructions", threads))
    return found
