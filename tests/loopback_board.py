"""A board that is this very machine: a real OpenSSH server on a loopback port, with its own keys and configuration."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from edgeall.targets import Address, Board, Profile

SSHD = shutil.which("sshd") or next(
    (path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), None
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class LoopbackBoard:
    """Starts when entered. `environment` is what programs on the "board" find set."""

    def __init__(self, folder: Path, **environment: str) -> None:
        if SSHD is None or shutil.which("ssh") is None:
            pytest.skip("needs an OpenSSH server and client (apt install openssh-server)")
        self.folder = folder
        self.port = free_port()
        self.home = folder / "home"
        self.ssh_config = folder / "ssh.conf"
        self.known_hosts = folder / "known_hosts"
        self._environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], **environment}
        self._server: subprocess.Popen[bytes] | None = None
        self.home.mkdir(parents=True)
        for name in ("host", "user", "other"):
            self._keygen(name)
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        self.know("host")
        self._write_configurations()

    def __enter__(self) -> "LoopbackBoard":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        assert SSHD is not None
        log = (self.folder / "sshd.log").open("ab")
        self._server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.folder / "sshd.conf")], stderr=log, start_new_session=True
        )
        log.close()
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._server.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"sshd does not start here: {(self.folder / 'sshd.log').read_text()[-300:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Nobody answers any more, and whoever is connected loses the connection."""
        if self._server is not None:
            sessions = self._sessions()
            self._server.kill()
            self._server.wait()
            self._server = None
            _kill(sessions)

    def drop(self) -> None:
        """Whoever is connected loses the connection; new ones are taken."""
        _kill(self._sessions())

    def know(self, key: str | None) -> None:
        """Which host key the workstation knows from before: "host" is the right one."""
        public = "" if key is None else " ".join((self.folder / f"{key}.pub").read_text().split()[:2])
        self.known_hosts.write_text(public and f"[127.0.0.1]:{self.port},[localhost]:{self.port} {public}\n")

    def address(self, host: str = "127.0.0.1", port: int | None = None) -> Address:
        return Address(host, None, port or self.port)

    def profile(self, name: str = "loopback", **changes: Any) -> Profile:
        """A device at this board, whose engines are those of this very Python."""
        board: dict[str, Any] = {
            "addresses": (self.address(),),
            "python": sys.executable,
            "folder": "~/edgeall",
            "packages": "own",
            "ssh_config": self.ssh_config,
        }
        outer = {key: changes.pop(key) for key in ("formats", "models", "finds", "limits") if key in changes}
        return Profile(name, "ssh", board=Board(**board | changes), **outer)

    def toml(self, *lines: str) -> str:
        """The same as a device's file."""
        return "\n".join(
            [
                'reach = "ssh"',
                f'host = "127.0.0.1:{self.port}"',
                f'python = "{sys.executable}"',
                'folder = "~/edgeall"',
                'packages = "own"',
                f'ssh_config = "{self.ssh_config}"',
                *lines,
            ]
        )

    def script(self, name: str, text: str) -> Path:
        """An executable of the board's."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def _keygen(self, name: str) -> None:
        key = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    def _write_configurations(self) -> None:
        if os.geteuid() == 0:
            # Where a distribution's sshd wants to separate its privileges; its service makes it otherwise.
            Path("/run/sshd").mkdir(exist_ok=True)
        settings = " ".join(f'"{name}={value}"' for name, value in self._environment.items())
        (self.folder / "sshd.conf").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder / 'host'}\n"
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}\nPidFile none\nStrictModes no\nUsePAM no\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nSetEnv {settings}\n"
        )
        self.ssh_config.write_text(
            f"Host *\n IdentityFile {self.folder / 'user'}\n IdentitiesOnly yes\n IdentityAgent none\n"
            f" UserKnownHostsFile {self.known_hosts}\n GlobalKnownHostsFile /dev/null\n"
        )

    def _sessions(self) -> list[int]:
        assert self._server is not None
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._server.pid)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]


class Link:
    """A TCP proxy in front of a board: slow, or cut once after so many bytes towards the board."""

    def __init__(
        self, to_port: int, *, bytes_per_second: int | None = None, cut_after: int | None = None
    ) -> None:
        self._to, self._rate, self._cut = to_port, bytes_per_second, cut_after
        self.passed = 0
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> "Link":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for source, target, up in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pipe, args=(source, target, up), daemon=True).start()

    def _pipe(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(16384):
                if up:
                    self.passed += len(chunk)
                    if self._cut is not None and self.passed > self._cut:
                        self._cut = None
                        self.cuts += 1
                        break
                    if self._rate is not None:
                        time.sleep(len(chunk) / self._rate)
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
