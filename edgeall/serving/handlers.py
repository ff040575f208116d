"""Answers the requests of the API."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from edgeall.errors import EdgeallError, ImageError
from edgeall.logbook import LogWaitError
from edgeall.serving import openapi, types
from edgeall.serving.desk import Desk
from edgeall.serving.feed import Feed
from edgeall.serving.heat_map import heat_map
from edgeall.serving.limits import Limits
from edgeall.serving.numbers import (
    CONTENT_TYPE,
    ENTRIES,
    FOLLOWERS,
    HELD,
    PICTURES,
    SECONDS,
    WAITING,
    Numbers,
)
from edgeall.serving.preview import preview
from edgeall.serving.rates import Rates
from edgeall.serving.receiving import Held, gone, receive
from edgeall.serving.refusals import Refusal, json_response
from edgeall.serving.station import Station

T = TypeVar("T")

_EXPLANATION = 20
"""Pictures that a map counts as: it takes as long as many."""
_WHOLE_LOG = 20
"""Questions that all of a log counts as."""
_MEMORY_SECONDS = 30
"""Until there may be more memory."""
_GONE = Response(status_code=499)
"""To a client that is not there any more."""


class Handlers:
    """A method for each operation, by its name."""

    def __init__(self, station: Station, limits: Limits, desk: Desk, readers: Desk) -> None:
        """
        Args:
            desk, readers: for work on pictures, and for questions on the log.
        """
        self._station, self._limits, self._desk, self._readers = station, limits, desk, readers
        self._rates, self._held = Rates(limits.rate, limits.burst), Held(limits.held_bytes)
        self._questions = Rates(limits.question_rate, limits.question_burst)
        self.feed = Feed(station, limits.followers)
        self.numbers = Numbers(
            {
                WAITING: lambda: desk.taken,
                HELD: lambda: self._held.now,
                FOLLOWERS: lambda: self.feed.followers,
                ENTRIES: lambda: station.reader.head.seq,
            }
        )
        self._description = msgspec.json.encode(openapi.document())

    async def openapi(self, request: Request) -> Response:
        return Response(self._description, media_type="application/json")

    async def health(self, request: Request) -> Response:
        return json_response(types.Health("ok"))

    async def metrics(self, request: Request) -> Response:
        text = await asyncio.to_thread(self.numbers.text)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def station(self, request: Request) -> Response:
        return await self._of_log(request, partial(self._station.about, self._limits.upload_bytes))

    async def decide(self, request: Request) -> Response:
        def decided(name: str, data: bytes) -> types.Decided:
            began = time.perf_counter()
            made = self._station.decide(name, data)
            self.numbers.add(SECONDS, time.perf_counter() - began)
            self.numbers.add(PICTURES, decision=_word(made))
            return made

        made = await self._of_picture(request, decided)
        if made is None:
            return _GONE
        if made.error is not None:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, made.error)
        return json_response(made)

    async def preview(self, request: Request) -> Response:
        made = await self._of_picture(request, lambda name, data: preview(data, name))
        return _GONE if made is None else Response(made, media_type="image/jpeg")

    async def explain(self, request: Request) -> Response:
        work = partial(heat_map, self._station.classifier)
        made = await self._of_picture(request, work, _EXPLANATION)
        return _GONE if made is None else json_response(made)

    async def recorded(self, request: Request) -> Response:
        made = await self._of_recorded(request, lambda name, data: preview(data, name))
        return _GONE if made is None else Response(made, media_type="image/jpeg")

    async def explain_recorded(self, request: Request) -> Response:
        work = partial(heat_map, self._station.classifier)
        made = await self._of_recorded(request, work, _EXPLANATION, own=True)
        return _GONE if made is None else json_response(made)

    async def history(self, request: Request) -> Response:
        search = asked(request, types.Search)
        return await self._of_log(request, lambda: self._station.history(search))

    async def csv(self, request: Request) -> Response:
        # Piece by piece: a whole log may be larger than the memory. Starlette reads the pieces in threads.
        pieces = self._station.csv(asked(request, types.Search))
        self._ask(request, _WHOLE_LOG)
        headers = {"Content-Disposition": 'attachment; filename="edgeall.csv"'}
        return StreamingResponse(pieces, headers=headers, media_type="text/csv")

    async def summary(self, request: Request) -> Response:
        grouped = asked(request, types.Grouped)
        return await self._of_log(request, lambda: self._station.summary(grouped))

    async def live(self, request: Request) -> Response:
        after = asked(request, types.After).after
        last = request.headers.get("last-event-id", "")
        if last.isascii() and last.isdigit() and len(last) < 17:
            after = max(after, int(last))
        self._ask(request)
        place = self.feed.place()
        place.__enter__()

        async def events() -> Any:
            try:
                async for event in self.feed.events(after):
                    yield event
            finally:
                place.__exit__(None, None, None)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _of_picture(self, request: Request, work: Callable[[str, bytes], T], cost: int = 1) -> T | None:
        """What `work` makes of a request's picture, in a thread; None where its client is gone meanwhile."""
        name = asked(request, types.Named).name
        self._take(request, cost)
        with self._held.share() as share:
            data = await receive(request, self._limits, share)
            return await self._done(request, lambda: work(name, data))

    async def _of_recorded(
        self, request: Request, work: Callable[[str, bytes], T], cost: int = 1, own: bool = False
    ) -> T | None:
        """As `_of_picture`, of a picture of the watched folder; `own`: whose answer is by this station's model."""
        text = request.path_params["seq"]
        seq = int(text) if text.isascii() and text.isdigit() and len(text) < 17 else None
        self._take(request, cost)

        def found() -> T:
            picture = None if seq is None else self._station.picture(seq)
            if picture is None:
                raise Refusal(HTTPStatus.NOT_FOUND, "the picture of this entry is not there any more")
            if own and not self._station.answered(seq or 0):
                raise Refusal(HTTPStatus.NOT_FOUND, "another model gave this answer: it has no map here")
            return work(*picture)

        return await self._done(request, found)

    async def _of_log(self, request: Request, work: Callable[[], object]) -> Response:
        """What `work` makes of the log, as JSON."""
        self._ask(request)
        made = await self._done(request, work, self._readers)
        return _GONE if made is None else json_response(made)

    def _ask(self, request: Request, cost: int = 1) -> None:
        if wait := self._questions.take(_address(request), cost):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS, "too many questions from this address: slow down", wait
            )

    def _take(self, request: Request, cost: int) -> None:
        if wait := self._rates.take(_address(request), cost):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS, "too many pictures from this address: slow down", wait
            )

    async def _done(self, request: Request, work: Callable[[], T], desk: Desk | None = None) -> T | None:
        """The result of `work` at a desk, by default that of pictures; None where the client is gone meanwhile."""
        working = asyncio.ensure_future((desk or self._desk).do(work))
        leaving = asyncio.ensure_future(gone(request))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        except ImageError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        except LogWaitError as error:
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, str(error)) from None
        except EdgeallError as error:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
        except MemoryError:
            sentence = "the station has too little memory now: send it again later"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence, _MEMORY_SECONDS) from None
        finally:
            working.cancel()
            leaving.cancel()
            # Until the desk has let go of the picture: it counts as held.
            await asyncio.wait({working})


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def asked(request: Request, kind: type[T]) -> T:
    """A request's parameters.

    Raises:
        Refusal: one is missing, wrong or given twice.
    """
    given = request.query_params.multi_items()
    parameters = dict(given)
    if len(parameters) != len(given):
        raise Refusal(HTTPStatus.BAD_REQUEST, "a parameter is given twice")
    try:
        return msgspec.convert(parameters, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the parameters are wrong: {error}") from None


def _word(made: types.Decided) -> str:
    if made.picture is not None:
        return made.picture.decision
    return "error" if made.error is not None else "field"
