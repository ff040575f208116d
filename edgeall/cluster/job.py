"""A job: every input of a listing classified by workers, and its rows written to a set.

Inputs are cut twice. A part is one file of the set, and the same in every call, so that a later call goes on with the
parts that are missing. A task is a piece of a part that takes a few seconds by what tasks before it took.

Where workers end under a task, its two halves are tried, until one input is left; that one is read in a process of its
own (`alone.py`). An input that ends processes thereby gets a row with an error, and all others get theirs.
"""

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeall import __version__
from edgeall.artifact import Artifact
from edgeall.cluster import inputs
from edgeall.cluster.alone import classify_alone
from edgeall.cluster.inputs import Listing, Part, survey
from edgeall.cluster.parquet_set import Census, Job, ParquetSet, parquet_set
from edgeall.cluster.scheduler import connect
from edgeall.cluster.tasks import Cluster, Completed, Shared, Task, WorkersKilled
from edgeall.cluster.work import Done, Model, classify_inputs, model_of
from edgeall.errors import ClusterError, UsageError
from edgeall.files import AnyPath
from edgeall.progress import SILENT, Advance, Progress
from edgeall.values import dataclass

TASK_SECONDS = 2.0
"""What a task should take: long beside what a task costs, short beside what is lost with a worker."""

FIRST_INPUTS = 16
"""Inputs of the first tasks, when nothing is known of how long one takes."""

AHEAD = 3
"""Tasks that are submitted for each that can run at once: no worker waits for this process."""

_REFRESH_SECONDS = 5.0
_TELL_SECONDS = 30.0
_MOST_DEATHS = 25
"""How often workers may end, four at a time, while one input has a process of its own."""


@dataclass(frozen=True)
class Piece:
    """Inputs of a part from `start` to before `stop`, for one task."""

    part: Part
    start: int
    stop: int
    alone: bool = False
    deaths: int = 0

    @property
    def inputs(self) -> int:
        return self.stop - self.start

    def smaller(self) -> "tuple[Piece, ...]":
        """What to try after workers have ended under this one.

        Raises:
            ClusterError: they end again and again while the input is in a process of its own.
        """
        if self.inputs > 1:
            middle = (self.start + self.stop) // 2
            return replace(self, stop=middle), replace(self, start=middle)
        if self.deaths == _MOST_DEATHS:
            path = self.part.inputs[self.start].path
            raise ClusterError(
                f"workers end before one picture is read ({path}): give them more memory, and run the same "
                "command again"
            )
        return (replace(self, alone=True, deaths=self.deaths + 1),)


def classify_to_set(
    artifact: Artifact,
    sources: Sequence[AnyPath],
    path: AnyPath,
    *,
    scheduler: str | None = None,
    threads: int = 1,
    force: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> tuple[Census, Listing]:
    """Classify pictures by the workers of a Dask scheduler, or by threads of this process, into a Parquet set.

    A call after an interruption goes on with the parts that are missing.

    Args:
        sources: files, folders and patterns as of `edgeall.field.classify`; URLs; text files (.txt) with a path or URL
            a line.
        path: the folder of the set.
        threads: of each engine.
        force: give a verdict on pictures that would be refused.
        overwrite: replace a set of another job, or one that is whole.

    Raises:
        UsageError: no source, or one that cannot be used, or that changes meanwhile; see `parquet_set`.
        MissingExtraError, ClusterError: see `connect`.
        EngineError, SelftestError: of a worker.
    """
    if not sources:
        raise UsageError("no image given: name files, folders, URLs, or text files with lists of them")
    with progress.stage("listing pictures", 1) as advance:
        listing = survey([os.fspath(source) for source in sources])
        advance(1)
    job = Job(
        __version__,
        artifact.sha256,
        artifact.path.name,
        force,
        listing.fingerprint,
        listing.inputs,
        inputs.PART_INPUTS,
    )
    with parquet_set(Path(path), job, overwrite=overwrite) as rows:
        missing = rows.missing()
        if missing < listing.inputs:
            anew = "" if missing else "; --overwrite makes them anew"
            progress.note(
                f"{path}: {listing.inputs - missing} of {listing.inputs} rows are there already{anew}"
            )
        if missing:
            with connect(scheduler, progress) as cluster:
                model = cluster.share(model_of(artifact, threads, force))
                _Run(cluster, model, rows, listing, missing, progress).run()
        return rows.census(), listing


class _Run:
    """The tasks of one call."""

    def __init__(
        self,
        cluster: Cluster,
        model: Shared[Model],
        rows: ParquetSet,
        listing: Listing,
        missing: int,
        progress: Progress,
    ) -> None:
        self._cluster, self._model, self._rows = cluster, model, rows
        self._missing, self._progress = missing, progress
        self._pace = _Pace()
        self._new = _pieces((part for part in listing.parts() if not rows.has(part)), self._pace)
        self._again: list[Piece] = []
        self._pieces: dict[Task[Done], Piece] = {}
        # Tables by the part's number and the piece's start.
        self._parts: dict[int, dict[int, Any]] = {}
        self._window = _Window(cluster)

    def run(self) -> None:
        where = self._cluster.address
        tell = _Tell(self._missing, self._progress)
        with self._progress.stage(f"classifying at {where}", self._missing) as advance, closing(self._new):
            completed: Completed[Done] = self._cluster.completed(())
            self._submit(completed)
            for task in completed:
                self._take(task, self._pieces.pop(task), advance, tell)
                self._submit(completed)

    def _submit(self, completed: Completed[Done]) -> None:
        """Keep `AHEAD` tasks for each that can run at once."""
        while len(self._pieces) < self._window.tasks():
            piece = self._again.pop() if self._again else next(self._new, None)
            if piece is None:
                return
            given = piece.part.inputs[piece.start : piece.stop]
            task: Task[Done] = (
                self._cluster.submit(classify_alone, self._model, given[0])
                if piece.alone
                else self._cluster.submit(classify_inputs, self._model, given)
            )
            self._pieces[task] = piece
            completed.add(task)

    def _take(self, task: Task[Done], piece: Piece, advance: Advance, tell: "_Tell") -> None:
        try:
            done = task.result()
        except (WorkersKilled, MemoryError):
            self._again += reversed(piece.smaller())
            return
        if not piece.alone:
            self._pace.add(piece.inputs, done.seconds)
        tables = self._parts.setdefault(piece.part.number, {})
        tables[piece.start] = done.table
        if sum(len(table) for table in tables.values()) == len(piece.part.inputs):
            self._rows.write(piece.part, [tables[start] for start in sorted(tables)])
            del self._parts[piece.part.number]
        advance(piece.inputs)
        tell.add(piece.inputs)


def _pieces(parts: Iterator[Part], pace: "_Pace") -> Generator[Piece, None, None]:
    for part in parts:
        start = 0
        while start < len(part.inputs):
            stop = min(start + pace.inputs, len(part.inputs))
            yield Piece(part, start, stop)
            start = stop


class _Pace:
    """How many inputs take `TASK_SECONDS`, by the tasks so far; later ones count more."""

    def __init__(self) -> None:
        self._seconds: float | None = None

    @property
    def inputs(self) -> int:
        if self._seconds is None:
            return FIRST_INPUTS
        return max(1, round(TASK_SECONDS / max(self._seconds, 1e-6)))

    def add(self, inputs: int, seconds: float) -> None:
        one = seconds / inputs
        self._seconds = one if self._seconds is None else 0.8 * self._seconds + 0.2 * one


class _Window:
    """How many tasks may be submitted at once. Workers come and go; they are counted now and then."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._tasks, self._asked = cluster, 0, 0.0

    def tasks(self) -> int:
        now = time.monotonic()
        if not self._tasks or now - self._asked > _REFRESH_SECONDS:
            self._tasks, self._asked = max(AHEAD, AHEAD * self._cluster.threads()), now
        return self._tasks


class _Tell:
    """A line now and then: how many rows there are, how fast they come, how long it will take."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._done, self._begun = 0, time.monotonic()
        self._told = self._begun

    def add(self, rows: int) -> None:
        self._done += rows
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS or self._done == self._total:
            return
        self._told = now
        rate = self._done / (now - self._begun)
        left = (self._total - self._done) / rate
        self._progress.note(
            f"{self._done} of {self._total} pictures, {rate:.1f} a second, {_duration(left)} left"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
