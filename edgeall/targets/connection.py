"""Connects to a board by the system's `ssh`, with the user's configuration, keys, agent and jump hosts.

All requests share one login, where the system's ssh can share a connection. Host keys are always checked. The command
on the board is fixed. Programs, requests and files go through its standard input, so that no data reaches a shell.
"""

import atexit
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from edgeall.documents import DocumentError
from edgeall.errors import DeviceError
from edgeall.targets import board_answers, patience
from edgeall.targets.address import Address
from edgeall.targets.ssh_errors import explain

CONNECT_SECONDS = 10
"""Limit of ssh for connecting to the host."""

ANSWER_SECONDS = 600.0
"""Longest silence while a board answers, or takes a part of a file. To unpack OpenVINO on a slow card takes minutes."""

_SHARED = os.name != "nt"
"""Whether ssh can share a connection. On Windows it cannot, and every request logs in again."""

_OPTIONS = (
    *("-T", "-x", "-a"),
    *("-o", "BatchMode=yes"),
    *("-o", "StrictHostKeyChecking=yes"),
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=3"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no"),
    *("-o", "RemoteCommand=none"),
)

OLDEST_PYTHON = (3, 11)

_GREETING = "edgeall-greets "
_READY = "edgeall-ready"
_WAIT = f"echo {_READY}; exec cat >/dev/null"
"""Command of the shared login. It ends when its standard input closes, which happens when this program ends."""

# Valid in any Python 3. It sends the board's properties before it reads the agent, which needs a newer Python.
_BOOT = f"""
import json, platform, struct, sys
print("{_GREETING}" + json.dumps(dict(python=list(sys.version_info[:3]), bits=8 * struct.calcsize("P"),
    machine=platform.machine(), system=platform.system(), libc=list(platform.libc_ver()))))
sys.stdout.flush()
if sys.version_info < {OLDEST_PYTHON}:
    sys.exit(0)
size = int(sys.stdin.buffer.readline())
program = sys.stdin.buffer.read(size)
names = dict(__name__="agent")
if len(program) == size:
    exec(compile(program, "agent.py", "exec"), names)
    sys.exit(names["handle"](sys.argv[1]))
"""


@dataclass(frozen=True)
class BoardInfo:
    """Properties of a board's Python, which it sends first. `libc` is (name, version)."""

    python: tuple[int, ...]
    bits: int
    machine: str
    system: str
    libc: tuple[str, str]

    @classmethod
    def read(cls, line: str) -> "BoardInfo":
        """Raises `DocumentError` where the line is no greeting."""
        told = board_answers.greeting(line.removeprefix(_GREETING))
        return cls(told.python, told.bits, told.machine, told.system, told.libc)

    @property
    def can_run(self) -> bool:
        """Whether its Python is new enough for the agent."""
        return self.python >= OLDEST_PYTHON


@dataclass(frozen=True)
class RemoteResult:
    """A board's properties, and its response; None where its Python is too old for the agent."""

    greeting: BoardInfo
    document: Any


class Connection:
    """A connection to a board. It opens on demand, and again after it was lost."""

    def __init__(
        self,
        address: Address,
        python: str = "python3",
        ssh_config: Path | None = None,
        connect_seconds: int = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`ssh_config`: replaces the user's ssh configuration."""
        self.address = address
        self._python = python
        self._config = ssh_config
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._folder: Path | None = None
        self._login: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Log in, unless already logged in.

        Raises:
            DeviceError: it cannot be reached, or refuses; `Dropped` where a retry can help.
        """
        if self._login is not None and self._login.poll() is None:
            return
        self.close()
        if shutil.which("ssh") is None:
            raise DeviceError("there is no ssh command here; install the OpenSSH client")
        if _SHARED:
            # The path of a socket has at most about 100 characters, of which macOS' temporary folder takes 50.
            short = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108
            self._folder = Path(tempfile.mkdtemp(prefix="edgeall-", dir=short))
            # For threads that are not joined, as with several boards after Ctrl-C.
            atexit.register(self.close)
        login = self._start(_WAIT, share="yes")
        assert login.stdout is not None
        assert login.stderr is not None
        stderr = patience.Tail(login.stderr)
        deadline = patience.Deadline(login, 3 * self._connect_seconds)
        deadline.begin()
        try:
            ready = any(line.strip() == _READY for line in patience.lines(login.stdout))
        except patience.TooLong:
            ready = False
            patience.kill(login)
        finally:
            deadline.end()
        if not ready:
            status = login.wait()
            self.close()
            raise explain(self.address, status, stderr.text())
        if _SHARED:
            self._login = login
        else:
            _end(login)

    def close(self) -> None:
        """Log out."""
        atexit.unregister(self.close)
        if self._login is not None:
            _end(self._login)
            self._login = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def call(self, verb: str, request: dict[str, Any], payload: Iterable[bytes] = ()) -> RemoteResult:
        """Send a request for a verb of `edgeall.targets.agent`, followed by `payload`, and wait for the response.

        Raises:
            DeviceError: the board cannot be reached, has no Python 3, or failed; `Dropped` where a retry can help.
        """
        with self.running(verb, request, payload) as running:
            last = deque(running.lines, maxlen=1)
        if not running.greeting.can_run:
            return RemoteResult(running.greeting, None)
        if not last:
            raise DeviceError(f"{self.address}: sent no response ({running.last_error or 'no message'})")
        try:
            return RemoteResult(running.greeting, board_answers.answer(verb, request, last[0]))
        except DocumentError as error:
            raise DeviceError(f"{self.address}: sent no answer that edgeall understands ({error})") from None

    @contextmanager
    def running(
        self,
        verb: str,
        request: dict[str, Any],
        payload: Iterable[bytes] = (),
        silence_seconds: float | None = None,
    ) -> Generator["RemoteProcess", None, None]:
        """As `call`, with the response's lines as they arrive. Leaving the block early stops the board's program.

        Args:
            silence_seconds: longest time without a line; default: a limit for the whole response.

        Raises:
            DeviceError: as `call`, before the block or after the last line.
        """
        self.open()
        command = shlex.join([self._python, "-c", _BOOT, verb])
        process = self._start(command, share="no")
        try:
            running = RemoteProcess(
                self.address, process, 6 * self._connect_seconds, self._answer_seconds, silence_seconds
            )
            # A board that ends before it has read everything reports the reason itself.
            with contextlib.suppress(OSError):
                if running.greeting.can_run:
                    running.send(request, payload)
            yield running
            if running.ended:
                running.check()
        finally:
            _end(process)

    def _start(self, command: str, *, share: str) -> subprocess.Popen[bytes]:
        options = ["-o", f"ConnectTimeout={self._connect_seconds}", *_OPTIONS]
        if self._config is not None:
            options += ["-F", str(self._config)]
        if self._folder is not None:
            options += ["-o", f"ControlMaster={share}", "-o", "ControlPersist=no"]
            options += ["-o", f"ControlPath={self._folder / 'c'}"]
        if self.address.port:
            options += ["-p", str(self.address.port)]
        return subprocess.Popen(  # noqa: S603
            ["ssh", *options, "--", self.address.login, command],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Keeps Ctrl-C in the terminal from reaching ssh, which `close` ends in order.
            start_new_session=True,
        )


class RemoteProcess:
    """A program that runs on a board.

    Attributes:
        ended: whether all lines were read.
        last_error: last line on standard error, after `check`.
    """

    def __init__(
        self,
        address: Address,
        process: "subprocess.Popen[bytes]",
        greeting_seconds: float,
        answer_seconds: float,
        silence_seconds: float | None,
    ) -> None:
        """Waits for the board's properties, at most `greeting_seconds`; see `Connection.running` for the others."""
        assert process.stdout is not None
        assert process.stderr is not None
        self._address, self._process = address, process
        self._answer_seconds, self._silence_seconds = answer_seconds, silence_seconds
        self._stderr = patience.Tail(process.stderr)
        self._lines = patience.lines(process.stdout)
        self.ended = False
        self.last_error = ""
        self._deadline = patience.Deadline(process, greeting_seconds)
        self._deadline.begin()
        for line in self._bounded(patience.MAX_LINE):
            # Lines before it are printed by the shell's start-up files.
            if line.startswith(_GREETING):
                try:
                    self.greeting = BoardInfo.read(line)
                except DocumentError as error:
                    raise DeviceError(f"{address}: does not say what it is ({error})") from None
                finally:
                    self._deadline.end()
                return
        self.check()
        raise DeviceError(f"{address}: python3 there did not start ({self.last_error or 'no message'})")

    def send(self, request: dict[str, Any], payload: Iterable[bytes]) -> None:
        """Send the agent, the request and the payload.

        Standard input stays open, because the board stops when it closes.
        """
        program = resources.files("edgeall.targets").joinpath("agent.py").read_bytes()
        stream = self._process.stdin
        assert stream is not None
        self._deadline = patience.Deadline(self._process, self._answer_seconds)
        self._deadline.begin()
        stream.write(b"%d\n%s%s\n" % (len(program), program, json.dumps(request).encode()))
        for chunk in payload:
            stream.write(chunk)
            self._deadline.begin()
        stream.flush()

    @property
    def lines(self) -> Iterable[str]:
        """Lines as they arrive, without line ends.

        Raises:
            DeviceError: none comes in time, or one is endless.
        """
        seconds = self._silence_seconds
        if not self._deadline.passed:
            self._deadline.end()
            limit = self._answer_seconds if seconds is None else seconds
            self._deadline = patience.Deadline(self._process, limit)
            self._deadline.begin()
        for line in self._bounded(patience.MAX_LINE if seconds is None else None):
            if seconds is not None:
                self._deadline.end()
            yield line
            if seconds is not None:
                self._deadline.begin()

    def _bounded(self, most: int | None) -> Iterator[str]:
        """Lines up to `most` characters in all."""
        said = 0
        try:
            # Not `yield from`, which would close the lines with this generator, before all are read.
            for line in self._lines:
                said += len(line) + 1
                if most is not None and said > most:
                    raise patience.TooLong(f"more than {most >> 20} MiB")
                yield line
            self.ended = True
        except patience.TooLong as error:
            raise DeviceError(f"{self._address}: sent {error}, which no answer is") from None
        finally:
            self._deadline.end()
        if self._deadline.passed:
            raise DeviceError(
                f"{self._address}: sent nothing that was waited for in {self._deadline.seconds:g} s; is it overloaded, "
                "or its card worn out? Restart it, and run the same command again"
            )

    def check(self) -> None:
        """Wait for the end of the program. Raises `DeviceError` where it failed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            status = self._process.wait(self._answer_seconds)
        except subprocess.TimeoutExpired:
            raise DeviceError(
                f"{self._address}: its program does not end, {self._answer_seconds:g} s after its last line"
            ) from None
        text = self._stderr.text()
        self.last_error = next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
        if status:
            raise explain(self._address, status, text)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        patience.kill(process)
        process.wait()
