"""Receives a picture in a request's body, within limits of size, memory and time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from edgeall.serving.limits import Limits
from edgeall.serving.refusals import Refusal


class Held:
    """The bytes of all pictures that are being received or decided."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """The bytes of one request, which are given back after the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.now -= share.bytes

    def add(self, count: int) -> None:
        """Count bytes.

        Raises:
            Refusal: there would be too many.
        """
        if self.now + count > self._most:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many pictures are being received: send it again soon", 2
            )
        self.now += count


class Share:
    """The bytes of one request."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def add(self, count: int) -> None:
        self._held.add(count)
        self.bytes += count


async def receive(request: Request, limits: Limits, share: Share) -> bytes:
    """The body of a request.

    Raises:
        Refusal: it is empty, too large or too slow, or there is no memory for it.
        ClientDisconnect: the client is gone.
    """
    too_large = Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the picture is larger than the {limits.upload_bytes >> 20} MiB that are taken",
    )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limits.upload_bytes:
        raise too_large
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(limits.upload_seconds):
            while more:
                # Not by an iterator: the exception at its end would hold the picture in a circle of references.
                message = await asyncio.wait_for(request.receive(), limits.pause_seconds)
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk, more = message.get("body", b""), message.get("more_body", False)
                if len(body) + len(chunk) > limits.upload_bytes:
                    raise too_large
                share.add(len(chunk))
                body += chunk
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "the picture arrives too slowly: send it again") from None
    if not body:
        raise Refusal(HTTPStatus.BAD_REQUEST, "the request has no picture: send the file's bytes as its body")
    return bytes(body)


async def gone(request: Request) -> None:
    """Returns when the client of a request that was received is gone."""
    while True:
        if (await request.receive())["type"] == "http.disconnect":
            return
