"""Reads what another program says, within limits: of a line, of silence, and of what is kept."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

MAX_LINE = 64 << 20
"""Bytes of a line. A record of 10,000 images with three classes takes about 1 MB."""

_TAIL = 1 << 16


class TooLong(ValueError):
    """A line has more than `MAX_LINE` bytes."""


class Deadline:
    """Kills a process that says nothing for so many seconds."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        self._process, self.seconds = process, seconds
        self._timer: threading.Timer | None = None
        self.passed = False

    def begin(self) -> None:
        """Begin, or begin anew because there was a sign of life."""
        self.end()
        self._timer = threading.Timer(self.seconds, self._pass)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Wait without a limit from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self) -> None:
        self.passed = True
        kill(self._process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that was started in a session of its own, with all that it started: they can hold its pipes."""
    if os.name == "nt":
        process.kill()
    elif process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines as they arrive, without line ends.

    Raises:
        TooLong: one is longer than `MAX_LINE`.
    """
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise TooLong(f"a line of more than {MAX_LINE >> 20} MiB")
        yield line.decode("utf-8", "replace").rstrip("\r\n")


class Tail:
    """The last 64 KiB of a stream, which is read to its end in a thread of its own."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._kept = stream, bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self, seconds: float = 2.0) -> str:
        """What was read; waits for the stream's end for so many seconds."""
        self._thread.join(seconds)
        return bytes(self._kept).decode("utf-8", "replace")

    def _read(self) -> None:
        while chunk := self._stream.read1(_TAIL):  # type: ignore[attr-defined]
            self._kept += chunk
            del self._kept[:-_TAIL]
        self._stream.close()
