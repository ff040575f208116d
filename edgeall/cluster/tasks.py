"""What is run elsewhere, and where: a task, its result, the cluster that runs it."""

import queue
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from edgeall.errors import ClusterError, EdgeallError
from edgeall.values import dataclass

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_ASK_SECONDS = 2.0


class WorkersKilled(ClusterError):
    """Every worker that a task ran on ended meanwhile: killed, out of memory, or crashed."""


class Shared(Protocol[T_co]):
    """A value that every worker is sent once, however many tasks use it."""

    def get(self) -> T_co:
        """The value; called by a task on its worker."""
        ...


class Task(Generic[T]):
    """A function's call that was submitted. Tasks are compared by identity, and can be keys of a dict."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def result(self) -> T:
        """What the function returned; waits for it.

        Raises:
            EdgeallError: the function raised it: of the same class, and its message names the worker.
            WorkersKilled: each worker that tried it ended meanwhile; Dask tries four (`allowed-failures`).
            ClusterError: the scheduler is lost.
        """
        try:
            outcome = self._future.result()
        except Exception as error:
            raise _translated(error) from None
        if isinstance(outcome, Raised):
            raise outcome.error()
        found: T = outcome
        return found

    def when_done(self, call: Callable[[], object]) -> None:
        """Have `call` called, in another thread, when there is a result."""
        self._future.add_done_callback(lambda _: call())


class Completed(Iterator[Task[T]]):
    """Tasks in the order in which they end, with those that are added meanwhile."""

    def __init__(self, cluster: "Cluster", tasks: Iterable[Task[T]]) -> None:
        self._cluster = cluster
        self._done: queue.SimpleQueue[Task[T]] = queue.SimpleQueue()
        self._waiting = 0
        for task in tasks:
            self.add(task)

    def add(self, task: Task[T]) -> None:
        """Wait for this one too."""
        self._waiting += 1
        task.when_done(lambda: self._done.put(task))

    def __next__(self) -> Task[T]:
        """
        Raises:
            ClusterError: no worker is left, and none comes; or the scheduler is lost.
        """
        if not self._waiting:
            raise StopIteration
        while True:
            try:
                task = self._done.get(timeout=_ASK_SECONDS)
            except queue.Empty:
                self._cluster.expect_workers()
                continue
            self._waiting -= 1
            return task


class Cluster(Protocol):
    """Where functions run."""

    address: str
    """Of the scheduler; "this process" without one."""

    def submit(self, function: Callable[..., T], *arguments: Any) -> Task[T]:
        """Have a function of a module called by a worker, with arguments that can be pickled."""
        ...

    def completed(self, tasks: Iterable[Task[T]]) -> Completed[T]:
        """The tasks in the order in which they end."""
        return Completed(self, tasks)

    def share(self, value: T) -> Shared[T]:
        """Send a value once to every worker, also to those that come later; they forget it when this is left."""
        ...

    def threads(self) -> int:
        """Tasks that can run at once now; 0 without workers."""
        ...

    def expect_workers(self) -> None:
        """Return at once where there are workers that work; else wait for one.

        Raises:
            ClusterError: none has come in time, or the scheduler is lost.
        """
        ...


@dataclass(frozen=True)
class Raised:
    """An error of a function. It travels as class and message: not all classes can be pickled with their arguments."""

    kind: type[EdgeallError]
    message: str

    def error(self) -> EdgeallError:
        return self.kind.__new__(self.kind, self.message)


def _translated(error: Exception) -> Exception:
    """An exception of Dask as one of edgeall; any other as it is."""
    from concurrent.futures import CancelledError

    with suppress(ImportError):
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            return WorkersKilled(f"{error.allowed_failures + 1} workers ended while they ran one task")
    if isinstance(error, CancelledError):
        return ClusterError(
            "the scheduler is lost: start it again; the same command goes on with what is missing"
        )
    return error
