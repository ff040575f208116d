"""What ssh complains of, as one line that tells the way out."""

import re
from dataclasses import dataclass

from edgeall.errors import DeviceError
from edgeall.targets.address import Address

_SSH_FAILED = 255
"""ssh's own exit status when it, and not the remote program, has failed."""


class Dropped(DeviceError):
    """The board cannot be reached just now; trying again may help."""


@dataclass(frozen=True)
class _Refusal:
    """A pattern of ssh's messages, and what it means. `{0}` is the address, `{1}` the command to try by hand."""

    pattern: str
    words: str
    passing: bool = False


_REFUSALS = (
    _Refusal(
        "HOST IDENTIFICATION HAS CHANGED",
        "{0}: its host key is not the one known from before, so another machine may answer in its place; if the board "
        "was installed anew, forget the old key with 'ssh-keygen -R {2}' and run '{1}' once",
    ),
    _Refusal(
        "Host key verification failed|No .* host key is known",
        "{0}: its host key is not known here yet; run '{1}' once, compare the key it shows with the board's, and "
        "answer yes",
    ),
    _Refusal(
        "Permission denied|Too many authentication failures",
        "{0}: the login was refused, and no password can be typed here; put your key there with 'ssh-copy-id', or "
        "name another user; '{1}' must work without a question",
    ),
    _Refusal(
        "Could not resolve hostname",
        "{0}: no host of that name is known; is the board on and in this network? Try its number with --host",
        passing=True,
    ),
    _Refusal(
        "Connection refused",
        "{0}: nothing answers there for ssh; on a Raspberry Pi switch it on with 'sudo raspi-config' under Interface "
        "Options, or check the port",
        passing=True,
    ),
    _Refusal(
        "timed out|No route to host|Network is unreachable|Host is down",
        "{0}: no answer; is the board on and in this network?",
        passing=True,
    ),
    _Refusal(
        "Bad configuration option|terminating, \\d+ bad configuration|Can't open user config",
        "{0}: the configuration of ssh has a mistake ({3})",
    ),
)


def explain(address: Address, status: int, complaints: str) -> DeviceError:
    """The error for an ssh that ended with `status` and wrote `complaints`."""
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    last = lines[-1] if lines else "no message"
    if status == 127:
        return DeviceError(
            f"{address}: Python 3 was not found there ({last}); install it with 'sudo apt install python3', or name "
            "where it is with `python` in the device's profile"
        )
    if status == 137:
        return DeviceError(f"{address}: its program there was killed (out of memory?)")
    if status not in (_SSH_FAILED, -9):
        return DeviceError(f"{address}: {last.removeprefix('edgeall: ')} (status {status})")
    known = f"[{address.host}]:{address.port}" if address.port else address.host
    for refusal in _REFUSALS:
        if re.search(refusal.pattern, complaints):
            words = refusal.words.format(address, address.command, known, last)
            return Dropped(words) if refusal.passing else DeviceError(words)
    if status == -9:
        return Dropped(f"{address}: no answer; is the board on and in this network?")
    return Dropped(f"{address}: the connection was lost ({last})")
