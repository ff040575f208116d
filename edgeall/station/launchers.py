"""Launcher scripts: edgeall from folders of unpacked wheels, without pip, venv or a change to the system's Python."""

import os
import shlex
from collections.abc import Iterable


def launcher(folder: str, python: str, paths: Iterable[str], isolated: bool, model: str | None = None) -> str:
    """A POSIX shell script that runs edgeall.

    Args:
        folder: where the `paths` begin, an absolute path.
        python: the interpreter, by name or absolute path.
        isolated: leave out packages of the user.
        model: path of the artifact to use where neither `--model` nor `EDGEALL_MODEL` names one.
    """
    where = os.pathsep.join(f"{folder}/{path}" for path in paths)
    alone = "PYTHONNOUSERSITE=1 " if isolated else ""
    default = ""
    if model is not None:
        default = f'[ -n "$EDGEALL_MODEL" ] || EDGEALL_MODEL={shlex.quote(model)}\nexport EDGEALL_MODEL\n'
    return (
        f"#!/bin/sh\n{default}{alone}PYTHONPATH={shlex.quote(where)} "
        f'exec {shlex.quote(python)} -P -m edgeall "$@"\n'
    )


def windows_launcher(folder: str, python: str, paths: Iterable[str], model: str) -> str:
    """The same as a batch file of Windows; lines end with CR LF. Untested on Windows.

    Raises:
        ValueError: a path has a character that a batch file cannot quote.
    """
    where = ";".join(f"{folder}\\{path}" for path in paths)
    for path in (where, python, model):
        if set(path) & set('"%!^&|<>') or not path.isprintable():
            raise ValueError(f"{path!r} has a character that a batch file cannot hold; choose another folder")
    lines = (
        "@echo off",
        "setlocal",
        f'if not defined EDGEALL_MODEL set "EDGEALL_MODEL={model}"',
        'set "PYTHONNOUSERSITE=1"',
        f'set "PYTHONPATH={where}"',
        f'"{python}" -P -m edgeall %*',
    )
    return "".join(f"{line}\r\n" for line in lines)


CURRENT = "current"
"""The file that names the installed kit in its first line, and the kit before it in its second."""


def program(python: str, folder: str) -> str:
    """A POSIX shell script that runs the program in a folder, isolated, without leaving bytecode there."""
    return f'#!/bin/sh\nexec {shlex.quote(python)} -I -B {shlex.quote(folder)} "$@"\n'


def switched(name: str) -> str:
    """A POSIX shell script in `bin/` of a station: runs `name` of the kit that `CURRENT` names.

    An update or roll-back replaces that file, and nothing else.
    """
    return f"""#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 2
read -r kit <"$here/{CURRENT}" || {{ echo "edgeall: no kit is installed in $here" >&2; exit 2; }}
exec "$here/kits/$kit/{name}" "$@"
"""


def switched_on_windows(name: str) -> str:
    """The same as a batch file. Untested on Windows."""
    kit = f'"%~dp0..\\kits\\%%k\\{name}.cmd"'
    return f'@echo off\r\nfor /f "usebackq delims=" %%k in ("%~dp0..\\{CURRENT}") do ({kit} %* & exit /b)\r\n'
