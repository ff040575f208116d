"""Where a server listens, and by which names it is reached."""

import ipaddress
import socket
import weakref
from typing import Any

from edgeall.errors import UsageError


class Listener(socket.socket):
    """A listening socket whose open connections are bounded from the moment they are accepted.

    A protocol hears of a connection over TLS only when its handshake is done, so that it cannot count those before.

    Attributes:
        most: connections that may be open at once; further ones are closed.
    """

    most = 0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._open = weakref.WeakSet[socket.socket]()

    def accept(self) -> tuple[socket.socket, Any]:
        """As of every socket; `ConnectionAbortedError` for a connection that was closed at once."""
        made, address = super().accept()
        if sum(each.fileno() >= 0 for each in self._open) >= self.most:
            made.close()
            raise ConnectionAbortedError
        self._open.add(made)
        return made, address


def listen(host: str, port: int, most: int) -> Listener:
    """A socket that listens, and has `most` connections at once.

    Raises:
        UsageError: the address is none of this machine, or the port is taken or not allowed.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # "::" is every address of this machine, those of IPv4 too.
        every = family == socket.AF_INET6 and ipaddress.ip_address(address[0]).is_unspecified
        made = socket.create_server(
            (host, port), family=family, backlog=512, dualstack_ipv6=every and socket.has_dualstack_ipv6()
        )
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{host}, port {port}: cannot listen here ({why}): give others with --host and --port"
        ) from None
    listener = Listener(fileno=made.detach())
    listener.most = most
    return listener


def is_local(listener: socket.socket) -> bool:
    """Whether a socket takes clients on this machine alone."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def own_names() -> list[str]:
    """Names of this machine, lower case."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return sorted({each for each in (name, short, f"{short}.local") if _is_name(each)})


def own_addresses(listener: socket.socket) -> list[str]:
    """Addresses under which a socket is reached; the best first."""
    address = ipaddress.ip_address(listener.getsockname()[0])
    if not address.is_unspecified:
        return [str(address)]
    if address.version == 6 and listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return ["::1"]
    return [*_outward(), "127.0.0.1"]


def _outward() -> list[str]:
    """The address that this machine has in its network. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address that nobody has
            return [str(probe.getsockname()[0])]
    except OSError:
        return []


def in_url(address: str) -> str:
    """An address or name as URLs have it."""
    return f"[{address}]" if ":" in address else address


def _is_name(name: str) -> bool:
    return bool(name) and all(
        part and part.replace("-", "a").isascii() and part.replace("-", "a").isalnum()
        for part in name.split(".")
    )
