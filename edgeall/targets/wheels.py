"""Wheels for a device: chosen for its processor, C library and Python, fetched once, kept by their contents.

pip of this environment fetches them, from where it is set to look. `$XDG_CACHE_HOME/edgeall/wheels` keeps each file
under its SHA-256, and each choice as a list of such files; what was fetched once needs no network again.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Literal

from edgeall import documents, files
from edgeall.errors import DeviceError
from edgeall.progress import SILENT, Progress
from edgeall.targets.connection import BoardInfo

System = Literal["Linux", "Windows"]

_MOST_ROUNDS = 4
"""Of fetching what the wheels of the round before need there."""


@dataclass(frozen=True)
class Platform:
    """Where wheels are to run.

    Attributes:
        machine: "x86_64" or "aarch64".
        python: (major, minor) of CPython.
        glibc: "major.minor" of Linux's C library; empty on Windows.
    """

    system: System
    machine: str
    python: tuple[int, int]
    glibc: str = ""

    @classmethod
    def of_board(cls, greeting: BoardInfo) -> "Platform":
        # A development version has a third number, as 2.36.9000.
        glibc = ".".join(greeting.libc[1].split(".")[:2])
        return cls("Linux", greeting.machine, (greeting.python[0], greeting.python[1]), glibc)

    @property
    def python_version(self) -> str:
        return f"{self.python[0]}.{self.python[1]}"

    def __str__(self) -> str:
        libc = f" and glibc {self.glibc}" if self.glibc else ""
        return f"{self.system} on {self.machine} with Python {self.python_version}{libc}"

    @property
    def tags(self) -> list[str]:
        """Platform tags of wheels that run there, newest first (PEP 600, and the older names of PEP 513, 571, 599)."""
        if self.system == "Windows":
            return [{"x86_64": "win_amd64", "aarch64": "win_arm64"}[self.machine]]
        major, _, minor = self.glibc.partition(".")
        tags = [f"manylinux_{major}_{number}" for number in range(int(minor), 4, -1)]
        older = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
        tags += [name for number, name in older.items() if number <= int(minor)]
        return [f"{tag}_{self.machine}" for tag in [*tags, "linux"]]

    @property
    def markers(self) -> dict[str, str]:
        """The environment that requirements' conditions are judged in (PEP 508)."""
        windows = self.system == "Windows"
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python_version}.0",
            "os_name": "nt" if windows else "posix",
            "platform_machine": {"x86_64": "AMD64", "aarch64": "ARM64"}[self.machine]
            if windows
            else self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": self.system,
            "platform_version": "",
            "python_full_version": f"{self.python_version}.0",
            "python_version": self.python_version,
            "sys_platform": "win32" if windows else "linux",
            "extra": "",
        }


@dataclass(frozen=True)
class Wheel:
    """A wheel in the store.

    Attributes:
        path: its file, whose name is the wheel's.
        sha256: of the file, hexadecimal.
    """

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class _Choice:
    """The wheels for a platform and requirements, as they are kept: file name and SHA-256 of each."""

    platform: str
    requirements: tuple[str, ...]
    wheels: tuple[tuple[str, str], ...]


def choose(
    names: Iterable[str],
    versions: Mapping[str, str],
    platform: Platform,
    progress: Progress = SILENT,
    *,
    as_here: Iterable[str] = (),
    without: Iterable[str] = (),
) -> tuple[Wheel, ...]:
    """The wheels of distributions and of what these need, by name.

    Args:
        versions: of distributions, where one is demanded.
        as_here: distributions of which this environment's version is taken if there is a wheel of it for `platform`,
            so that both give the same answers; else the newest there is.
        without: normalized names of distributions that are left out although others require them.

    Raises:
        DeviceError: there are no such wheels, or the index cannot be reached.
    """
    listed = list(dict.fromkeys(names))
    fixed = [_requirement(name, versions) for name in listed]
    same = [
        _pinned_as_here(name) if name in set(as_here) and name not in versions else fixed[index]
        for index, name in enumerate(listed)
    ]
    try:
        found = _chosen(same, platform, progress)
    except DeviceError:
        if same == fixed:
            raise
        found = _chosen(fixed, platform, progress)
        progress.note(
            f"no wheels for {platform.machine} of this workstation's own versions; others are taken"
        )
    left_out = set(without)
    return tuple(
        wheel for wheel in found if wheel.name.partition("-")[0].lower().replace("_", "-") not in left_out
    )


def _chosen(requirements: Sequence[str], platform: Platform, progress: Progress) -> tuple[Wheel, ...]:
    place = store() / "chosen" / f"{_key(requirements, platform)}.json"
    if (kept := _kept(place)) is not None:
        return kept
    with progress.stage(f"fetching wheels for {platform.machine}", 1):
        wheels = _fetched(requirements, platform)
    choice = _Choice(str(platform), tuple(requirements), tuple((each.name, each.sha256) for each in wheels))
    files.write_json(place, documents.plain(choice))
    return wheels


def _key(requirements: Sequence[str], platform: Platform) -> str:
    text = "\n".join([str(platform), *requirements])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _kept(place: Path) -> tuple[Wheel, ...] | None:
    """A choice of before, if each of its files is there and unchanged."""
    try:
        choice = documents.read(_Choice, place)
        wheels = [Wheel(_place(sha256, name), sha256) for name, sha256 in choice.wheels]
        sound = all(files.sha256_file(each.path) == each.sha256 for each in wheels)
    except (documents.DocumentError, OSError):
        return None
    return tuple(wheels) if sound and wheels else None


def _fetched(requirements: Sequence[str], platform: Platform) -> tuple[Wheel, ...]:
    """Fetch wheels until nothing that they need there is missing.

    pip judges the conditions of requirements (`; sys_platform == "win32"`) in this environment, not in the device's.
    """
    wanted = list(requirements)
    store().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=store()) as scratch:
        for _ in range(_MOST_ROUNDS):
            _download(wanted, platform, Path(scratch))
            found = sorted(Path(scratch).glob("*.whl"))
            missing = _missing(found, platform)
            if not missing:
                break
            wanted += missing
        wheels = []
        for path in found:
            sha256 = files.sha256_file(path)
            place = _place(sha256, path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
            wheels.append(Wheel(place, sha256))
    return tuple(wheels)


def _missing(wheels: Iterable[Path], platform: Platform) -> list[str]:
    """Requirements that hold there and that none of the wheels fulfils."""
    try:
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name
    except ModuleNotFoundError:
        # Not part of the field tier. What a board then lacks shows when its engines are imported.
        return []
    needed: dict[str, str] = {}
    have = set()
    for path in wheels:
        described = wheel_metadata(path)
        have.add(canonicalize_name(described["Name"]))
        for text in described.get_all("Requires-Dist") or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(platform.markers):
                needed[canonicalize_name(requirement.name)] = f"{requirement.name}{requirement.specifier}"
    return [needed[name] for name in sorted(set(needed) - have)]


def wheel_metadata(wheel: Path) -> Message:
    """The METADATA of a wheel: core metadata, in the notation of e-mail headers."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(
            name
            for name in archive.namelist()
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        )
        return HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))


def _download(requirements: Sequence[str], platform: Platform, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    command += ["--implementation", "cp", "--python-version", platform.python_version]
    command += [word for tag in platform.tags for word in ("--platform", tag)]
    # An index with a password would ask for it where nobody sees the question.
    done = subprocess.run(  # noqa: S603
        [*command, "--", *requirements],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    if "No module named pip" in done.stderr:
        raise DeviceError("wheels are fetched with pip, which this environment lacks: python -m ensurepip")
    first = errors[0].removeprefix("ERROR: ") if errors else "pip failed without a word"
    raise DeviceError(
        f"no wheels for {platform} ({first[:160]}); fix another version under [versions] in the device's profile, or "
        "connect this workstation to a package index"
    )


def _requirement(name: str, versions: Mapping[str, str]) -> str:
    return f"{name}=={versions[name]}" if name in versions else name


def _pinned_as_here(name: str) -> str:
    try:
        # A local label (+cpu) is no part of what an index offers.
        return f"{name}=={metadata.version(name).partition('+')[0]}"
    except metadata.PackageNotFoundError:
        return name


def _place(sha256: str, name: str) -> Path:
    return store() / "files" / sha256 / name


def store() -> Path:
    """The folder of kept wheels."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgeall" / "wheels"
