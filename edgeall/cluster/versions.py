"""What client, scheduler and workers must have alike."""

import importlib
import platform
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from edgeall.errors import ClusterError

COMPARED = ("python", "edgeall", "dask", "distributed", "numpy", "PIL")
"""What client and workers must have in the same version. Of Python it is the minor version."""


def versions() -> dict[str, str]:
    """Versions of `COMPARED` here; "none" for what is missing."""
    return {name: _version(name) for name in COMPARED}


def _version(name: str) -> str:
    if name == "python":
        return ".".join(platform.python_version_tuple()[:2])
    with suppress(ImportError):
        return str(getattr(importlib.import_module(name), "__version__", "unknown"))
    return "none"


def check(who: str, theirs: Any) -> None:
    """
    Raises:
        ClusterError: the versions differ, or are an exception.
    """
    if isinstance(theirs, Exception):
        raise ClusterError(
            f'{who} cannot run edgeall ({one_line(theirs)}): install there: pip install "edgeall[cluster]"'
        )
    compare(versions(), theirs, who)


def compare(ours: Mapping[str, str], theirs: Mapping[str, str], who: str) -> None:
    """
    Raises:
        ClusterError: a version differs.
    """
    for name, version in ours.items():
        if theirs.get(name) != version:
            raise ClusterError(
                f"{who} has {name} {theirs.get(name)}, and this command {version}: "
                "install the same versions on all machines"
            )


def one_line(error: BaseException) -> str:
    """An error of another library, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
