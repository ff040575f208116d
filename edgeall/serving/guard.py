"""Stands before every request: who may ask, from where, and what browsers may do with the answers."""

import hmac
import ipaddress
from collections.abc import Callable, Collection
from hashlib import sha256
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edgeall.serving.refusals import Refusal, response_to

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": the form for the token would be sent with "Origin: null" then.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
"""On every answer. Pictures and answers on people are not stored by browsers."""

COOKIE = "edgeall"
OPEN = ("/healthz", "/enter", "/static/style.css")
"""Paths for which no token is needed."""


class Guard:
    """ASGI middleware: checks Host, Origin and token, adds `HEADERS`.

    A page elsewhere can have a name that leads to this machine (DNS rebinding). Its requests bear that name as Host,
    and are refused: an address cannot be such a name, and only names that are this machine's own are taken.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Collection[str],
        local: bool,
        token: str | None,
        refused: Callable[[int], None],
    ) -> None:
        """
        Args:
            names: of this machine, lower case.
            local: only addresses of this machine itself are taken.
            token: that requests must bear; None: none.
            refused: is told the status of each refusal.
        """
        self._app, self._names, self._local = app, frozenset(names) | {"localhost"}, local
        self._token, self._refused = token, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        # What follows on the connection may be a part of this request, which hides as the next one (RFC 9112, 6.3).
        closing = _has_two_lengths(Headers(scope=scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if closing:
                    headers["Connection"] = "close"
            await send(message)

        try:
            self._check(scope)
        except Refusal as refusal:
            self._refused(refusal.status)
            # A person who opens the page is led to the form for the token.
            leads = refusal.status == HTTPStatus.UNAUTHORIZED and scope["path"] == "/"
            answer = RedirectResponse("/enter", HTTPStatus.SEE_OTHER) if leads else response_to(refusal)
            await answer(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if _has_two_lengths(headers):
            raise Refusal(HTTPStatus.BAD_REQUEST, "a request has a length or comes in chunks, not both")
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_this_machine(host):
            raise Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this is not a name of this machine: use its address, or name it with --name",
            )
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            own = f"{scope['scheme']}://{host}".lower()
            if headers.get("origin", own).lower() != own or headers.get(
                "sec-fetch-site", "same-origin"
            ) not in ("same-origin", "none"):
                raise Refusal(HTTPStatus.FORBIDDEN, "another page's requests are not taken")
        if self._token is not None and scope["path"] not in OPEN and not self._has_token(headers):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong: open /enter")

    def _is_this_machine(self, host: str) -> bool:
        name = _without_port(host)
        if name is None:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return address.is_loopback or not self._local

    def _has_token(self, headers: Headers) -> bool:
        assert self._token is not None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and is_equal(given.strip(), self._token):
            return True
        return is_equal(_cookie(headers.get("cookie", "")), cookie_of(self._token))


def _has_two_lengths(headers: Headers) -> bool:
    return "content-length" in headers and "transfer-encoding" in headers


def cookie_of(token: str) -> str:
    """What the cookie holds: not the token itself, which a person may have typed."""
    return sha256(f"edgeall {token}".encode()).hexdigest()


def is_equal(one: str, other: str) -> bool:
    """Compare in a time that does not tell how much is equal."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _without_port(host: str) -> str | None:
    """The name or address of a Host header; None where it is neither."""
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        return name if closed and (not port or (_is_port(port[1:]) and port[0] == ":")) else None
    name, colon, port = host.partition(":")
    return name if name and (not colon or _is_port(port)) else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5
