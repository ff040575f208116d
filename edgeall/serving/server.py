"""Runs the station: engine, log, watched folder and page, until it is told to stop."""

import asyncio
import gc
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp

from edgeall.errors import UsageError
from edgeall.field import Classifier
from edgeall.field.reading_ahead import usable_processors
from edgeall.logbook import Logbook
from edgeall.serving.addresses import in_url, is_local, listen, own_addresses, own_names
from edgeall.serving.app import application
from edgeall.serving.certificate import Certificate, context_of, self_made
from edgeall.serving.connections import bounded
from edgeall.serving.desk import Desk
from edgeall.serving.feed import Feed
from edgeall.serving.handlers import Handlers
from edgeall.serving.limits import Limits
from edgeall.serving.station import Station
from edgeall.values import dataclass

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of tokens: 32, without those that are taken for one another."""
_GARBAGE = (700, 10, 10)
"""See `gc.set_threshold`."""
_READERS = 2
"""Threads that answer questions on the log."""
_GRACE_SECONDS = 5
"""For requests that are being answered when the server is told to stop."""


@dataclass(frozen=True)
class Settings:
    """What a server is asked to do.

    Attributes:
        host, port: where it listens; port 0 is any free one.
        watch: a folder whose pictures are decided as they arrive.
        keep: a folder for the pictures that clients send; None: they are not written to disk.
        certificate: for HTTPS; None: one is made where clients on other machines are taken.
        certificates: folder of certificates that are made.
        names: further names of this machine, as clients call it.
        caveats: what is not known, or wrong, of the model's answers.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    watch: Path | None = None
    keep: Path | None = None
    certificate: Certificate | None = None
    certificates: Path | None = None
    names: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    limits: Limits = Limits()


@dataclass(frozen=True)
class Address:
    """Where a server is reached.

    Attributes:
        url: of the page.
        token: that clients need; None on this machine alone.
        fingerprint: of the certificate; None without one.
        self_made: whether the station made the certificate, which browsers warn of.
        local: whether clients on this machine alone are taken.
    """

    url: str
    token: str | None
    fingerprint: str | None
    self_made: bool
    local: bool


def serve(
    classifier: Classifier,
    log: Logbook,
    settings: Settings,
    *,
    started: Callable[[Address], None],
    stop: Event,
) -> None:
    """Serve until `stop` is set.

    Args:
        started: is told the address when clients are answered. What it raises ends the server, and is raised.

    Raises:
        UsageError: the address or the watched folder cannot be used.
        CertificateError: the certificate cannot.
        MissingExtraError, EngineError, SelftestError: as of `classify`.
        LogError: the log cannot be written.
    """
    with (
        listen(settings.host, settings.port, 2 * settings.limits.clients) as listener,
        Logbook.open(log.path, read_only=True) as reader,
    ):
        local = is_local(listener)
        certificate = settings.certificate or (None if local else _certificate(settings, listener))
        token = None if local else _new_token()
        if settings.watch is not None and not settings.watch.is_dir():
            raise UsageError(f"{settings.watch}: no such folder to watch")
        # As Python has it: a command that ends soon may leave its garbage, and a server may not.
        gc.set_threshold(*_GARBAGE)
        classifier.begin()
        station = Station(
            classifier, log, reader, caveats=settings.caveats, watched=settings.watch, keep=settings.keep
        )
        station.begin()
        desk = Desk(usable_processors(), settings.limits.places, "pictures")
        readers = Desk(_READERS, settings.limits.questions, "questions")
        handlers = Handlers(station, settings.limits, desk, readers)
        names = [*own_names(), *(name.lower() for name in settings.names)]
        server = _Server(
            _config(
                application(handlers, names=names, local=local, token=token), settings.limits, certificate
            ),
            settings.limits.head_seconds,
        )
        address = Address(
            f"{'https' if certificate else 'http'}://{in_url(own_addresses(listener)[0])}:{listener.getsockname()[1]}/",
            token,
            None if certificate is None else certificate.fingerprint,
            certificate is not None and settings.certificate is None,
            local,
        )
        try:
            with _watching(station, stop):
                asyncio.run(_run(server, handlers.feed, listener, lambda: started(address), stop))
        finally:
            desk.close()
            readers.close()


async def _run(
    server: uvicorn.Server, feed: Feed, listener: socket.socket, started: Callable[[], None], stop: Event
) -> None:
    async def begin_and_end() -> None:
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            started()
            while not (stop.is_set() or feeding.done()):
                await asyncio.sleep(0.1)
        finally:
            # After an error too, which is raised when the server has ended.
            # Followers first: the server waits for those who are being answered.
            await feed.end()
            server.should_exit = True

    feeding = asyncio.create_task(feed.run())
    beside = [feeding, asyncio.create_task(begin_and_end())]
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in beside:
            task.cancel()
        for task in beside:
            with suppress(asyncio.CancelledError):
                await task


class _Server(uvicorn.Server):
    """uvicorn's; silent clients over TLS are let go, for whose first word asyncio waits a minute."""

    def __init__(self, config: uvicorn.Config, seconds: float) -> None:
        super().__init__(config)
        self._seconds = seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.is_ssl:
            loop = asyncio.get_running_loop()
            loop.create_server = partial(  # type: ignore[method-assign]
                loop.create_server, ssl_handshake_timeout=self._seconds, ssl_shutdown_timeout=self._seconds
            )
        await super().startup(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command's affair."""
        yield


def _config(app: ASGIApp, limits: Limits, certificate: Certificate | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=bounded(limits),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=16384,
    )
    if certificate is not None:
        context = context_of(certificate)
        config.ssl_context_factory = lambda config, default: context
    return config


@contextmanager
def _watching(station: Station, stop: Event) -> Iterator[None]:
    """Decide the pictures of the watched folder during the block, in a thread. Its error ends the server."""
    if station.watched is None:
        yield
        return
    from edgeall.watching import Notice, watch

    errors = list[BaseException]()
    folder = station.watched

    def work() -> None:
        try:
            for each in watch(folder, station.classifier, station.log, stop=stop):
                if isinstance(each, Notice):
                    station.notice = each.text
        except BaseException as error:
            errors.append(error)
            stop.set()

    thread = Thread(target=work, name="watching")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


def _certificate(settings: Settings, listener: socket.socket) -> Certificate | None:
    if settings.certificates is None:
        return None
    names = {*own_names(), *own_addresses(listener), *settings.names, "localhost", "127.0.0.1"}
    return self_made(settings.certificates, sorted(names))


def _new_token() -> str:
    """100 random bits, in letters that a person can type on a phone."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
