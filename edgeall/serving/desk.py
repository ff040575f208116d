"""The desk: does work one after the other, such as deciding pictures, with a bounded queue before it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from threading import Lock
from typing import TypeVar

from edgeall.serving.refusals import Refusal

Made = TypeVar("Made")


class Desk:
    """Threads that do one kind of work, and places for what waits.

    Args:
        of: what the work is on, for refusals.
    """

    def __init__(self, threads: int, places: int, of: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=of)
        self._places, self._lock, self._of = places, Lock(), of
        self.taken = 0

    async def do(self, work: Callable[[], Made]) -> Made:
        """The result of `work`, which runs in a thread.

        If this is cancelled, work that has not begun is forgotten with all that it holds, and for work that has begun
        this waits: its memory is in use until then.

        Raises:
            Refusal: every place is taken.
        """
        with self._lock:
            if self.taken >= self._places:
                sentence = f"too many {self._of} wait: send it again soon"
                raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence, 1)
            self.taken += 1
        # The executor keeps what was cancelled until a thread comes to it, which can be long. By then the list is
        # empty.
        waiting = [work]
        future = self._threads.submit(lambda: waiting.pop()())
        future.add_done_callback(self._free)
        result = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            if future.cancel():
                waiting.clear()
            else:
                await asyncio.wait({result})
            raise

    def _free(self, done: "Future[Made]") -> None:
        with self._lock:
            self.taken -= 1

    def close(self) -> None:
        """Wait for what has begun, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)
