"""Runs golden pictures once: at the first use after boot, and when something that they depend on has changed.

What was right is remembered in `$XDG_CACHE_HOME/edgeall/selftest/`, a file of some lines an artifact: the boot, then a
line for each engine and setting whose answers were right. Where a boot has no name (other systems than Linux), where
the file cannot be read or written, is of another user or holds something else, the pictures are run each time.
"""

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall import files, runtimes
from edgeall.artifact import Artifact
from edgeall.errors import EdgeallError
from edgeall.runtimes import Session, SessionOptions

if TYPE_CHECKING:
    from edgeall.golden.checking import Outcome

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSOR = Path("/proc/cpuinfo")
_MOST_LINES = 9
"""Of a file: the boot, and the last eight settings."""
_BYTES = 8192
"""That are read of any file. Of /proc/cpuinfo that is the first processor; the rest would take milliseconds."""

_OF_PROCESSOR = (
    "model name",
    "flags",
    "CPU implementer",
    "CPU part",
    "CPU variant",
    "CPU revision",
    "Features",
)
_OF_ENGINES = (
    "DNNL_",
    "KMP_",
    "MKL_",
    "ONEDNN_",
    "OMP_",
    "OPENBLAS_",
    "OPENVINO_",
    "ORT_",
    "OV_",
    "TFLITE_",
    "TF_",
    "XNN",
)
"""Beginnings of environment variables that change what engines compute."""


def check_once(
    artifact: Artifact, session: Session, *, boot: str | None = None, folder: Path | None = None
) -> "Outcome | None":
    """`check`, unless its answers were right since boot with the same engine, settings, processor and artifact.

    Accelerators are checked each time: their drivers can be replaced without a boot.

    Args:
        boot: name of this boot, instead of the system's.
        folder: instead of `$XDG_CACHE_HOME/edgeall/selftest`.

    Returns:
        None where the answers were right before. Wrong answers are never remembered.

    Raises:
        as `check`.
    """
    boot, folder = boot or _boot(), folder or _folder()
    if boot is None or folder is None or session.accelerator is not None:
        return _check(artifact, session)
    path = folder / f"{artifact.sha256}.txt"
    told = _told(path)
    known = told[1:] if told[:1] == [boot] else []
    key = _key(artifact, session)
    if key in known:
        return None
    outcome = _check(artifact, session)
    with suppress(EdgeallError, OSError), files.replacing(path, flush=False) as part:
        part.write_text("\n".join([boot, *[*known, key][1 - _MOST_LINES :]]) + "\n", encoding="ascii")
    return outcome


def _check(artifact: Artifact, session: Session) -> "Outcome":
    # Imported only where pictures are run: a start that finds them remembered is faster without.
    from edgeall.golden.checking import check

    return check(artifact, session)


def _folder() -> Path | None:
    """Where checks are remembered; None for a user without a home folder."""
    with suppress(RuntimeError):
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "edgeall" / "selftest"
    return None


def _boot() -> str | None:
    """A name of this boot, from Linux; None elsewhere."""
    with suppress(OSError, UnicodeDecodeError):
        return _read(_BOOT).decode("ascii").strip() or None
    return None


def _told(path: Path) -> list[str]:
    """The lines of a remembering file; none where it is missing, of another user, or no such file."""
    with suppress(OSError, ValueError):
        return _read(path, own=True).decode("ascii").split("\n")[:-1]
    return []


def _read(path: Path, own: bool = False) -> bytes:
    """The first bytes of a regular file; with `own`, of one that belongs to this user and is no link."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | (getattr(os, "O_NOFOLLOW", 0) if own else 0)
    handle = os.open(path, flags)
    try:
        if own:
            about = os.fstat(handle)
            mine = not hasattr(os, "geteuid") or about.st_uid == os.geteuid()
            if not mine or not stat.S_ISREG(about.st_mode):
                raise OSError(f"{path} is not this user's file")
        return os.read(handle, _BYTES)
    finally:
        os.close(handle)


def _key(artifact: Artifact, session: Session) -> str:
    """Digest of all that the answers depend on, besides the artifact."""
    metadata = artifact.metadata
    setup = SessionOptions(session.threads, metadata.precision, session.accelerator, session.batch)
    parts = [
        session.engine.name,
        session.engine.version,
        sys.version,
        repr(runtimes.settings(metadata.format, setup)),
        _processor(),
        *sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(_OF_ENGINES)),
    ]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def _processor() -> str:
    """Name and features of the first processor, as Linux tells."""
    lines = []
    with suppress(OSError):
        lines = _read(_PROCESSOR).decode(errors="replace").split("\n\n")[0].splitlines()
    return "\n".join(line for line in lines if line.partition("\t")[0].strip() in _OF_PROCESSOR)
