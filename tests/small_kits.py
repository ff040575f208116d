"""Kits of a few kilobytes for this Python: their wheels hold a word each, and their edgeall prints what it was asked.

What `edgeall selftest` answers is in the model's file, so that a test chooses how an installation ends.
"""

import json
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="kits are made on a workstation")

from edgeall import documents, station
from edgeall.bundling.guide import BOOTSTRAP
from edgeall.bundling.keys import Key, make_key
from edgeall.bundling.manifest import Environment, KitModel, Manifest
from edgeall.bundling.signing import write_kit
from edgeall.station.installing import machine

PROGRAM = """
import os, sys, word
if sys.argv[1] == "selftest":
    status = int(open(sys.argv[2]).read().split()[1])
    sys.exit(status if not status else print("edgeall: asked to end so", file=sys.stderr) or status)
print(word.WORD, os.environ["EDGEALL_MODEL"], *sys.argv[1:])
"""


@dataclass(frozen=True)
class KeyPair:
    private: Path
    public: Path
    key: Key


def key_pair(folder: Path, name: str = "lab") -> KeyPair:
    return KeyPair(*make_key(folder / name))


def packed(members: dict[str, str | bytes]) -> bytes:
    """A ZIP archive, such as a wheel is."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def contents(word: str = "first", status: int = 0, **changes: str) -> dict[str, Path | bytes]:
    """The files of a kit. `status`: of its self-test. `changes`: of the environment in its manifest."""
    wheel = packed({"word.py": f"WORD = {word!r}", "word-1.dist-info/METADATA": "Name: word\nVersion: 1\n"})
    place = {
        "system": platform.system(),
        "machine": machine(),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "glibc": "2.17" if platform.libc_ver()[0] == "glibc" else "",
    }
    manifest = Manifest(
        "small",
        "0.0.1",
        "laptop",
        KitModel("model/small.tflite", "0" * 64, "tflite", "int8"),
        "code/edgeall.zip",
        (Environment(**(place | changes), bytes=1000, wheels=("wheels/word-1-py3-none-any.whl",)),),
    )
    return {
        "__main__.py": BOOTSTRAP.encode(),
        "code/edgeall.zip": packed({"edgeall/__init__.py": "", "edgeall/__main__.py": PROGRAM}),
        "kit.json": json.dumps(documents.plain(manifest)).encode(),
        "model/small.tflite": f"{word} {status}".encode(),
        "wheels/word-1-py3-none-any.whl": wheel,
        **{f"station/{path.name}": path for path in Path(station.__file__).parent.glob("*.py")},
    }


def small_kit(
    out: Path, word: str = "first", key: Key | None = None, status: int = 0, **changes: str
) -> Path:
    """Written to `out`, whose name ends with .zip or .tar.zst."""
    write_kit(out, "small", contents(word, status, **changes), key)
    return out


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with next to no environment."""
    return subprocess.run(
        list(map(str, command)),
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def program(kit: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A kit's own program, on the standard library alone."""
    return run(sys.executable, "-I", "-S", "-B", kit, *arguments)


def says(folder: Path, *arguments: str) -> str:
    """What the station's edgeall prints."""
    done = run(folder / "bin" / "edgeall", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
