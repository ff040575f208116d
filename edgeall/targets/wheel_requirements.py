"""What the engines' wheels need of a Linux system, as their own shared libraries say.

A wheel's name may promise more than it keeps: that of LiteRT 2.3.0 for aarch64 says glibc 2.27, and its libraries ask
for symbols of glibc 2.34. The figures are the highest `GLIBC_` and `GLIBCXX_` versions that `readelf -V` shows among
the needs of any library in the wheel (aarch64: CPython 3.11, 3.12 and 3.13 alike; x86-64: 3.11), or the glibc of the
wheel's name where that is higher, because pip does not install it on an older one. An engine of another version may
have other needs: whether it can be imported is tried when it is there.
"""

from collections.abc import Iterable

from edgeall.engines import ENGINES, WheelRequirement

NEWER_SYSTEM = "install Raspberry Pi OS 12 (bookworm), Debian 12, Ubuntu 22.04 or newer"
"""The oldest releases with glibc 2.35 or newer and GLIBCXX_3.4.30."""


def oldest_glibc(machine: str) -> tuple[int, ...]:
    """Of a C library with which at least one engine runs there."""
    return min(needs.glibc for needs in (_needs(machine) or _needs("x86_64")).values())


def unmet(formats: Iterable[str], machine: str, glibc: str, libstdcxx: str | None) -> dict[str, str]:
    """By format, what a system lacks for its engine, in one line with the way out; formats that lack nothing are left
    out. `libstdcxx` None: not known, and not judged."""
    known = _needs(machine)
    here = _numbers(glibc), None if libstdcxx is None else _numbers(libstdcxx)
    reasons = {format: _lacking(known[format], *here) for format in formats if format in known}
    lacking = {format: words for format, words in reasons.items() if words}
    serving = [ENGINES[format].title for format in known if not _lacking(known[format], *here)]
    instead = f", or take {' or '.join(serving)}" if serving else ""
    return {
        format: f"{known[format].release} needs {words}: {NEWER_SYSTEM}{instead}"
        for format, words in lacking.items()
    }


def _needs(machine: str) -> dict[str, WheelRequirement]:
    """By format."""
    return {format: engine.wheels[machine] for format, engine in ENGINES.items() if machine in engine.wheels}


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
