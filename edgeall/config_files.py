"""Finds recipes and device profiles: files that ship with edgeall, and the user's own, which take precedence."""

import os
from pathlib import Path
from typing import Literal

from edgeall.suggestions import unknown_name

Kind = Literal["export", "devices"]

_PACKAGE = Path(__file__).resolve().parent


def folder(kind: Kind) -> Path:
    """The folder of the shipped TOML files of a kind: inside the installed wheel, or at the top of a checkout."""
    installed = _PACKAGE / "shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def user_folder(kind: Kind) -> Path:
    """The folder of the user's own files, which need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "edgeall" / kind


def available(kind: Kind) -> dict[str, Path]:
    """Files by name; a user's own file replaces the shipped one of the same name."""
    files = [*folder(kind).glob("*.toml"), *user_folder(kind).glob("*.toml")]
    return {file.stem: file for file in sorted(files, key=lambda f: (f.parent != folder(kind), f.name))}


def find(kind: Kind, name_or_path: str) -> Path:
    """The file with this name, or at this path.

    Raises:
        UsageError: neither exists; the message suggests the nearest name.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" and path.is_file():
        return path
    known = available(kind)
    if name_or_path not in known:
        raise unknown_name("recipe" if kind == "export" else "device", name_or_path, known)
    return known[name_or_path]
