"""Recipes and device profiles: data files that ship with edgeall, and a user's own that win over them."""

import os
from pathlib import Path
from typing import Literal

from edgeall.suggestions import unknown_name

Kind = Literal["export", "devices"]

_PACKAGE = Path(__file__).resolve().parent


def folder(kind: Kind) -> Path:
    """Where the shipped TOML files of a kind lie: inside the installed wheel, or at the top of a checkout."""
    installed = _PACKAGE / "shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def user_folder(kind: Kind) -> Path:
    """Where a user's own lie; need not exist."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "edgeall" / kind


def available(kind: Kind) -> dict[str, Path]:
    """Name to file; a user's own of the same name replaces the shipped one."""
    files = [*folder(kind).glob("*.toml"), *user_folder(kind).glob("*.toml")]
    return {file.stem: file for file in sorted(files, key=lambda f: (f.parent != folder(kind), f.name))}


def find(kind: Kind, name_or_path: str) -> Path:
    """The file for a name, or for a path to one.

    Raises:
        UsageError: neither; names the nearest known.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" and path.is_file():
        return path
    known = available(kind)
    if name_or_path not in known:
        raise unknown_name("recipe" if kind == "export" else "device", name_or_path, known)
    return known[name_or_path]
