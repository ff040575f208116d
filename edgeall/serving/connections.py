"""Connections that are bounded in number and time; on uvicorn's protocol."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgeall.serving.guard import HEADERS
from edgeall.serving.limits import Limits


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol of a server with these limits.

    uvicorn waits without end for the head of a first request, and for clients that take nothing of an answer.
    """

    class Bounded(H11Protocol):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._head: asyncio.TimerHandle | None = None
            self._stuck: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > limits.clients:
                transport.write(_plain_answer(503, "Service Unavailable", "too many clients: try again soon"))
                transport.close()
            else:
                self._await_head()

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
                self._await_head()
            else:
                self._head = _cancel(self._head)

        def connection_lost(self, exc: Exception | None) -> None:
            self._head, self._stuck = _cancel(self._head), _cancel(self._stuck)
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stuck = self.loop.call_later(limits.answer_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._stuck = _cancel(self._stuck)
            super().resume_writing()

        def send_400_response(self, msg: str) -> None:
            self.transport.write(_plain_answer(400, "Bad Request", "this is not a request of HTTP"))
            self.transport.close()

        def _await_head(self) -> None:
            if self._head is None:
                self._head = self.loop.call_later(limits.head_seconds, self.transport.close)

    return Bounded


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """None, in the place of a timer that is cancelled."""
    if timer is not None:
        timer.cancel()
    return None


def _plain_answer(status: int, phrase: str, sentence: str) -> bytes:
    """An answer to what has not become a request."""
    body = json.dumps({"error": sentence})
    again = {"Retry-After": "2"} if status == 503 else {}
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in (headers | again | HEADERS).items()]
    return "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", body]).encode()
