"""Functions that tests have workers call."""

import os
import signal

from edgeall.cluster import Shared
from edgeall.errors import EdgeallError, MissingExtraError


def double(number: int) -> int:
    return 2 * number


def refuse(kind: type[EdgeallError]) -> None:
    raise MissingExtraError("it", "onnx") if kind is MissingExtraError else kind("no")


def fail() -> None:
    raise KeyError("a bug")


def lack() -> None:
    import absent  # type: ignore[import-not-found] # noqa: F401


def where(shared: Shared[bytes]) -> tuple[int, int, int]:
    """Process, and identity and length of the shared value."""
    value = shared.get()
    return os.getpid(), id(value), len(value)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def process() -> int:
    return os.getpid()
