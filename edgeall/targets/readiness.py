"""Whether a board can serve, in plain words: what is missing, and how to get it."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgeall.engines import ENGINES
from edgeall.targets.connection import OLDEST_PYTHON, BoardInfo
from edgeall.targets.local import missing_accelerators, unusable_engines
from edgeall.targets.profile import Profile
from edgeall.targets.wheel_requirements import NEWER_SYSTEM, oldest_glibc, unmet

Level = Literal["good", "warning", "missing"]

MACHINES = ("aarch64", "x86_64")
LEAST_MEMORY = 200_000_000
"""Bytes that an engine with a small backbone needs, the interpreter included; larger backbones need more."""

LEAST_DISK = 700_000_000
"""Bytes for wheels and their unpacked contents, with a reserve for images and artifacts."""

_CLOCK_SECONDS = 86_400


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `missing`: the board cannot serve without it; `warning`: figures or work may suffer."""

    level: Level
    subject: str
    text: str


def judge_greeting(greeting: BoardInfo) -> list[Finding]:
    """What can be told before anything is sent."""
    return [_python(greeting), _system(greeting), _bits(greeting), _libc(greeting)]


def judge_here(environment: dict[str, Any], profile: Profile) -> list[Finding]:
    """Findings of this machine: from `edgeall.measuring.environment.environment`, and by trying the engines, or the
    accelerators where the profile names some."""
    found = [finding for look in _OF_ANY for finding in look({"environment": environment}, profile)]
    if profile.accelerators:
        return found + _accelerators(profile)
    return found + judge_engines(profile, {}, unusable_engines(profile))


def _accelerators(profile: Profile) -> list[Finding]:
    """Of a profile of this machine: each engine's accelerator, by running on it. One that works is enough."""
    lacking = missing_accelerators(profile)
    level: Level = "missing" if len(lacking) == len(profile.accelerators) else "warning"
    return [
        Finding(level, format, lacking[format])
        if format in lacking
        else Finding("good", format, f"{place} computes")
        for format, place in profile.accelerators.items()
    ]


def judge(
    greeting: BoardInfo,
    probe: dict[str, Any],
    profile: Profile,
    tried: Mapping[str, str | None] | None = None,
) -> list[Finding]:
    """All findings, from a greeting, the answer to `probe` (see `edgeall.targets.agent.probe`) and the engines that
    were `tried` (see `judge_engines`)."""
    found = judge_greeting(greeting)
    for look in (*_OF_ANY, _folder, _clock):
        found += look(probe, profile)
    return found + judge_engines(profile, unmet_needs(greeting, probe, profile), tried)


def unmet_needs(greeting: BoardInfo, probe: dict[str, Any], profile: Profile) -> dict[str, str]:
    """By format, what a board lacks for the wheels that would be pushed; see `wheel_requirements.unmet`."""
    if profile.board is None or profile.board.packages != "pushed" or greeting.libc[0] != "glibc":
        return {}
    libstdcxx = probe["environment"].get("libstdcxx")
    return unmet(profile.formats, greeting.machine, greeting.libc[1], libstdcxx)


def judge_engines(
    profile: Profile, lacking: Mapping[str, str], tried: Mapping[str, str | None] | None = None
) -> list[Finding]:
    """Of each format's engine, on a device that computes on its processor. One that works is enough.

    Args:
        lacking: by format, what the system lacks for it.
        tried: by format, why its engine cannot be imported, None where it can; what is not in it is not there yet.
            None where nothing was tried.
    """
    known = tried or {}
    reasons = {format: lacking.get(format) or known.get(format) for format in profile.formats}
    level: Level = "missing" if all(reasons.values()) else "warning"
    absent = "not tried" if tried is None else "not there yet; devices provision puts it there and tries it"
    return [
        Finding(level, ENGINES[format].title, reason)
        if reason
        else Finding("good", ENGINES[format].title, "can be imported" if format in known else absent)
        for format, reason in reasons.items()
    ]


def _python(greeting: BoardInfo) -> Finding:
    version = ".".join(map(str, greeting.python))
    if greeting.python >= OLDEST_PYTHON:
        return Finding("good", "Python", version)
    return Finding(
        "missing",
        "Python",
        f"{version} is too old, {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed; Raspberry Pi OS 12 (bookworm) "
        "has it, or name a newer one with `python` in the device's profile",
    )


def _system(greeting: BoardInfo) -> Finding:
    if greeting.system == "Linux":
        return Finding("good", "system", "Linux")
    return Finding(
        "missing", "system", f"{greeting.system} is not reached over ssh; run edgeall on it (--device laptop)"
    )


def _bits(greeting: BoardInfo) -> Finding:
    if greeting.bits == 64 and greeting.machine in MACHINES:
        return Finding("good", "processor", f"{greeting.machine}, 64-bit")
    what = f"{greeting.machine} with a {greeting.bits}-bit system"
    if greeting.machine in ("armv6l",):
        return Finding(
            "missing", "processor", f"{what}: this processor has no 64-bit mode; another board is needed"
        )
    if greeting.bits == 32:
        return Finding(
            "missing",
            "processor",
            f"{what}: the engines come for 64-bit systems only; install the 64-bit Raspberry Pi OS",
        )
    return Finding("missing", "processor", f"{what}: the engines come for {' and '.join(MACHINES)} only")


def _libc(greeting: BoardInfo) -> Finding:
    name, version = greeting.libc
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    oldest = oldest_glibc(greeting.machine)
    if name == "glibc" and numbers >= oldest:
        return Finding("good", "C library", f"glibc {version}")
    wanted = f"glibc {'.'.join(map(str, oldest))} or newer"
    if name != "glibc":
        return Finding(
            "missing", "C library", f"not glibc: the engines need {wanted}, as Debian and Ubuntu have"
        )
    return Finding(
        "missing",
        "C library",
        f"glibc {version} is too old, {wanted} is needed; {NEWER_SYSTEM}",
    )


def _cxx_library(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    version = probe["environment"].get("libstdcxx")
    if version is not None:
        yield Finding("good", "C++ library", f"libstdc++ with GLIBCXX_{version}")
    elif profile.board is not None:
        yield Finding(
            "warning",
            "C++ library",
            "no libstdc++.so.6 where systems keep it: the engines need it (on Debian: sudo apt install libstdc++6)",
        )


def _board(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    told = probe["environment"]
    model = told["model"] or "a machine that does not tell its model"
    if profile.models and not (told["model"] or "").startswith(profile.models):
        yield Finding(
            "missing",
            "model",
            f"{model} is not what {profile.name} describes ({', '.join(profile.models)}); choose another --device, or "
            "describe it in a file of your own",
        )
    else:
        yield Finding("good", "model", f"{model}, {told['cpu']}, {told['cores']} cores")
    features = ", ".join(told["flags"]) or "none that the engines make use of"
    yield Finding("good", "processor features", features)


def _folder(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    free, folder = probe["disk_free_bytes"], probe["folder"]
    elsewhere = "name another place with `folder` in the device's profile"
    if not probe["writable"]:
        yield Finding("missing", "folder", f"{folder} cannot be written; {elsewhere}")
    elif not probe["executable"]:
        yield Finding("missing", "folder", f"{folder} lies where programs may not run (noexec); {elsewhere}")
    elif free < LEAST_DISK and profile.board is not None and profile.board.packages == "pushed":
        yield Finding(
            "warning",
            "disk",
            f"{free / 1e6:.0f} MB free at {folder}; the engines take up to {LEAST_DISK / 1e6:.0f} MB: make room, or "
            f"{elsewhere}",
        )
    else:
        yield Finding("good", "disk", f"{free / 1e9:.1f} GB free at {folder}")


def _memory(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    free = probe["environment"]["memory_available_bytes"]
    if free is None:
        return
    if free < LEAST_MEMORY:
        yield Finding(
            "warning",
            "memory",
            f"{free / 1e6:.0f} MB available, {LEAST_MEMORY / 1e6:.0f} MB is the least for a small backbone; end other "
            "programs, the desktop among them (sudo systemctl isolate multi-user.target)",
        )
    else:
        yield Finding("good", "memory", f"{free / 1e6:.0f} MB available")


def _heat(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    now, limit = probe["environment"]["temperature_c"], profile.limits.temperature_celsius
    if now is None:
        return
    if limit is not None and now > limit:
        yield Finding(
            "warning",
            "temperature",
            f"{now:.0f} °C, more than {limit:.0f} °C: let it cool or give it a fan; what is measured hotter is marked",
        )
    else:
        yield Finding("good", "temperature", f"{now:.0f} °C")


_BITS = {
    0x1: "its voltage is too low now: use the power supply made for it, and a short thick cable",
    0x2: "its clock is capped now, for voltage or heat",
    0x4: "it is throttled now: let it cool or give it a fan, and check its power supply",
    0x8: "it is at its soft temperature limit now: let it cool or give it a fan",
}
"""Bits of `get_throttled` that tell of now, as Raspberry Pi's documentation of vcgencmd gives them."""


def _throttling(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    bits = probe["environment"]["throttled_bits"]
    if bits is None:
        return
    for bit, words in _BITS.items():
        if bits & bit:
            yield Finding("warning", "throttling", f"{words}; what is measured so is marked")
    if not bits & 0xF:
        since = ", though it was since it was switched on" if bits else ""
        yield Finding("good", "throttling", f"none now{since}")


def _governor(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    governor = probe["environment"]["governor"]
    if governor == "powersave":
        yield Finding(
            "warning", "governor", "powersave keeps the clock low; 'performance' or 'ondemand' is usual"
        )
    elif governor is not None:
        yield Finding("good", "governor", governor)


def _power(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    source = probe["environment"].get("power_source")
    if source == "battery":
        yield Finding("warning", "power", "on battery, which holds many machines' clocks low: plug it in")
    elif source is not None:
        yield Finding("good", "power", source)


def _emulation(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    if signs := probe["environment"]["emulation_signs"]:
        yield Finding("warning", "emulated", f"{'; '.join(signs)}: no latency will be told of it")


def _clock(probe: dict[str, Any], profile: Profile) -> Iterator[Finding]:
    apart = abs(time.time() - probe["clock"])
    if apart > _CLOCK_SECONDS:
        yield Finding(
            "warning",
            "clock",
            f"{apart / 86_400:.0f} days apart from this machine's: results will be dated wrongly; set it, with "
            "'sudo date -s' where there is no network time",
        )


_OF_ANY: tuple[Callable[[dict[str, Any], Profile], Iterator[Finding]], ...] = (
    _cxx_library,
    _board,
    _memory,
    _heat,
    _throttling,
    _governor,
    _power,
    _emulation,
)
