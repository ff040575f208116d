"""What a board needs besides its Python: edgeall's field tier, and wheels for its processor, fetched here.

The board needs no internet, no pip and no right to install anything; its own Python's packages stay as they are.
"""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

import edgeall
from edgeall import config_files, files
from edgeall.engines import ENGINES
from edgeall.errors import DeviceError
from edgeall.progress import SILENT, Progress
from edgeall.targets.connection import BoardInfo
from edgeall.targets.uploads import Upload

WORKSTATION_ROOMS = frozenset(
    (
        *("benching", "comparing", "ensembling", "evaluating", "exporting", "importing", "reporting"),
        *("results", "statistics", "training", "tuning"),
    )
)
"""Parts of the package that a board has no use for."""

_EVERYWHERE = ("msgspec", "numpy", "pillow", "rich")

LAUNCHER = "bin/edgeall"


def code() -> Upload:
    """The package less its workstation rooms, as a ZIP file whose bytes depend on its contents alone."""
    package = Path(edgeall.__file__).resolve().parent
    members = {
        f"edgeall/{path.relative_to(package).as_posix()}": path
        for path in package.rglob("*")
        if path.suffix in (".py", ".typed")
        and path.relative_to(package).parts[0] not in WORKSTATION_ROOMS | {"shipped"}
    }
    for file in config_files.folder("devices").glob("*.toml"):
        members[f"edgeall/shipped/devices/{file.name}"] = file
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name), members[name].read_bytes(), zipfile.ZIP_DEFLATED)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return Upload(f"archives/edgeall-{digest[:16]}.zip", digest, len(content), content)


def launcher(folder: str, python: str, paths: Iterable[str], isolated: bool) -> str:
    """A shell script that runs edgeall on the board itself."""
    from shlex import quote

    where = os.pathsep.join(f"{folder}/{path}" for path in paths)
    alone = "PYTHONNOUSERSITE=1 " if isolated else ""
    return f'#!/bin/sh\n{alone}PYTHONPATH={quote(where)} exec {quote(python)} -P -m edgeall "$@"\n'


def wheels(
    formats: Iterable[str], versions: Mapping[str, str], greeting: BoardInfo, progress: Progress = SILENT
) -> list[Upload]:
    """Wheels of the engines of `formats` and what they need, for the board's processor, C library and Python.

    Fetched by this environment's pip, from where it is set to look, into `$XDG_CACHE_HOME/edgeall/wheels`; what was
    fetched once needs no network again. An engine's version is the one in `versions`, else this workstation's, so that
    both give the same answers, else the newest there is.

    Raises:
        DeviceError: there is no wheel for such a board, or the index cannot be reached.
    """
    engines = [ENGINES[format].distribution for format in sorted(set(formats))]
    names = dict.fromkeys((*_EVERYWHERE, *engines, *versions))
    fixed = [_requirement(name, versions) for name in names]
    same = [_pinned_as_here(name) if name in engines else name for name in fixed]
    store = _cache() / f"{greeting.machine}-{'.'.join(map(str, greeting.python[:2]))}-{greeting.libc[1]}"
    try:
        found = _fetch(same, greeting, store, progress)
    except DeviceError:
        if same == fixed:
            raise
        found = _fetch(fixed, greeting, store, progress)
        progress.note(
            f"no wheels for {greeting.machine} of this workstation's own versions; others are taken"
        )
    return [Upload.of_file(path, f"archives/{path.name}") for path in found]


def unpacked_name(parcels: Iterable[Upload]) -> str:
    """Where the board unpacks these archives: a folder named by their contents."""
    lines = "".join(sorted(f"{parcel.sha256}\n" for parcel in parcels))
    return f"unpacked/{hashlib.sha256(lines.encode()).hexdigest()[:16]}"


def platforms(greeting: BoardInfo) -> list[str]:
    """Platform tags of wheels that run there, newest first (PEP 600, and the older names of PEP 513, 571, 599)."""
    major, minor = _libc_version(greeting)
    tags = [f"manylinux_{major}_{number}" for number in range(minor, 4, -1)]
    older = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    tags += [name for number, name in older.items() if number <= minor]
    return [f"{tag}_{greeting.machine}" for tag in [*tags, "linux"]]


def _libc_version(greeting: BoardInfo) -> tuple[int, int]:
    major, _, minor = greeting.libc[1].partition(".")
    return int(major), int(minor)


def _fetch(requirements: list[str], greeting: BoardInfo, store: Path, progress: Progress) -> list[Path]:
    """Paths of the wheels that fulfil `requirements` there, dependencies included; asks pip once for the same ones."""
    folder = store / hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:16]
    if not folder.is_dir():
        title = f"fetching wheels for {greeting.machine}"
        with progress.stage(title, 1), files.replacing_folder(folder) as part:
            _download(requirements, greeting, part)
    return sorted(folder.glob("*.whl"))


def _download(requirements: list[str], greeting: BoardInfo, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    command += ["--implementation", "cp", "--python-version", ".".join(map(str, greeting.python[:2]))]
    command += [word for tag in platforms(greeting) for word in ("--platform", tag)]
    done = subprocess.run(  # noqa: S603
        [*command, "--", *requirements], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0:
        return
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    if "No module named pip" in done.stderr:
        raise DeviceError("wheels are fetched with pip, which this environment lacks: python -m ensurepip")
    first = errors[0].removeprefix("ERROR: ") if errors else "pip failed without a word"
    raise DeviceError(
        f"no wheels for {greeting.machine} with Python {'.'.join(map(str, greeting.python[:2]))} and "
        f"{' '.join(greeting.libc)} ({first[:160]}); fix another version under [versions] in the device's profile, or "
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


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edgeall" / "wheels"
