"""Environments of their own for peers, and for edgeall as a device has it: made once, with pip, and kept."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_FINISHED = "installed.txt"
"""Written last: what pip has installed there."""


def environment(
    shared: Path, name: str, requirements: Sequence[str], say: Callable[[str], None], state: str = ""
) -> Path:
    """Python of the virtual environment with `requirements`, which pip resolves on its own.

    Args:
        shared: folder of environments, as in `Bench.shared`.
        name: of the environment; with a digest of the requirements and of `state` that of its folder.
        state: of requirements that change without their text, such as the digest of a source folder.

    Raises:
        subprocess.CalledProcessError: pip could not install them; its message is on standard error.
    """
    digest = hashlib.sha256("\n".join([*requirements, state]).encode()).hexdigest()[:12]
    place = shared / f"env-{name}-{digest}"
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not (place / _FINISHED).exists():
        say(f"installs {', '.join(requirements)} into {place}")
        shutil.rmtree(place, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(place))
        _run(*_pip(python), "install", "--quiet", *requirements)
        frozen = _run(*_pip(python), "freeze").stdout
        (place / _FINISHED).write_text(frozen, encoding="utf-8")
    return python


def installed(python: Path) -> str:
    """What pip has installed in the environment, a line each."""
    return (python.parent.parent / _FINISHED).read_text(encoding="utf-8")


def _pip(python: Path) -> tuple[str, ...]:
    return (str(python), "-m", "pip", "--disable-pip-version-check")


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)  # noqa: S603
