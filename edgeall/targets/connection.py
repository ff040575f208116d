"""One board over the system's own `ssh`: its configuration, keys, agent and jump hosts are the user's.

One login serves everything, where the system's ssh can share a connection. Host keys are always checked. What runs on
the board is a fixed command; programs, requests and files go through its standard input, so that nothing made from
data ever reaches a shell.
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
"""ssh's own limit for reaching the host."""

_SHARED = os.name != "nt"
"""Windows' OpenSSH cannot share a connection; there every request logs in anew."""

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
"""Command of the shared login: it ends when its standard input does, that is with this program, however that ends."""

# Any Python 3 understands it: it tells what it is before it reads a program that only a newer one could run.
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
    sys.exit(names["answer"](sys.argv[1]))
"""


@dataclass(frozen=True)
class BoardInfo:
    """What a board's Python says of itself before anything else. `libc` is (name, version)."""

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
        """Whether its Python is new enough for the programs that are sent."""
        return self.python >= OLDEST_PYTHON


@dataclass(frozen=True)
class RemoteResult:
    """A board's greeting, and what it answered; None where its Python is too old to be asked."""

    greeting: BoardInfo
    document: Any


class Connection:
    """A board that may be asked. Opens itself when needed, and again after it was lost."""

    def __init__(
        self,
        address: Address,
        python: str = "python3",
        ssh_config: Path | None = None,
        connect_seconds: int = CONNECT_SECONDS,
    ) -> None:
        """`ssh_config`: in place of the user's own configuration of ssh."""
        self.address = address
        self._python = python
        self._config = ssh_config
        self._connect_seconds = connect_seconds
        self._folder: Path | None = None
        self._login: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Log in, unless that was done.

        Raises:
            DeviceError: it cannot be reached, or refuses; `Dropped` where that may pass.
        """
        if self._login is not None and self._login.poll() is None:
            return
        self.close()
        if shutil.which("ssh") is None:
            raise DeviceError("there is no ssh command here; install the OpenSSH client")
        if _SHARED:
            # The path of a socket may have about 100 characters, and macOS's own folder for such things has 50.
            short = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108
            self._folder = Path(tempfile.mkdtemp(prefix="edgeall-", dir=short))
            # A thread that is not waited for, as a fleet's after Ctrl-C, tidies nothing up by itself.
            atexit.register(self.close)
        with tempfile.TemporaryFile("w+", errors="replace") as complaints:
            login = self._start(_WAIT, complaints, share="yes")
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
                raise explain(self.address, status, _read(complaints))
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

    def ask(self, verb: str, request: dict[str, Any], payload: Iterable[bytes] = ()) -> RemoteResult:
        """Have the board carry out a verb of `edgeall.targets.agent`; `payload` follows the request.

        Raises:
            DeviceError: the board cannot be reached, has no Python 3, or failed; `Dropped` where that may pass.
        """
        with self.running(verb, request, payload) as running:
            lines = list(running.lines)
        if not running.greeting.can_run:
            return RemoteResult(running.greeting, None)
        try:
            return RemoteResult(running.greeting, json.loads(lines[-1]))
        except (IndexError, ValueError):
            raise DeviceError(
                f"{self.address}: did not answer ({running.complaint or 'no message'})"
            ) from None

    @contextmanager
    def running(
        self, verb: str, request: dict[str, Any], payload: Iterable[bytes] = ()
    ) -> Generator["RemoteProcess", None, None]:
        """The same, with the answer's lines as they come. Leaving the block early stops the board's program.

        Raises:
            DeviceError: as `ask`; after the last line was read, or before the block begins.
        """
        self.open()
        command = shlex.join([self._python, "-c", _BOOT, verb])
        with tempfile.TemporaryFile("w+", errors="replace") as complaints:
            process = self._start(command, complaints, share="no")
            try:
                running = RemoteProcess(self.address, process, complaints, 6 * self._connect_seconds)
                # A board that ends before it has read all says why by itself.
                with contextlib.suppress(OSError):
                    if running.greeting.can_run:
                        _send(process, request, payload)
                yield running
                if running.ended:
                    running.check()
            finally:
                _end(process)

    def _start(self, command: str, complaints: IO[str], *, share: str) -> subprocess.Popen[str]:
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
            stderr=complaints,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C in a terminal reaches every program of its session; this one is ended by us, in order.
            start_new_session=True,
        )


class RemoteProcess:
    """A program at work on a board."""

    def __init__(
        self, address: Address, process: "subprocess.Popen[str]", complaints: IO[str], patience_seconds: float
    ) -> None:
        """`patience_seconds`: a board whose Python has not greeted by then is taken for lost."""
        self._address, self._process, self._complaints = address, process, complaints
        self.ended = False
        self.complaint = ""
        deadline = threading.Timer(patience_seconds, process.kill)
        deadline.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                # What a shell's start-up files print comes before it.
                if line.startswith(_GREETING):
                    self.greeting = BoardInfo.read(line)
                    return
        finally:
            deadline.cancel()
        self.ended = True
        self.check()
        raise DeviceError(f"{address}: python3 there did not start ({self.complaint or 'no message'})")

    @property
    def lines(self) -> Iterable[str]:
        """Lines as they come, without their ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\r\n")
        self.ended = True

    def check(self) -> None:
        """Once its lines have ended: raises `DeviceError` where that was a failure."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        status = self._process.wait()
        text = _read(self._complaints)
        self.complaint = next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
        if status:
            raise explain(self._address, status, text)


def _send(process: "subprocess.Popen[str]", request: dict[str, Any], payload: Iterable[bytes]) -> None:
    """Standard input stays open: that it ends is how the board learns that nobody listens any more."""
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


def _read(complaints: IO[str]) -> str:
    complaints.seek(0)
    return complaints.read()
