"""What the engines' wheels need of a Linux system, as their own shared libraries say.

A wheel's name may promise more than it keeps: that of LiteRT 2.3.0 for aarch64 says glibc 2.27, and its libraries ask
for symbols of glibc 2.34. The figures are the highest `GLIBC_` and `GLIBCXX_` versions that `readelf -V` shows among
the needs of any library in the wheel (aarch64: CPython 3.11, 3.12 and 3.13 alike; x86-64: 3.11), or the glibc of the
wheel's name where that is higher, because pip does not install it on an older one. An engine of another version may
have other needs: whether it can be imported is tried when it is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgeall.runtimes import ENGINES


@dataclass(frozen=True)
class WheelRequirement:
    """The least that an engine's wheel runs with.

    Attributes:
        release: the distribution and version that the figures were read from.
        glibc: of the C library, (major, minor).
        libstdcxx: of GNU's C++ library, the number after `GLIBCXX_`: 3.4.22 is of GCC 6, 3.4.30 of GCC 12.
    """

    release: str
    glibc: tuple[int, ...]
    libstdcxx: tuple[int, ...]


NEEDS: dict[str, dict[str, WheelRequirement]] = {
    "aarch64": {
        # Its name says manylinux_2_27.
        "tflite": WheelRequirement("ai-edge-litert 2.3.0", (2, 34), (3, 4, 30)),
        "onnx": WheelRequirement("onnxruntime 1.32.0", (2, 28), (3, 4, 22)),
        # Its libraries need 2.34, its name says manylinux_2_35; so with 2025.4.1.
        "openvino": WheelRequirement("openvino 2026.4.1", (2, 35), (3, 4, 30)),
    },
    "x86_64": {
        "tflite": WheelRequirement("ai-edge-litert 2.3.0", (2, 27), (3, 4, 22)),
        "onnx": WheelRequirement("onnxruntime 1.32.0", (2, 28), (3, 4, 22)),
        # Its libraries need 2.27.
        "openvino": WheelRequirement("openvino 2026.4.1", (2, 28), (3, 4, 22)),
    },
}
"""By machine, then by artifact format."""

TITLES: dict[str, str] = {format: engine.title for format, engine in ENGINES.items()}

NEWER_SYSTEM = "install Raspberry Pi OS 12 (bookworm), Debian 12, Ubuntu 22.04 or newer"
"""The oldest releases with glibc 2.35 or newer and GLIBCXX_3.4.30."""


def oldest_glibc(machine: str) -> tuple[int, ...]:
    """Of a C library with which at least one engine runs there."""
    return min(needs.glibc for needs in NEEDS.get(machine, NEEDS["x86_64"]).values())


def unmet(formats: Iterable[str], machine: str, glibc: str, libstdcxx: str | None) -> dict[str, str]:
    """By format, what a system lacks for its engine, in one line with the way out; formats that lack nothing are left
    out. `libstdcxx` None: not told, and not judged."""
    known = NEEDS.get(machine, {})
    here = _numbers(glibc), None if libstdcxx is None else _numbers(libstdcxx)
    told = {format: _lacking(known[format], *here) for format in formats if format in known}
    lacking = {format: words for format, words in told.items() if words}
    serving = [format for format in known if not _lacking(known[format], *here)]
    instead = f", or take {' or '.join(TITLES[each] for each in serving)}" if serving else ""
    return {
        format: f"{known[format].release} needs {words}: {NEWER_SYSTEM}{instead}"
        for format, words in lacking.items()
    }


def _lacking(needs: WheelRequirement, glibc: tuple[int, ...], libstdcxx: tuple[int, ...] | None) -> str:
    lacks = []
    if glibc < needs.glibc:
        lacks.append(f"glibc {_dotted(needs.glibc)}, and {_dotted(glibc)} is here")
    if libstdcxx is not None and libstdcxx < needs.libstdcxx:
        lacks.append(f"a libstdc++ with GLIBCXX_{_dotted(needs.libstdcxx)}, and {_dotted(libstdcxx)} is here")
    return "; ".join(lacks)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
