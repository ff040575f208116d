"""Turns ssh's errors into one line with a remedy."""

import re
from dataclasses import dataclass

from edgeall.errors import DeviceError
from edgeall.targets.address import Address

_SSH_FAILED = 255
"""Exit status when ssh itself failed, and not the remote program."""


class Dropped(DeviceError):
    """The board cannot be reached at the moment. A retry can help."""


@dataclass(frozen=True)
class _Refusal:
    """A pattern of ssh's messages, and the error for it.

    Attributes:
        message: `{0}` is the address, `{1}` the user's ssh command, `{2}` the known_hosts name, `{3}` ssh's last line.
        temporary: whether a retry can help.
    """

    pattern: str
    message: str
    temporary: bool = False


_REFUSALS = (
    _Refusal(
        "HOST IDENTIFICATION HAS CHANGED",
        "{0}: its host key has changed, so it can be another machine; if the board was reinstalled, remove the old key "
        "with 'ssh-keygen -R {2}' and run '{1}' once",
    ),
    _Refusal(
        "Host key verification failed|No .* host key is known",
        "{0}: its host key is not known here yet; run '{1}' once, compare the key it shows with the board's, and "
        "answer yes",
    ),
    _Refusal(
        "Permission denied|Too many authentication failures",
        "{0}: the login was refused, and passwords are not supported; copy your key there with 'ssh-copy-id', or "
        "give another user; '{1}' must work without a prompt",
    ),
    _Refusal(
        "Could not resolve hostname",
        "{0}: the host name is not known; is the board on and in this network? Try its IP address with --host",
        temporary=True,
    ),
    _Refusal(
        "Connection refused",
        "{0}: no ssh server is running there; on a Raspberry Pi enable it with 'sudo raspi-config' under Interface "
        "Options, or check the port",
        temporary=True,
    ),
    _Refusal(
        "timed out|No route to host|Network is unreachable|Host is down",
        "{0}: no response; is the board on and in this network?",
        temporary=True,
    ),
    _Refusal(
        "Bad configuration option|terminating, \\d+ bad configuration|Can't open user config",
        "{0}: the ssh configuration has an error ({3})",
    ),
)


def explain(address: Address, status: int, stderr: str) -> DeviceError:
    """The error for an ssh that ended with exit status `status` and wrote `stderr`."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else "no message"
    if status == 127:
        return DeviceError(
            f"{address}: Python 3 was not found there ({last}); install it with 'sudo apt install python3', or give "
            "its path as `python` in the device's profile"
        )
    if status == 137:
        return DeviceError(f"{address}: its program there was killed (out of memory?)")
    if status not in (_SSH_FAILED, -9):
        return DeviceError(f"{address}: {last.removeprefix('edgeall: ')} (status {status})")
    known = f"[{address.host}]:{address.port}" if address.port else address.host
    for refusal in _REFUSALS:
        if re.search(refusal.pattern, stderr):
            message = refusal.message.format(address, address.command, known, last)
            return Dropped(message) if refusal.temporary else DeviceError(message)
    if status == -9:
        return Dropped(f"{address}: no response; is the board on and in this network?")
    return Dropped(f"{address}: the connection was lost ({last})")
