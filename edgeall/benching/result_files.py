"""What a bench leaves in a run's folder: the results, and the raw records they were made from."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from edgeall import artifact, documents, files, results
from edgeall.benching import cost_figures
from edgeall.benching.results_from_records import Measured, contradicts
from edgeall.errors import EdgeallError, MeasurementError
from edgeall.measuring.records import FigureKey, Journal, Record
from edgeall.results import Document, Failure, Result


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
        """All records by key; `note` gets a line for each that is passed over."""
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

    Attributes:
        earlier: what it holds; None where there is no such file.

    Raises:
        MeasurementError: there is a file that is damaged, or of another version, and it is not to be overwritten.
    """

    def __init__(self, run_folder: Path, device: str, overwrite: bool = False) -> None:
        self.path = run_folder / "bench" / f"{device}.json"
        self.earlier: Document | None = None
        self._exports = run_folder / "exports"
        self._json: dict[str, Any] = {}
        try:
            self._read()
        except MeasurementError:
            if not overwrite:
                raise

    def figures(self) -> set[FigureKey]:
        """All that it holds, in whole or in part."""
        return set() if self.earlier is None else _figures(self.earlier)

    def corruption_images(self) -> dict[str, int]:
        """By artifact (SHA-256) how many images were asked for, of those that were corrupted."""
        found = () if self.earlier is None else self.earlier.results
        return {each.sha256 or "": each.corruptions.most for each in found if each.corruptions is not None}

    def settled(self) -> set[FigureKey]:
        """What it holds without a failure."""
        failures = () if self.earlier is None else self.earlier.failures or ()
        return self.figures() - {
            FigureKey.of(each.sha256, each.kind, each.threads, each.batch or 1, each.change or "")
            for each in failures
            if each.sha256 is not None and each.kind is not None and each.threads is not None
        }

    def contradicts(self, m: Measured) -> bool:
        """Whether it holds settled figures of the same artifact and threads that are of other measurements."""
        return self.earlier is not None and any(
            contradicts(each, m, self.settled())
            for each in self.earlier.results
            if (each.sha256, each.threads) == (m.accuracy.artifact, m.threads)
        )

    def with_checks(self, document: Document) -> Document:
        """The document with the cross-checks that it holds, of results without one whose rounds are the same."""
        earlier = {} if self.earlier is None else {(r.sha256, r.threads): r for r in self.earlier.results}

        def checked(result: Result) -> Result:
            before = earlier.get((result.sha256, result.threads))
            if result.cross_check is not None or before is None or result.latency_ms is None:
                return result
            same = before.latency_ms is not None and before.latency_ms.rounds == result.latency_ms.rounds
            return replace(result, cross_check=before.cross_check) if same else result

        return replace(document, results=tuple(checked(result) for result in document.results))

    def write(self, document: Document, fresh: frozenset[str], keep_machine: bool = False) -> None:
        """Add results. Those of other exports that are still there stay as they are, with keys of other versions.

        The file is untouched where nothing is new.

        Args:
            fresh: SHA-256 of artifacts with anything new.
            keep_machine: the earlier device and environment stay, too.

        Raises:
            MeasurementError: it would be larger than what is read back. The file is untouched.
        """
        mine = {result.sha256 for result in document.results}
        mine |= {failure.sha256 for failure in document.failures or ()}
        if self.earlier is not None and not mine & fresh and _figures(document) <= self.settled():
            return
        written: dict[str, Any] = results.to_json(document)
        if self.earlier is not None and keep_machine:
            written |= {key: self._json[key] for key in ("device", "environment")}
        stay = (
            [] if self.earlier is None else [each for each in self.earlier.results if self._stays(each, mine)]
        )
        written["device"] |= {"cards": results.to_json(cost_figures.cards([*stay, *document.results]))}
        for key in ("results", "failures"):
            entries = () if self.earlier is None else getattr(self.earlier, key)
            # The JSON as it was read: it may have keys that this version does not know.
            kept = zip(entries, self._json.get(key, ()), strict=True)
            written[key] = [each for entry, each in kept if self._stays(entry, mine)] + written[key]
        try:
            documents.check_size(written)
        except documents.DocumentError as error:
            raise MeasurementError(
                f"{self.path}: not written: it would be {error}, which is not read back; what was measured is kept: "
                "bench with fewer --threads or artifacts, or on fewer images with --data"
            ) from None
        files.write_json(self.path, written)

    def _stays(self, entry: Result | Failure, replaced: set[str | None]) -> bool:
        if entry.sha256 in replaced:
            return False
        try:
            return bool(artifact.read(self._exports / Path(entry.artifact).name).sha256 == entry.sha256)
        except EdgeallError:
            return False

    def _read(self) -> None:
        if not self.path.exists():
            return
        try:
            self._json = documents.load(self.path)
            self.earlier = results.build(
                "it", self._json, required=("device", "environment", "results", "failures")
            )
            keys = [(result.sha256, result.threads) for result in self.earlier.results]
            if None in dict(keys) or len(set(keys)) < len(keys):
                raise ValueError("an artifact has no SHA-256, or two results with as many threads")
        except (ValueError, MeasurementError) as error:
            self.earlier, self._json = None, {}
            raise MeasurementError(
                f"{self.path}: cannot be added to ({error}); move it away, or --overwrite to replace it"
            ) from None


def _figures(document: Document) -> set[FigureKey]:
    """What the results of a document hold."""
    found: set[FigureKey] = set()
    for result in document.results:
        sha256, threads = result.sha256 or "", result.threads
        found |= {FigureKey.of(sha256, kind, threads) for kind in ("accuracy", "memory", "latency")}
        found |= {FigureKey.of(sha256, "batch", threads, batch.batch) for batch in result.batches or ()}
        if result.counted is not None:
            found.add(FigureKey.of(sha256, "instructions", threads))
        if result.corruptions is not None:
            changes = (point.change for point in result.corruptions.every)
            found |= {FigureKey.of(sha256, "corruption", threads, change=change) for change in changes}
    return found
