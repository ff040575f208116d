"""Several boards at once, each with its own result file; a failure on one is reported for that one."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from edgeall.errors import EdgeallError
from edgeall.progress import Advance, Progress
from edgeall.results import Document

Work = Callable[[Progress], Document]


def fleet(
    boards: Mapping[str, Work], progress: Progress
) -> tuple[dict[str, Document], dict[str, EdgeallError]]:
    """Do all boards' work at once; returns what each returned, and why others could not, by name in the given order.

    The boards measure, this machine waits: a thread each is enough. They die with the program, and their boards stop
    when their connections close with it, so that Ctrl-C ends everything.
    """
    results: dict[str, Document | BaseException] = {}

    def work(name: str, do: Work) -> None:
        try:
            results[name] = do(_Named(name, progress))
        except BaseException as error:  # Raised again where somebody listens.
            results[name] = error

    threads = [threading.Thread(target=work, args=item, daemon=True) for item in boards.items()]
    with progress.stage(f"benching {len(boards)} boards", len(boards)) as advance:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
            advance(1)
    for outcome in results.values():
        if isinstance(outcome, BaseException) and not isinstance(outcome, EdgeallError):
            raise outcome
    ordered = [(name, results[name]) for name in boards]
    return (
        {name: outcome for name, outcome in ordered if isinstance(outcome, Document)},
        {name: outcome for name, outcome in ordered if isinstance(outcome, EdgeallError)},
    )


class _Named:
    """Progress of one among several."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name, self._progress = name, progress

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        with self._progress.stage(f"{self._name}: {title}", total) as advance:
            yield advance

    def note(self, text: str) -> None:
        self._progress.note(f"{self._name}: {text}")
