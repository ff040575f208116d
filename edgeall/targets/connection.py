"""Connects to a board by the system's `ssh`, with the user's configuration, keys, agent and jump hosts.

All requests share one login, where the system's ssh can share a connection. Host keys are always checked. The command
on the board is fixed. Programs, requests and files go through its standard input, so that no data reaches a shell.
"""

import atexit
import contextlib
import io
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any, cast

from edgeall.errors import DeviceError
from edgeall.targets.address import Address
from edgeall.targets.ssh_errors import explain

CONNECT_SECONDS = 10
"""Limit of ssh for connecting to the host."""

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
        document = json.loads(line.removeprefix(_GREETING))
        return cls(
            tuple(document["python"]),
            document["bits"],
            document["machine"],
            document["system"],
            (document["libc"][0], document["libc"][1]),
        )

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
    ) -> None:
        """`ssh_config`: replaces the user's ssh configuration."""
        self.address = address
        self._python = python
        self._config = ssh_config
        self._connect_seconds = connect_seconds
        self._folder: Path | None = None
        self._login: subprocess.Popen[str] | None = None

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
        with tempfile.TemporaryFile("w+", errors="replace") as stderr:
            login = self._start(_WAIT, stderr, share="yes")
            assert login.stdout is not None
            deadline = threading.Timer(3 * self._connect_seconds, login.kill)
            deadline.start()
            try:
                ready = any(line.strip() == _READY for line in login.stdout)
            finally:
                deadline.cancel()
            if not ready:
                status = login.wait()
                self.close()
                raise explain(self.address, status, _read(stderr))
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
            lines = list(running.lines)
        if not running.greeting.can_run:
            return RemoteResult(running.greeting, None)
        try:
            return RemoteResult(running.greeting, json.loads(lines[-1]))
        except (IndexError, ValueError):
            raise DeviceError(
                f"{self.address}: sent no response ({running.last_error or 'no message'})"
            ) from None

    @contextmanager
    def running(
        self, verb: str, request: dict[str, Any], payload: Iterable[bytes] = ()
    ) -> Generator["RemoteProcess", None, None]:
        """As `call`, with the response's lines as they arrive. Leaving the block early stops the board's program.

        Raises:
            DeviceError: as `call`, before the block or after the last line.
        """
        self.open()
        command = shlex.join([self._python, "-c", _BOOT, verb])
        with tempfile.TemporaryFile("w+", errors="replace") as stderr:
            process = self._start(command, stderr, share="no")
            try:
                running = RemoteProcess(self.address, process, stderr, 6 * self._connect_seconds)
                # A board that ends before it has read everything reports the reason itself.
                with contextlib.suppress(OSError):
                    if running.greeting.can_run:
                        _send(process, request, payload)
                yield running
                if running.ended:
                    running.check()
            finally:
                _end(process)

    def _start(self, command: str, stderr: IO[str], *, share: str) -> subprocess.Popen[str]:
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
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
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
        self, address: Address, process: "subprocess.Popen[str]", stderr: IO[str], timeout_seconds: float
    ) -> None:
        """Waits for the board's properties, at most `timeout_seconds`."""
        self._address, self._process, self._stderr = address, process, stderr
        self.ended = False
        self.last_error = ""
        deadline = threading.Timer(timeout_seconds, process.kill)
        deadline.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                # Lines before it are printed by the shell's start-up files.
                if line.startswith(_GREETING):
                    self.greeting = BoardInfo.read(line)
                    return
        finally:
            deadline.cancel()
        self.ended = True
        self.check()
        raise DeviceError(f"{address}: python3 there did not start ({self.last_error or 'no message'})")

    @property
    def lines(self) -> Iterable[str]:
        """Lines as they arrive, without line ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\r\n")
        self.ended = True

    def check(self) -> None:
        """Wait for the end of the program. Raises `DeviceError` where it failed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        status = self._process.wait()
        text = _read(self._stderr)
        self.last_error = next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
        if status:
            raise explain(self._address, status, text)


def _send(process: "subprocess.Popen[str]", request: dict[str, Any], payload: Iterable[bytes]) -> None:
    """Send the agent, the request and the payload.

    Standard input stays open, because the board stops when it closes.
    """
    program = resources.files("edgeall.targets").joinpath("agent.py").read_bytes()
    assert process.stdin is not None
    stream = cast(io.TextIOWrapper, process.stdin).buffer
    stream.write(b"%d\n%s%s\n" % (len(program), program, json.dumps(request).encode()))
    for chunk in payload:
        stream.write(chunk)
    stream.flush()


def _end(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
