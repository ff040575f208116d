"""Follows the log for clients: by looking at it, so that what another process writes is told too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import msgspec

from edgeall.logbook import LogError
from edgeall.serving.refusals import Refusal
from edgeall.serving.station import Station

LOOK_SECONDS = 0.25
"""Between looks at the log, while a client follows it."""
PING_SECONDS = 15.0
"""Between signs of life where nothing happens: a client that is gone shows by them."""


class Feed:
    """Tells followers when the log has grown. What is told is read from the log by each: nothing is queued."""

    def __init__(self, station: Station, most: int) -> None:
        self._station, self._most = station, most
        self._grown = asyncio.Condition()
        self._head, self._notice = 0, station.notice
        self._ended = False
        self.followers = 0

    async def run(self) -> None:
        """Look at the log until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.followers:
                continue
            try:
                head = await asyncio.to_thread(lambda: self._station.reader.head.seq)
            except LogError:
                # Followers are told by their own reading; here the next look may do.
                continue
            if (head, self._station.notice) != (self._head, self._notice):
                self._head, self._notice = head, self._station.notice
                async with self._grown:
                    self._grown.notify_all()

    async def end(self) -> None:
        """Let all followers go."""
        self._ended = True
        async with self._grown:
            self._grown.notify_all()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A follower's place during the block.

        Raises:
            Refusal: there is none.
        """
        if self.followers >= self._most:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients follow the log", 10)
        self.followers += 1
        try:
            yield
        finally:
            self.followers -= 1

    async def events(self, after: int) -> AsyncIterator[bytes]:
        """Server-sent events: pictures after an entry of the log, with its number as their ids, and notices."""
        seq, told = after, None
        yield b": follows\n\n"
        while not self._ended:
            if told != (notice := self._station.notice):
                told = notice
                yield _event("notice", {"text": notice})
            last, pictures = await asyncio.to_thread(self._station.new_pictures, seq)
            for picture in pictures:
                yield _event("decided", picture, picture.seq)
            if last > seq:
                seq = last
                continue
            async with self._grown:
                if self._ended or self._station.notice != told:
                    continue
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._grown.wait(), PING_SECONDS)
                    continue
            yield b": \n\n"


def _event(name: str, data: object, number: int | None = None) -> bytes:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"
