"""What a board may answer to each verb of the agent. A board is another machine, and can answer anything."""

import re
from dataclasses import dataclass
from typing import Any, TypedDict

from edgeall import documents

_WORD = re.compile(r"[A-Za-z0-9_.+-]{0,40}")
_GLIBC = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(\..*)?")
"""Its major and minor version, and what a distribution adds."""
_LARGEST = 1000
"""Of a part of a version."""


@dataclass(frozen=True)
class Greeting:
    """A board's Python as it tells of itself. Its words become parts of file names and of pip's options."""

    python: tuple[int, int, int]
    bits: int
    machine: str
    system: str
    libc: tuple[str, str]

    def __post_init__(self) -> None:
        if not all(_WORD.fullmatch(word) for word in (self.machine, self.system, *self.libc)):
            raise ValueError("machine, system or libc is no plain word")
        parts = [part for part in self.libc[1].split(".") if part]
        if not all(part.isdecimal() and int(part) <= _LARGEST for part in parts[:2]):
            raise ValueError("the version of libc is none")
        if self.libc[0] == "glibc" and not _GLIBC.fullmatch(self.libc[1]):
            raise ValueError("the version of glibc is none")
        if not all(0 <= part <= _LARGEST for part in self.python) or self.bits not in (32, 64):
            raise ValueError("python or bits is out of range")


class _Environment(TypedDict):
    """What is read of an environment before a bench; see `edgeall.measuring.environment`."""

    model: str | None
    cpu: str | None
    cores: int
    flags: tuple[str, ...]
    emulation_signs: tuple[str, ...]
    temperature_c: float | None
    throttled_bits: int | None
    governor: str | None
    memory_available_bytes: int | None


class _NewerEnvironment(TypedDict, total=False):
    libstdcxx: str | None
    power_source: str | None


class _Probe(TypedDict):
    folder: str
    writable: bool
    executable: bool
    disk_free_bytes: int
    clock: float
    environment: dict[str, Any]


class _Received(TypedDict):
    received: int


class _Unpacked(TypedDict):
    into: str
    fresh: bool


class _Written(TypedDict):
    to: str


class _Tried(TypedDict):
    status: int
    last: str


class _Refusal(TypedDict):
    error: str
    errno: str | None


_KINDS: dict[str, Any] = {
    "probe": _Probe,
    "missing": tuple[int, ...],
    "receive": _Received,
    "unpack": _Unpacked,
    "write": _Written,
    "engines": dict[str, _Tried],
}


def greeting(text: str) -> Greeting:
    """The greeting in a JSON text.

    Raises:
        DocumentError: it is none.
    """
    return documents.build(Greeting, documents.parse(text))


def answer(verb: str, request: dict[str, Any], text: str) -> Any:
    """The answer to a request in a JSON text: {"error", "errno"}, or what the verb promises.

    Raises:
        DocumentError: it is none.
    """
    document = documents.parse(text)
    if isinstance(document, dict) and document.get("error"):
        return documents.build(_Refusal, document)
    found = documents.build(_KINDS[verb], document)
    if verb == "probe":
        for kind in (_Environment, _NewerEnvironment):
            try:
                documents.build(kind, found["environment"])
            except documents.DocumentError as error:
                raise error.inside("environment") from None
    if verb == "missing" and not all(0 <= index < len(request["files"]) for index in found):
        raise documents.DocumentError("a file that was not asked about")
    if verb == "engines" and not found.keys() <= set(request["modules"]):
        raise documents.DocumentError("a module that was not asked about")
    return found
