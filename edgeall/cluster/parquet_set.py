"""A partitioned Parquet set of rows: a folder with one file a part, each whole or absent, and the job's description.

A part that is there is not made again. The folder belongs to one job: the same artifact, options, version of edgeall
and list of inputs. Names that begin with "_" are left out by readers of Parquet sets.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, field
from pathlib import Path
from typing import Any, NoReturn

from edgeall import documents
from edgeall.cluster.inputs import Part
from edgeall.cluster.rows import stored
from edgeall.errors import FileError, UsageError
from edgeall.field.counts import Counts
from edgeall.files import alone, replacing, write_json
from edgeall.values import dataclass

SUFFIX = ".parquet"
JOB = "_job.json"
SCHEMA = 1
_LOCK = "_lock"
_EMPTYING = "_emptying"
"""File that is there while rows are removed: a call that is killed meanwhile leaves none to the next one."""

_PART = re.compile(r"part-\d{8}-[0-9a-f]{16}\.parquet")


@dataclass(frozen=True)
class Job:
    """What the rows of a set depend on, beside the pictures.

    Attributes:
        edgeall: version.
        artifact: SHA-256.
        model: file name of the artifact.
        listing: fingerprint of the inputs, see `edgeall.cluster.inputs.Listing`.
        inputs: number of rows of the whole set.
        part_inputs: rows of each part but the last.
    """

    edgeall: str
    artifact: str
    model: str
    force: bool
    listing: str
    inputs: int
    part_inputs: int
    schema: int = SCHEMA

    @property
    def parts(self) -> int:
        return -(-self.inputs // self.part_inputs)


_DIFFERENCES = {
    "edgeall": "by another version of edgeall",
    "artifact": "of another artifact",
    "model": "of an artifact of another name",
    "force": "with another choice of --force",
    "listing": "of other inputs, or in another order",
    "inputs": "of other inputs",
    "part_inputs": "in parts of another size",
    "schema": "by another version of edgeall",
}


@dataclass(frozen=True)
class Census:
    """All rows of a set.

    Attributes:
        refusals, errors: number of rows by reason, without figures and names.
    """

    counts: Counts
    refusals: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the counts, refusals, errors."""
        return self.counts.to_dict() | {"refusals": dict(self.refusals), "errors": dict(self.errors)}


class ParquetSet:
    """The set at `path`, while it is being made."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path, self.job = path, job

    def has(self, part: Part) -> bool:
        """Whether the rows of a part are there."""
        return (self._path / part.name).is_file()

    def missing(self) -> int:
        """Number of rows of the parts that are not there."""
        size, inputs = self.job.part_inputs, self.job.inputs
        there = {int(file.name.split("-")[1]) for file in self._files()}
        return inputs - sum(min(size, inputs - number * size) for number in there)

    def _files(self) -> list[Path]:
        return sorted(file for file in self._path.iterdir() if _PART.fullmatch(file.name))

    def write(self, part: Part, tables: Sequence[Any]) -> None:
        """Write the rows of a part, which come as Arrow tables (see `table_of`), in order.

        Raises:
            FileError: they cannot be written; the file is absent.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(tables).combine_chunks()
        if table["path"].to_pylist() != [stored(each.path) for each in part.inputs]:
            raise AssertionError(f"{part.name}: rows are not those of its inputs")
        with replacing(self._path / part.name) as file:
            pq.write_table(table, file, compression="zstd")

    def census(self) -> Census:
        """Counts of all rows that are there, which are read again.

        Raises:
            UsageError: the set is not whole: a file was altered or removed.
        """
        import pyarrow.parquet as pq

        census, rows = Census(Counts()), 0
        for file in self._files():
            try:
                table = pq.read_table(file, columns=["path", "decision", "reasons", "error"])
            except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
                raise UsageError(
                    f"{file}: not a whole part ({' '.join(str(error).split())}): remove it, and run the same "
                    "command again"
                ) from None
            rows += table.num_rows
            _count(census, table)
        if rows != self.job.inputs:
            raise UsageError(
                f"{self._path} has {rows} rows of {self.job.inputs} inputs: files were added or removed; "
                "--overwrite begins anew"
            )
        return census


@contextmanager
def parquet_set(path: Path, job: Job, *, overwrite: bool = False) -> Iterator[ParquetSet]:
    """The set at `path` for a job; an unfinished one of the same job is gone on with.

    Args:
        overwrite: remove the rows of another job, and those of a set that is whole.

    Raises:
        UsageError: there is a set of another job, and not `overwrite`; a folder with other files, or no folder; or
            another process is writing it.
        FileError: it cannot be written.
    """
    path = Path(path)
    if os.path.lexists(path) and not path.is_dir():
        raise UsageError(f"{path} is no folder: name another folder for the rows")
    with ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_alone(path))
            _prepare(path, job, overwrite)
        except OSError as error:
            raise FileError(path, error.strerror or str(error)) from None
        yield ParquetSet(path, job)


def _prepare(path: Path, job: Job, overwrite: bool) -> None:
    file = path / JOB
    # What a killed process was writing.
    for each in path.glob(f".part-*{SUFFIX}"):
        each.unlink()
    if (path / _EMPTYING).exists():
        _empty(path)
    if not file.exists():
        others = [
            each.name for each in path.iterdir() if each.name != _LOCK and not each.name.startswith(".")
        ]
        if others:
            raise UsageError(
                f"{path} has files of something else ({others[0]}): name another folder for the rows"
            )
        write_json(file, asdict(job))
        return
    try:
        before = documents.read(Job, file)
    except documents.DocumentError as error:
        before, why = None, f"its {JOB} cannot be read ({error})"
    else:
        why = next(
            (
                f"it has rows {words}"
                for name, words in _DIFFERENCES.items()
                if getattr(before, name) != getattr(job, name)
            ),
            "",
        )
    # An unfinished set of the same job is gone on with, also one that was being overwritten.
    if before == job and not (overwrite and ParquetSet(path, job).missing() <= 0):
        return
    if not overwrite:
        raise UsageError(f"{path}: {why}: name another folder, or --overwrite to begin anew")
    # The old job's rows go first, so that they never stand beside the new one's description.
    _empty(path)
    write_json(file, asdict(job))


def _empty(path: Path) -> None:
    """Remove all rows."""
    (path / _EMPTYING).touch()
    for each in path.glob(f"part-*{SUFFIX}"):
        each.unlink()
    (path / _EMPTYING).unlink()


def _alone(path: Path) -> AbstractContextManager[int]:
    """No other process writes the set meanwhile."""

    def refuse() -> NoReturn:
        raise UsageError(f"{path} is being written by another process: give another name, or wait") from None

    return alone(path / _LOCK, refuse)


def _count(census: Census, table: Any) -> None:
    """Add a part. Most rows are counted without becoming Python's objects."""
    import pyarrow.compute as pc

    counts = census.counts
    for found in pc.value_counts(table["decision"].drop_null()).to_pylist():
        counts.decisions[found["values"]] += found["counts"]
        counts.answered += found["counts"]
    for row in table.filter(pc.equal(table["decision"], "refuse")).to_pylist():
        census.refusals.update(map(_kind, row["reasons"]))
    for row in table.filter(table["error"].is_valid()).to_pylist():
        counts.unreadable += 1
        census.errors[_kind(row["error"].removeprefix(f"{row['path']}: "))] += 1


def _kind(reason: str) -> str:
    """A reason without its figures: what stands before a colon or bracket."""
    return reason.partition(": ")[0].partition(" (")[0]
