"""A station: the folder that kits are installed to, without root, internet, pip or venv.

```
station/
  current            names the kit in use, and the one before it: replacing this file is the update
  trusted.pub        the key that updates must be signed by, from the first signed kit
  bin/               edgeall and edgeall-kit, which run what `current` names
  kits/KIT/          one folder a kit: kit/ (its files without the wheels), code/, packages/, installed.sha256
```

A kit's folder is made under a hidden name and renamed when it is whole and on the disk. A station that is interrupted
at any point therefore has the kit before or the new one, and never a part of one; the next installation removes what
was left.
"""

import hashlib
import itertools
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import launchers, p256
from .errors import KitError
from .unpacking import UnpackingError, unpack
from .verifying import MANIFEST, Kit, copy_verified, read_key, read_manifest

INSTALLED = "installed.sha256"
TRUSTED = "trusted.pub"
_PART = ".part-"
_WINDOWS = os.name == "nt"
_RESERVE = 20_000_000
"""Bytes that stay free beside a kit."""
_TRY_SECONDS = 600
"""Longest time for a kit's programs to start and its model to answer."""
_OWN_WORDS = "edgeall: "
"""What each message of edgeall begins with."""
_MOST_WORDS = 400
"""Characters of another program's message that are shown."""


def default_folder() -> Path:
    """Where a station is, unless another place is named."""
    if _WINDOWS:
        return Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "edgeall-station"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "edgeall-station"


def _absolute(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:
        raise KitError(f"{folder}: {error}; give another --to") from None


@dataclass(frozen=True)
class Station:
    """The kits of a station, by the names of their folders.

    Attributes:
        current: the kit in use; None where none is installed.
        before: the one that a roll-back returns to.
    """

    folder: Path
    current: str | None
    before: str | None

    @classmethod
    def at(cls, folder: Path) -> "Station":
        """As it is now. A station that does not exist has no kits.

        Raises:
            KitError: `folder` is in the home of a user that does not exist.
        """
        folder = _absolute(folder)
        try:
            lines = (folder / launchers.CURRENT).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            lines = []
        names = [
            line
            for line in lines[:2]
            if line and Path(line).name == line and (folder / "kits" / line).is_dir()
        ]
        return cls(folder, *[*names, None, None][:2])

    def kit(self, name: str) -> Path:
        return self.folder / "kits" / name

    def manifest(self, name: str) -> dict[str, Any]:
        """What the installed kit says of itself."""
        try:
            return read_manifest((self.kit(name) / "kit" / MANIFEST).read_bytes())
        except OSError as error:
            raise KitError(f"{self.kit(name)}: cannot be read ({error.strerror or error})") from None

    @property
    def command(self) -> Path:
        """What runs edgeall."""
        return self.folder / "bin" / ("edgeall.cmd" if _WINDOWS else "edgeall")


def install(
    kit: Path, folder: Path, key: p256.Point | None = None, say: Callable[[str], Any] = print
) -> Station:
    """Verify a kit, unpack it beside those that are there, try its model, and make it the one in use.

    The kit in use until then is kept for a roll-back; older ones are removed.

    Args:
        key: the kit must be signed by it. None: by the key of the station's first signed kit, if it has one.

    Raises:
        KitError: the kit is damaged, of another signer, or not for this machine; or its model answers wrongly here
            (status 1); or it cannot be written. The station is then as before.
    """
    folder = _absolute(folder)
    kits = folder / "kits"
    with _as_kit_error(folder), _alone(folder):
        station = Station.at(folder)
        _clean(kits)
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=kits))
        try:
            verified = copy_verified(kit, part / "kit", key or _trusted(folder))
            base = f"{verified.id}-python{sys.version_info[0]}.{sys.version_info[1]}"
            target = _sound_or_new(kits, base)
            if not target.is_dir():
                say(f"verified {kit.name}: {_signer(verified)}")
                _unpacked(verified, part, target)
                part.chmod(0o755)
                _flush(part)
                part.rename(target)
                _flush_folder(kits)
            try:
                _try(target, verified, say)
            except KitError:
                if target.name not in (station.current, station.before):
                    _remove(target)
                raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _write_commands(folder)
        if verified.signer is not None and (key or _trusted(folder) is None):
            write_file(folder / TRUSTED, p256.pem(verified.signer))
        again = (station.current or "").startswith(base)
        before = station.before if again else station.current
        _switch(folder, target.name, before)
        for old in kits.iterdir():
            if old.name not in (target.name, before):
                _remove(old)
    return Station.at(folder)


def roll_back(folder: Path) -> Station:
    """Make the kit before the one in use. A second call returns to the newer one.

    Raises:
        KitError: there is none.
    """
    folder = _absolute(folder)
    with _as_kit_error(folder), _alone(folder):
        station = Station.at(folder)
        if station.current is None or station.before is None:
            raise KitError(f"{folder}: there is no kit before the one in use to go back to")
        _switch(folder, station.before, station.current)
    return Station.at(folder)


def check(folder: Path) -> int:
    """Compare the files of the kit in use with their sums of when they were installed; returns how many they are.

    Raises:
        KitError: some were changed, added or are missing (status 1), or no kit is installed.
    """
    station = Station.at(folder)
    if station.current is None:
        raise KitError(f"{station.folder}: no kit is installed")
    place = station.kit(station.current)
    with _as_kit_error(place):
        count, wrong = _changed(place)
    if wrong:
        raise KitError(
            f"{place}: {len(wrong)} files were changed or added, {ascii(wrong[0])[1:-1]} among them: install the kit "
            "again; the disk may be failing",
            1,
        )
    return count


def _changed(kit: Path) -> tuple[int, list[str]]:
    """How many files an installed kit has, and those that were added, or are of other content than when installed.

    Bytecode is passed over: Python adds it as it runs.
    """
    lines = [line.partition("  ") for line in (kit / INSTALLED).read_text(encoding="utf-8").splitlines()]
    listed = {name for _, _, name in lines} | {INSTALLED}
    there = (
        Path(place, name).relative_to(kit)
        for place, folders, names in os.walk(kit)
        for name in (*names, *(each for each in folders if Path(place, each).is_symlink()))
    )
    added = [
        path.as_posix()
        for path in there
        if path.parent.name != "__pycache__" and path.as_posix() not in listed
    ]
    return len(lines), [*(name for digest, _, name in lines if _sum(kit / name) != digest), *sorted(added)]


def _sound_or_new(kits: Path, base: str) -> Path:
    """The folder of a kit that is there already, or one that is free. A damaged one is passed over, and stays until
    another is in use."""
    for number in itertools.count(1):
        place = kits / (base if number == 1 else f"{base}-{number}")
        if not place.is_dir():
            break
        with suppress(OSError):
            if not _changed(place)[1]:
                break
    return place


def environment_here(manifest: dict[str, Any]) -> dict[str, Any]:
    """The entry of a kit's `environments` that this Python fits.

    Raises:
        KitError: there is none.
    """
    here = (platform.system(), machine(), f"{sys.version_info[0]}.{sys.version_info[1]}")
    offered = manifest["environments"]
    for each in offered:
        if (each["system"], each["machine"], each["python"]) == here:
            _check_libc(each["glibc"])
            return dict(each)
    served = ", ".join(f"Python {each['python']} on {each['system']} {each['machine']}" for each in offered)
    raise KitError(
        f"this kit is for {served}; here is Python {here[2]} on {here[0]} {here[1]}: ask for a kit made for it "
        f"(edgeall bundle --python {here[2]})"
    )


def machine() -> str:
    """The processor by its name on Linux, with the word size of this Python."""
    name = platform.machine().lower()
    name = {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)
    return name if struct.calcsize("P") == 8 else f"{name} (32-bit)"


def _check_libc(needed: str) -> None:
    if not needed:
        return
    name, version = platform.libc_ver()
    numbers = [[int(part) for part in text.split(".") if part.isdecimal()] for text in (version, needed)]
    if name != "glibc" or numbers[0] < numbers[1]:
        raise KitError(
            f"this kit needs glibc {needed} or newer, and here is {name or 'no glibc'} {version}".rstrip()
        )


def _unpacked(kit: Kit, part: Path, target: Path) -> None:
    """Make the kit's folder in `part`, which is to become `target`."""
    environment = environment_here(kit.manifest)
    needed = environment["bytes"] + _RESERVE
    if (free := shutil.disk_usage(part).free) < needed:
        raise KitError(
            f"{part.parent}: the kit takes {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free; make room"
        )
    try:
        unpack(part / "kit" / kit.manifest["code"], part / "code")
        (part / "packages").mkdir()
        for name in environment["wheels"]:
            unpack(part / "kit" / name, part / "packages")
    except UnpackingError as error:
        raise KitError(str(error), 1) from None
    for name in {
        kit.manifest["code"],
        *(wheel for each in kit.manifest["environments"] for wheel in each["wheels"]),
    }:
        (part / "kit" / name).unlink()
    python, model = _python(), str(target / "kit" / kit.manifest["model"]["file"])
    if _WINDOWS:
        try:
            text = launchers.windows_launcher(str(target), python, ("code", "packages"), model)
        except ValueError as error:
            raise KitError(str(error)) from None
        write_file(part / "edgeall.cmd", text.encode())
        own = f'@"{python}" -I -B "{target}\\kit" %*\r\n'
        write_file(part / "edgeall-kit.cmd", own.encode())
    else:
        text = launchers.launcher(str(target), python, ("code", "packages"), True, model)
        write_file(part / "edgeall", text.encode(), 0o755)
        write_file(part / "edgeall-kit", launchers.program(python, str(target / "kit")).encode(), 0o755)
    files = sorted(path for path in part.rglob("*") if path.is_file())
    listed = "".join(f"{_sum(path)}  {path.relative_to(part).as_posix()}\n" for path in files)
    write_file(part / INSTALLED, listed.encode())


def _python() -> str:
    """This interpreter by its lasting name: `python3` may be another one after an update of the system."""
    own = sys.executable or "python3"
    return os.path.realpath(own) if sys.prefix == sys.base_prefix else own


def _try(target: Path, kit: Kit, say: Callable[[str], Any]) -> None:
    """Run the golden pictures of the kit's model with the kit's own programs."""
    launcher = target / ("edgeall.cmd" if _WINDOWS else "edgeall")
    model = target / "kit" / kit.manifest["model"]["file"]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "EDGEALL_MODEL"))
    }
    try:
        done = subprocess.run(  # noqa: S603
            [launcher, "selftest", model],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            check=False,
            timeout=_TRY_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise KitError(
            f"not installed: the kit's model does not answer here within {_TRY_SECONDS / 60:.0f} minutes; end other "
            "programs and try again, or ask for a kit with a smaller model",
            1,
        ) from None
    last = _last_words(done.stderr) or f"status {done.returncode}"
    message = last.removeprefix(_OWN_WORDS)
    if done.returncode == 1 and last.startswith(_OWN_WORDS):
        say(f"not checked: {message}")
    elif done.returncode == 1:
        # A traceback of Python ends with this status too.
        raise KitError(f"not installed: the kit's programs do not run here: {message}", 1)
    elif done.returncode:
        raise KitError(f"not installed: the kit's model does not answer here as it must: {message}", 1)
    else:
        say("the model answers here as when it was made")


def _last_words(errors: str) -> str:
    """The last line of a program's errors; of a traceback its message, whose lines are joined."""
    lines = [line for line in errors.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if any(line.startswith("Traceback ") for line in lines) and not last.startswith(_OWN_WORDS):
        places = [number for number, line in enumerate(lines) if line.startswith("  ")]
        last = " ".join(lines[places[-1] + 1 :] if places else lines) or last
    return last.strip()[:_MOST_WORDS]


def _write_commands(folder: Path) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    for name in ("edgeall", "edgeall-kit"):
        if _WINDOWS:
            write_file(folder / "bin" / f"{name}.cmd", launchers.switched_on_windows(name).encode())
        else:
            write_file(folder / "bin" / name, launchers.switched(name).encode(), 0o755)


def _switch(folder: Path, current: str, before: str | None) -> None:
    write_file(folder / launchers.CURRENT, f"{current}\n{before or ''}\n".encode())


def _signer(kit: Kit) -> str:
    if kit.signer is None:
        return "not signed, so that nobody answers for it"
    trust = (
        "the key to trust"
        if kit.trusted
        else "a key that is trusted from now on; compare it with its owner's"
    )
    return f"signed by {str(kit.signed_by)[:16]}…, {trust}"


def _trusted(folder: Path) -> p256.Point | None:
    place = folder / TRUSTED
    return read_key(place) if place.exists() else None


def _clean(kits: Path) -> None:
    """Remove what an interrupted installation left."""
    kits.mkdir(parents=True, exist_ok=True)
    for left in kits.iterdir():
        if left.name.startswith(_PART):
            shutil.rmtree(left, ignore_errors=True)


def _remove(kit: Path) -> None:
    """Of a removal that is interrupted, a part with a hidden name stays."""
    hidden = kit.with_name(f"{_PART}{kit.name}")
    with suppress(OSError):
        kit.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def write_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=_PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
        _flush_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    """Write a folder and all below it to the disk."""
    if hasattr(os, "sync"):
        # All at once: thousands of files, one after the other, take minutes on an SD card.
        os.sync()
        return
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            handle = os.open(Path(place, name), os.O_RDWR if _WINDOWS else os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        _flush_folder(Path(place))


def _flush_folder(folder: Path) -> None:
    if _WINDOWS:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some file systems do not support it for folders.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _sum(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installation at a time. There is no lock on Windows."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KitError(f"{folder}: another installation is at work; wait for it to end") from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _as_kit_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KitError(
            f"{folder}: cannot be written ({error.strerror or error}); make room, or give another --to"
        ) from None
