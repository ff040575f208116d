"""One way to run functions elsewhere: on the workers of a Dask scheduler, or on threads of this process.

>>> with connect("tcp://10.0.0.5:8786") as cluster:  # doctest: +SKIP
...     tasks = {cluster.submit(train_fold, fold): fold for fold in folds}
...     for task in cluster.completed(tasks):
...         print(tasks[task], task.result())

A scheduler and its workers run any code that a client sends, and a client reads pickled answers: a scheduler must be
as trusted as a remote shell. This module opens no port. `tls://` addresses take keys and certificates from Dask's own
configuration (`distributed.comm.tls`).
"""

import logging
import os
import pickle
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from edgeall.cluster.tasks import Cluster, Raised, Shared, Task
from edgeall.cluster.versions import check, compare, one_line, versions
from edgeall.errors import ClusterError, EdgeallError, MissingExtraError
from edgeall.field.reading_ahead import usable_processors
from edgeall.progress import SILENT, Progress
from edgeall.values import dataclass

T = TypeVar("T")

CONNECT_SECONDS = 30.0
"""How long an answer of a scheduler is waited for."""

PATIENCE_SECONDS = 60.0
"""How long workers are waited for: at the beginning, and where none is left."""

LOG = "EDGEALL_DASK_LOG"
"""Environment variable that, set to anything, leaves Dask's log messages on standard error."""

_LOGGERS = ("distributed", "distributed.client")
_FORGET_SECONDS = 5.0
_ATTEMPTS = 5
_PAUSE_SECONDS = 1.0


@contextmanager
def connect(
    address: str | None, progress: Progress = SILENT, *, patience: float = PATIENCE_SECONDS
) -> Iterator[Cluster]:
    """The workers of the scheduler at `address`, such as "tcp://10.0.0.5:8786"; None: threads of this process.

    What was submitted and is not finished when the block ends is cancelled.

    Args:
        patience: seconds that workers are waited for.

    Raises:
        MissingExtraError: `edgeall[cluster]` is not installed.
        ClusterError: no address; nothing answers there; no worker comes; or a worker has another version of Python,
            edgeall or what pictures are read with.
    """
    if address is None:
        threads = usable_processors()
        with ThreadPoolExecutor(threads, thread_name_prefix="task") as pool:
            try:
                yield _Here(pool, threads)
            finally:
                pool.shutdown(cancel_futures=True)
        return
    with _quiet(), _client(address) as client:
        cluster = _Dask(client, address, progress, patience)
        cluster.check_scheduler()
        cluster.expect_workers()
        cluster.check_workers()
        try:
            yield cluster
        finally:
            cluster.forget()


class _Here(Cluster):
    """Threads of this process."""

    address = "this process"

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self._pool, self._threads = pool, threads

    def submit(self, function: Callable[..., T], *arguments: Any) -> Task[T]:
        return Task(self._pool.submit(function, *arguments))

    def share(self, value: T) -> Shared[T]:
        return _Held(value)

    def threads(self) -> int:
        return self._threads

    def expect_workers(self) -> None:
        return None


@dataclass(frozen=True)
class _Held(Generic[T]):
    value: T

    def get(self) -> T:
        return self.value


class _Dask(Cluster):
    """The workers of a scheduler."""

    def __init__(self, client: Any, address: str, progress: Progress, patience: float) -> None:
        self._client, self.address = client, address
        self._progress, self._patience = progress, patience
        self._shared: list[str] = []

    def submit(self, function: Callable[..., T], *arguments: Any) -> Task[T]:
        # Pickled here, so that the scheduler, which reads the arguments of tasks, has nothing to do with them.
        call = pickle.dumps((function, arguments))
        # `pure`: two calls with the same arguments are two tasks.
        return Task(self._client.submit(_run, versions(), call, pure=False))

    def share(self, value: T) -> Shared[T]:
        from edgeall.cluster.sharing import SentOnce, send

        # Of this command alone: another one that ends takes nothing away.
        name = f"edgeall-{uuid.uuid4()}"
        self._shared.append(name)
        with _as_cluster_errors(self.address):
            for attempt in range(_ATTEMPTS):
                try:
                    send(self._client, name, value)
                    break
                except OSError:
                    # A worker ended just now; those that are left are sent it again.
                    if attempt + 1 == _ATTEMPTS:
                        raise
                    time.sleep(_PAUSE_SECONDS)
        return SentOnce(name)

    def forget(self) -> None:
        """Have the workers forget what they were sent."""
        for name in self._shared:
            with suppress(Exception):  # a scheduler that is lost
                self._client.sync(
                    self._client._unregister_worker_plugin, name, callback_timeout=_FORGET_SECONDS
                )

    def threads(self) -> int:
        return self._workers().threads

    def _workers(self) -> "_Workers":
        with _as_cluster_errors(self.address):
            found: _Workers = self._client.run_on_scheduler(_workers)
        return found

    def expect_workers(self) -> None:
        found = self._workers()
        if found.working:
            return
        problem, way_out = self._in_words(found)
        self._progress.note(f"{problem}: waiting up to {self._patience:.0f} s; {way_out}")
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            time.sleep(min(0.2, self._patience))
            if (found := self._workers()).working:
                return
        problem, way_out = self._in_words(found)
        raise ClusterError(f"{problem} after {self._patience:.0f} s; {way_out}")

    def _in_words(self, found: "_Workers") -> tuple[str, str]:
        """That no worker works, and the way out."""
        if found.paused:
            return (
                f"each worker at {self.address} is paused for lack of memory",
                "give them more with --memory-limit",
            )
        return f"no worker at {self.address}", f"start some with: dask worker {self.address}"

    def check_scheduler(self) -> None:
        """
        Raises:
            ClusterError: the scheduler differs.
        """
        with _as_cluster_errors(self.address):
            theirs = self._ask_scheduler()
        check(f"the scheduler at {self.address}", theirs)

    def check_workers(self) -> None:
        """
        Raises:
            ClusterError: a worker differs.
        """
        with _as_cluster_errors(self.address):
            found = self._ask_workers()
        for name, theirs in found.items():
            if not isinstance(theirs, OSError):  # it ended just now
                check(f"worker {name}", theirs)

    def _ask_workers(self) -> Mapping[str, Any]:
        """Versions, or an exception, by worker."""
        found: Mapping[str, Any] = self._client.run(versions, on_error="return")
        return found

    def _ask_scheduler(self) -> Any:
        try:
            return self._client.run_on_scheduler(versions)
        except (OSError, TimeoutError):
            raise
        except Exception as error:  # whatever unpickling raised there
            return error


@dataclass(frozen=True)
class _Workers:
    """The workers of a scheduler.

    Attributes:
        threads: of those that take tasks.
        working: whether one takes tasks, or runs one.
        paused: those that take no task, because they have no memory left.
    """

    threads: int
    working: bool
    paused: int


def _workers(dask_scheduler: Any) -> _Workers:
    """Called on the scheduler."""
    running, all_of_them = dask_scheduler.running, dask_scheduler.workers.values()
    working = bool(running) or any(each.executing for each in all_of_them)
    return _Workers(sum(each.nthreads for each in running), working, len(all_of_them) - len(running))


def _run(ours: Mapping[str, str], call: bytes) -> Any:
    """Call the pickled function on a worker of the same versions."""
    try:
        # Workers can come after `connect` has compared.
        compare(ours, versions(), _this_worker())
        function, arguments = pickle.loads(call)  # noqa: S301, of the client, who may send any code
        return function(*arguments)
    except EdgeallError as error:
        kind, message = type(error), str(error)
    except ModuleNotFoundError as error:
        kind, message = ClusterError, f'{error}: install there: pip install "edgeall[cluster]"'
    worker = _this_worker()
    return Raised(kind, message if message.startswith(worker) else f"{worker}: {message}")


@dataclass(frozen=True)
class Surroundings:
    """Where a task runs.

    Attributes:
        scratch: folder for temporary files, which Dask removes after a worker; None: the system's.
        memory: most bytes that the worker may take; None: no limit.
    """

    scratch: str | None = None
    memory: int | None = None


def surroundings() -> Surroundings:
    """Of the task that calls this."""
    with suppress(ImportError, ValueError):
        from distributed import get_worker

        worker = get_worker()
        return Surroundings(worker.local_directory, worker.memory_manager.memory_limit)
    return Surroundings()


def _this_worker() -> str:
    from distributed import get_worker

    return f"worker {get_worker().address}"


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(error.name or "distributed", "cluster") from None

    class Closed(Client):  # type: ignore[misc, unused-ignore]
        """A client that is closed below alone: one that could not connect would wait at its end, and complain."""

        def __del__(self) -> None:
            return None

    try:
        client: Any = Closed(address, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({_reason(error)}): start one with `dask scheduler`, "
            "or correct the address"
        ) from None
    except (ValueError, TypeError, RuntimeError) as error:
        # Of addresses, and of TLS without keys.
        raise ClusterError(
            f"{address}: not an address that can be used ({one_line(error)}); it is like tcp://10.0.0.5:8786"
        ) from None
    try:
        yield client
    finally:
        with suppress(Exception):  # a scheduler that is lost
            client.close(timeout=CONNECT_SECONDS)


def _reason(error: BaseException) -> str:
    """The cause that the system gives, where there is one."""
    while isinstance(error.__cause__, BaseException):
        error = error.__cause__
    return one_line(error)


@contextmanager
def _as_cluster_errors(address: str) -> Iterator[None]:
    """Errors of a connection as one line."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"the scheduler at {address} is lost ({one_line(error)}): start it again; "
            "the same command goes on with what is missing"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """No log messages of Dask, whose errors are told as one line."""
    # Dask sets a level for each of these.
    loggers = [] if os.environ.get(LOG) else [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
