"""A map whose function runs in threads, ahead of the consumer, with results in the order of the items."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_processors() -> int:
    """Processors that this process may run on: under `taskset` and in containers fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    ahead: int | None = None,
) -> "Ahead[Result]":
    """Results of `function` of each item, in the order of the items.

    Work begins with this call, before the first result is asked for. Close the result, or use it in a `with` block, so
    that no work goes on that nobody waits for.

    Args:
        function: runs in threads. Its exceptions are raised in place of its result.
        items: taken one by one, in the caller's thread, as far as the work needs them. Exceptions that it raises come
            after the results of the items before.
        workers: threads; default: usable processors.
        ahead: most items that are taken and have no result yet that was asked for; default: `workers` + 1, so that
            no thread waits while the consumer works on one result.
    """
    threads = workers or usable_processors()
    return Ahead(function, items, threads, ahead or threads + 1)


class Ahead(Iterator[Result], Generic[Result]):
    """What `in_order` returns: an iterator that can be closed."""

    def __init__(
        self, function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
    ) -> None:
        self._waiting: deque[Future[Result]] = deque()
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
        self._begun = (self._pool.submit(function, item) for item in items)
        try:
            self._fill()
        except BaseException:
            # Ctrl-C while items are listed. What is in work may wait for what the caller has not begun yet.
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise

    def __next__(self) -> Result:
        if not self._waiting:
            self.close()
            raise StopIteration
        try:
            result = self._waiting.popleft().result()
            self._fill()
        except BaseException:
            # Ctrl-C too: what was begun must not delay the end.
            self.close()
            raise
        return result

    def close(self) -> None:
        """Forget all items without a result, and wait for those in work; may be called again."""
        self._waiting.clear()
        self._begun.close()
        self._pool.shutdown(cancel_futures=True)

    def _fill(self) -> None:
        try:
            while len(self._waiting) < self._ahead and (begun := next(self._begun, None)) is not None:
                self._waiting.append(begun)
        except Exception as error:
            failed: Future[Result] = Future()
            failed.set_exception(error)
            self._waiting.append(failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
