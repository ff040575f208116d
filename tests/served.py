"""A running station with a real engine, log and sockets, and a client that sends exactly what a test says."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode, urlsplit

from edgeall.artifact import Artifact
from edgeall.field import Classifier
from edgeall.logbook import Logbook
from edgeall.serving import Address, Settings, serve


@dataclass(frozen=True)
class Answer:
    """A response whose body was read."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A station that answers."""

    address: Address
    log: Path
    token: str | None = None

    @property
    def host(self) -> str:
        return str(urlsplit(self.address.url).hostname)

    @property
    def port(self) -> int:
        return int(urlsplit(self.address.url).port or 0)

    def ask(self, path: str, body: bytes | None = None, /, **headers: str) -> Answer:
        """A request; POST where it has a body. "_" in names of headers stands for "-"."""
        return self.request("GET" if body is None else "POST", path, body, **headers)

    def request(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): each for name, each in headers.items()}
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def decide(self, name: str, picture: bytes) -> Answer:
        return self.ask(f"/api/pictures?{urlencode({'name': name})}", picture)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection((self.host, self.port), timeout=60)


@contextmanager
def served(artifact: Artifact, log: Path, *, cells: bool = False, **settings: Any) -> Iterator[Served]:
    """A station in a thread during the block, on any free port unless one is given."""
    stop, ready = Event(), Event()
    told, errors = list[Address](), list[BaseException]()

    def started(address: Address) -> None:
        told.append(address)
        ready.set()

    def run() -> None:
        try:
            with Logbook.open(log, create=True) as book, Classifier(artifact, cells=cells) as classifier:
                serve(classifier, book, Settings(**{"port": 0, **settings}), started=started, stop=stop)
        except BaseException as error:
            errors.append(error)
        finally:
            ready.set()

    thread = Thread(target=run)
    thread.start()
    try:
        ready.wait()
        if errors:
            raise errors[0]
        yield Served(told[0], log, told[0].token)
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]
