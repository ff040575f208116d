"""Addresses of boards: `[user@]host[:port]`."""

import re
from dataclasses import dataclass

from edgeall.errors import UsageError

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$\\-]*")


@dataclass(frozen=True)
class Address:
    """A host name, an IP address, or an alias in the user's ssh configuration. None: ssh's default."""

    host: str
    user: str | None = None
    port: int | None = None

    def __post_init__(self) -> None:
        # Excludes options of ssh, and characters with a meaning in a shell.
        if not _HOST.fullmatch(self.host):
            raise UsageError(f"host {self.host!r}: not a name or address; write [user@]host[:port]")
        if self.user is not None and not _USER.fullmatch(self.user):
            raise UsageError(f"user {self.user!r}: not a login name; write [user@]host[:port]")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise UsageError(f"port {self.port}: must be a whole number from 1 to 65535")

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From `host`, `user@host`, `host:port`, `[IPv6]:port`, or a bare IPv6 address.

        Raises:
            UsageError: none of these.
        """
        user, at, rest = text.rpartition("@")
        bracketed = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?", rest)
        if bracketed:
            host, port = bracketed.group(1), bracketed.group(2)
        elif rest.count(":") == 1 and re.fullmatch(r"[^:]+:\d{1,5}", rest):
            host, _, port = rest.partition(":")
        else:
            host, port = rest, None
        return cls(host, user if at else None, int(port) if port else None)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and self.port else self.host
        return "".join(
            (f"{self.user}@" if self.user else "", host, f":{self.port}" if self.port else ""),
        )

    @property
    def login(self) -> str:
        """The destination argument of the ssh command."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def command(self) -> str:
        """The command with which a user connects."""
        return f"ssh -p {self.port} {self.login}" if self.port else f"ssh {self.login}"

    @property
    def slug(self) -> str:
        """The address as part of a file name, distinct for each board."""
        text = f"{self.host}-{self.port}" if self.port else self.host
        return re.sub(r"[^A-Za-z0-9._-]", "-", text)
