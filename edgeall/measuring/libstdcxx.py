"""Which of GNU's C++ library a Linux system has: engines' wheels bring none of their own, and need a new enough one."""

import platform
import re
from pathlib import Path

from edgeall.measuring.sysfs import ROOT

_FOLDERS = (
    "usr/local/lib",
    "lib/*-linux-gnu*",
    "usr/lib/*-linux-gnu*",
    "lib64",
    "usr/lib64",
    "lib",
    "usr/lib",
)
"""Where a loader looks that was not told otherwise; Debian's own folders for each kind of processor among them."""

_MACHINES = {"x86_64": 62, "aarch64": 183}
"""`e_machine` of ELF files: EM_X86_64 and EM_AARCH64 of the System V ABI."""

_SYMBOL_VERSION = re.compile(rb"\0GLIBCXX_(3\.4(?:\.\d+)?)(?=\0)")


def libstdcxx(root: Path = ROOT) -> str | None:
    """The highest symbol version that it defines, "3.4.30" for GLIBCXX_3.4.30, as of GCC 12; None where none is found
    for this machine's kind of processor."""
    for pattern in _FOLDERS:
        for file in sorted(root.glob(f"{pattern}/libstdc++.so.6")):
            try:
                content = file.read_bytes()
            except OSError:
                continue
            # 64-bit and of this processor: a system may have those of others beside it.
            if content[:5] == b"\x7fELF\x02" and _machine(content) == _MACHINES.get(platform.machine()):
                versions = [tuple(map(int, found.split(b"."))) for found in _SYMBOL_VERSION.findall(content)]
                if versions:
                    return ".".join(map(str, max(versions)))
    return None


def _machine(content: bytes) -> int:
    return int.from_bytes(content[18:20], "little")
