"""Several boards at once, each with its own result file; a failure on one is reported for that one."""

import dataclasses
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from edgeall.errors import EdgeallError, MeasurementError
from edgeall.progress import Advance, Progress
from edgeall.results import Document

Work = Callable[[Progress], Document]

AT_ONCE = 16
"""Boards that are measured at once. Each holds two ssh processes and about ten open files here, of which systems allow
256 and more."""


@dataclass(frozen=True)
class BoardOutcome:
    """The end of one board's bench.

    Attributes:
        document: its results; None where there are none, or where they were dropped.
        results: number of results.
        failed: artifacts that failed there, in whole or in part.
        error: why it was not measured.
    """

    name: str
    document: Document | None = None
    results: int = 0
    failed: tuple[str, ...] = ()
    error: EdgeallError | None = None

    @classmethod
    def of(cls, name: str, document: Document) -> "BoardOutcome":
        failed = {failure.artifact for failure in document.failures or ()}
        return cls(name, document, len(document.results), tuple(sorted(failed)))

    def dropped(self) -> "BoardOutcome":
        """Without the document, which the board's result file has."""
        return dataclasses.replace(self, document=None)

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.name}: not measured"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{self.name}: measured, {self.results} result{'s'[: self.results != 1]}{failed}"


def census(outcomes: Collection[BoardOutcome]) -> str:
    """How many boards were measured, in one line."""
    lost = sum(1 for outcome in outcomes if outcome.error is not None)
    in_part = sum(1 for outcome in outcomes if outcome.failed)
    whole = len(outcomes) - lost - in_part
    return f"{len(outcomes)} boards: {whole} measured, {in_part} measured in part, {lost} not measured"


def fleet(boards: Mapping[str, Work], progress: Progress, at_once: int = AT_ONCE) -> Iterator[BoardOutcome]:
    """Do the boards' work, that of `at_once` boards at a time; yields each outcome when it is there.

    No document is kept, so that memory does not grow with the number of boards unless the caller keeps them. The boards
    measure, this machine waits: a thread each is enough. Threads die with the program, and their boards stop when
    their connections close with it, so that Ctrl-C ends everything.

    Raises:
        Exception: a bug, of the first board that had one, after the outcomes of all others.
    """
    waiting: queue.SimpleQueue[tuple[str, Work]] = queue.SimpleQueue()
    for each in boards.items():
        waiting.put(each)
    ended: queue.SimpleQueue[BoardOutcome | BaseException] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                name, do = waiting.get_nowait()
            except queue.Empty:
                return
            ended.put(_outcome(name, do, progress))

    bug: BaseException | None = None
    with progress.stage(f"benching {len(boards)} boards", len(boards)) as advance:
        for _ in range(min(at_once, len(boards))):
            threading.Thread(target=work, daemon=True).start()
        for _ in boards:
            outcome = ended.get()
            advance(1)
            if isinstance(outcome, BoardOutcome):
                yield outcome
            else:
                bug = bug or outcome
    if bug is not None:
        raise bug


def _outcome(name: str, do: Work, progress: Progress) -> BoardOutcome | BaseException:
    """What a board's work came to. Errors of this machine's files are its own: others can have other files."""
    try:
        return BoardOutcome.of(name, do(_Named(name, progress)))
    except EdgeallError as error:
        return BoardOutcome(name, error=error)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        here = MeasurementError(f"this machine: {place}{error.strerror or error}")
        return BoardOutcome(name, error=here)
    except BaseException as error:  # Raised again where somebody listens.
        return error


class _Named:
    """Progress of one board among several."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        with self._progress.stage(f"{self._name}: {title}", total) as advance:
            yield advance

    def note(self, text: str) -> None:
        self._progress.note(f"{self._name}: {text}")
