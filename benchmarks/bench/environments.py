"""Virtual environments for peers, and for edgeall as a device has it: made once, with pip, and kept."""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeall import documents, files

MINUTES = 30
"""Longest time of an installation, in minutes."""
RECORD = "environment.json"


@dataclass(frozen=True)
class Environment:
    """An environment that was installed, or the reason why it could not be.

    Attributes:
        seconds: that the installation took.
        megabytes: on disk.
        versions: of all packages in it, by their names.
        pinned: names of the packages that its requirements name.
        refused: the installer's message; None of an environment that is ready.
    """

    folder: Path
    seconds: float
    megabytes: float
    versions: Mapping[str, str]
    pinned: tuple[str, ...]
    refused: str | None

    @property
    def pinned_versions(self) -> tuple[str, ...]:
        """Packages that its requirements name, with the versions that are there."""
        known = {name.lower().replace("_", "-"): version for name, version in self.versions.items()}
        return tuple(f"{name} {known.get(name, '?')}" for name in self.pinned)

    @property
    def python(self) -> Path:
        return _python(self.folder)


@dataclass(frozen=True)
class _Record:
    seconds: float
    megabytes: float
    versions: dict[str, str]
    refused: str | None = None


def folder_of(name: str, requirements: Sequence[str], cache: Path, state: str = "") -> Path:
    """Where the environment of `requirements` is; its name has a digest of them, of `state` and of Python's version."""
    recipe = "".join(f"{each}\n" for each in requirements) + state + platform.python_version()
    return cache / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def provide(
    name: str, requirements: Sequence[str], cache: Path, say: Callable[[str], None], state: str = ""
) -> Environment:
    """The environment with `requirements`, which pip resolves on its own; installed where it is not there yet.

    An installation that was interrupted is begun anew. One that failed is not repeated: delete its folder to try again.

    Args:
        state: of requirements that change without their text, such as the digest of a source folder.
    """
    folder = folder_of(name, requirements, cache, state)
    if not (folder / RECORD).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        say(f"installing {name} into {folder}")
        files.write_json(folder / RECORD, asdict(_install(requirements, folder)))
    found = documents.read(_Record, folder / RECORD)
    names = tuple(re.split(r"[\[=<]", each)[0] for each in requirements)
    return Environment(folder, found.seconds, found.megabytes, found.versions, names, found.refused)


def _install(requirements: Sequence[str], folder: Path) -> _Record:
    started = time.monotonic()
    python = _python(folder)
    refused, versions = None, {}
    try:
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", *requirements])
        told = _run([*pip, "list", "--format=json"])
        versions = {each["name"]: each["version"] for each in json.loads(told)}
    except subprocess.CalledProcessError as error:
        refused = without_places(last_line(error.stderr))
    except subprocess.TimeoutExpired:
        refused = f"the installation did not end in {MINUTES} minutes"
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return _Record(time.monotonic() - started, size / 1e6, versions, refused)


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60 * MINUTES)  # noqa: S603
    return done.stdout


def last_line(text: str) -> str:
    """The last line of a program's output that says something, for tables."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no message"])[-1][:300]


def without_places(text: str) -> str:
    """A message without what is of this machine alone: folders of paths, and addresses."""
    return re.sub(r"(?<![\w.])/(?:[\w.@+-]+/)+", "", re.sub(r"\w+://\S+", "…", text))
