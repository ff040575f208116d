"""An emulated board: Debian's arm64 userland under QEMU, behind a real OpenSSH server on a loopback port.

It gets the same files, requests and programs as a real board, by the same ssh. It shows that code and engines work on
that processor, and gives their outputs. It gives no latency, because an emulator's timings differ from a board's.
"""

import dataclasses
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeall.errors import DeviceError
from edgeall.measuring.environment import EMULATION_MARK
from edgeall.measuring.instructions import COUNTER
from edgeall.measuring.plan import Plan
from edgeall.measuring.records import Message
from edgeall.measuring.signals import ending
from edgeall.progress import SILENT, Progress
from edgeall.targets import emulated_sysfs, qemu_plugin
from edgeall.targets.address import Address
from edgeall.targets.profile import PROCESSORS, Board, Profile
from edgeall.targets.ssh import BoardReport, Provisioned, SshTarget

CONNECT_SECONDS = 60
"""Limit for connecting. An emulated login shell starts slowly on a busy machine."""

_SECONDS_TO_START = 20.0


def folder() -> Path:
    """The folder into which `make emulator` installs the root file systems and QEMU."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgeall" / "emulator"


def lacking(profile: Profile) -> str | None:
    """What is missing for an emulated board, and how to get it; None where nothing is missing."""
    assert profile.emulated is not None
    tools = {"ssh": "openssh-client", "proot": "proot"}
    packages = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if _sshd() is None:
        packages.append("openssh-server")
    if packages:
        return f"the emulator needs {', '.join(packages)}; on Debian: apt install {' '.join(packages)}"
    if not (folder() / profile.emulated.system).is_dir() or not _qemu().is_file():
        return "the emulator is not built yet; from a checkout of edgeall: make emulator"
    return None


class EmulatorTarget:
    """Starts its board on demand, and stops it when closed. Everything else is delegated to `SshTarget`."""

    def __init__(self, profile: Profile, progress: Progress = SILENT) -> None:
        self._profile, self._progress = profile, progress
        self._server: _Server | None = None
        self._ssh: SshTarget | None = None

    def unreachable(self) -> str | None:
        try:
            return self._target().unreachable()
        except DeviceError as error:
            return str(error)

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        yield from self._target().measure(plan, finished)

    def examine(self, *, try_engines: bool = False) -> BoardReport:
        return self._target().examine(try_engines=try_engines)

    def provision(self, examined: BoardReport) -> Provisioned:
        return self._target().provision(examined)

    @property
    def address(self) -> Address | None:
        return None if self._ssh is None else self._ssh.address

    def close(self) -> None:
        if self._ssh is not None:
            self._ssh.close()
        if self._server is not None:
            self._server.stop()
        self._server, self._ssh = None, None

    def _target(self) -> SshTarget:
        if self._ssh is None:
            if reason := lacking(self._profile):
                raise DeviceError(reason)
            self._server = _Server.start(self._profile)
            board = dataclasses.replace(
                self._profile.board or Board(),
                addresses=(self._server.address,),
                ssh_config=self._server.place / "ssh.conf",
            )
            profile = dataclasses.replace(self._profile, board=board)
            self._ssh = SshTarget(profile, self._progress, connect_seconds=CONNECT_SECONDS)
        return self._ssh


@dataclass(frozen=True)
class _Server:
    """An OpenSSH server whose only command is the emulated shell, with temporary keys."""

    place: Path
    address: Address
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, profile: Profile) -> "_Server":
        sshd = _sshd()
        assert sshd is not None
        place = Path(tempfile.mkdtemp(prefix="edgeall-emulator-"))
        try:
            port = _prepare(place, profile)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise DeviceError(
                f"the emulated board cannot be set up ({error}); it needs room in {place.parent} and {folder()}"
            ) from None
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        if os.geteuid() == 0:
            # Needed by Debian's sshd for privilege separation. Its service would create it.
            with suppress(OSError):
                Path("/run/sshd").mkdir(exist_ok=True)
        log = place / "sshd.log"
        with log.open("wb") as stderr:
            command = [sshd, "-D", "-e", "-f", str(place / "sshd.conf")]
            process = subprocess.Popen(command, stderr=stderr, start_new_session=True)  # noqa: S603
        server = cls(place, Address("127.0.0.1", None, port), process)
        deadline = time.monotonic() + _SECONDS_TO_START
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return server
            if process.poll() is not None or time.monotonic() > deadline:
                last = (log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
                server.stop()
                raise DeviceError(f"the emulator's ssh server does not start: {last}")
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        self.process.kill()
        shutil.rmtree(self.place, ignore_errors=True)


def _prepare(place: Path, profile: Profile) -> int:
    """Keys, configuration and shell of a server in `place`; returns its port."""
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)]
        _run(command, "on Debian: apt install openssh-client")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    _configure(place, port, _shell(profile, place))
    return port


def _configure(place: Path, port: int, shell: Path) -> None:
    public = " ".join((place / "host.pub").read_text().split()[:2])
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    shutil.copy(place / "user.pub", place / "authorized_keys")
    (place / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {place / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\nMaxSessions 100\n"
        f"LoginGraceTime {CONNECT_SECONDS}\nForceCommand {shell}\n"
    )
    (place / "ssh.conf").write_text(
        f"Host *\n IdentityFile {place / 'user'}\n IdentitiesOnly yes\n IdentityAgent none\n"
        f" UserKnownHostsFile {place / 'known_hosts'}\n GlobalKnownHostsFile /dev/null\n"
    )


def _shell(profile: Profile, place: Path) -> Path:
    """A script that runs the requested command inside the emulated board, as the calling user."""
    assert profile.emulated is not None
    emulated = profile.emulated
    root = folder() / emulated.system
    # Uploaded files persist between benches, as on a real board.
    home = folder() / f"home-{profile.name}"
    home.mkdir(parents=True, exist_ok=True)
    board, system = place / "board", place / "system"
    board.mkdir()
    (board / "model").write_text(emulated.model)
    for name, text in emulated_sysfs.files(PROCESSORS[emulated.cpu], os.cpu_count() or 1).items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(f"{text}\n")
    (place / "cpuinfo").write_text(_cpuinfo(root, emulated.cpu))
    places: tuple[str, ...] = (
        *("/dev", "/proc", f"{place / 'cpuinfo'}:/proc/cpuinfo", f"{home}:/root"),
        *(f"{board}:/sys/firmware/devicetree/base", f"{system}:/sys/devices/system"),
    )
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        EMULATION_MARK: "1",
    }
    counter = folder() / "counter"
    if prefix := qemu_plugin.command_prefix(counter, emulated.cpu):
        environment[COUNTER] = prefix
        places = (*places, f"{counter}:{qemu_plugin.ON_BOARD}")
    command = [
        *(shutil.which("proot") or "proot", "-q", f"{_qemu()} -cpu {emulated.cpu}", "-r", str(root)),
        *(word for place in places for word in ("-b", place)),
        *("-w", "/root", "/bin/sh", "-c"),
    ]
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    script = place / "shell"
    script.write_text(f'#!/bin/sh\nexec env -i {variables} {shlex.join(command)} "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    return script


def _cpuinfo(root: Path, cpu: str) -> str:
    """The content of /proc/cpuinfo in the newer QEMU. The counting QEMU would show this machine's own."""
    command = [str(_qemu()), "-cpu", cpu, "-L", str(root), str(root / "bin" / "cat"), "/proc/cpuinfo"]
    remedy = "build the emulator again, from a checkout of edgeall: make emulator"
    if "CPU part" in (text := _run(command, remedy)):
        return text
    raise DeviceError(f"{_qemu()} does not emulate /proc/cpuinfo of a {cpu}; {remedy}")


def _run(command: list[str], remedy: str) -> str:
    """Run a program; returns its standard output.

    Raises:
        DeviceError: it is missing, fails or does not end; the message has the remedy.
    """
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, errors="replace", timeout=CONNECT_SECONDS, check=False
        )
    except OSError as error:
        why = f"cannot be run ({error.strerror})"
    except subprocess.TimeoutExpired:
        why = f"was stopped after {CONNECT_SECONDS} s"
    else:
        if done.returncode == 0:
            return done.stdout
        why = ending(done.returncode, done.stderr)
    raise DeviceError(f"{command[0]} {why}; {remedy}")


def _qemu() -> Path:
    return folder() / "qemu" / "usr" / "bin" / "qemu-aarch64"


def _sshd() -> str | None:
    places = ("/usr/sbin/sshd", "/usr/local/sbin/sshd")
    return shutil.which("sshd") or next((path for path in places if Path(path).is_file()), None)
