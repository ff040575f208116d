"""Files that are whole or absent: written beside their place, then moved into it."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeall.errors import UsageError

AnyPath = str | os.PathLike[str]
"""What every public function takes for a path."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place when the block ends well, remove it otherwise.

    The temporary keeps `path`'s suffix, because converters choose by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        # mkstemp makes files private; a result is as readable as any other file the user writes.
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """As `replacing`, for a folder. With `overwrite`, one that stands at `path` stays until the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        if overwrite and path.exists():
            with tempfile.TemporaryDirectory(prefix=f".{path.name}.old.", dir=path.parent) as old:
                path.rename(Path(old) / "old")
                part.rename(path)
        else:
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write `document` as indented JSON, whole or not at all. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_overwrite(path: Path, overwrite: bool) -> None:
    """Raise `UsageError` if something is at `path` and the user did not say --overwrite."""
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already: give another name, or --overwrite to replace it")
