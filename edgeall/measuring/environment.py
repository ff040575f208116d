"""What machine this is and in what state: everything a reader needs to believe, or repeat, a figure.

Linux tells most through `/proc` and `/sys`. What a system does not tell is None, never a guess. Every function takes
the file system's root, so that another machine's files can be read in its place.
"""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeall import __version__
from edgeall.engines import ENGINES
from edgeall.measuring import platforms
from edgeall.measuring.emulation import EMULATION_MARK, emulation_signs
from edgeall.measuring.libstdcxx import libstdcxx
from edgeall.measuring.nvidia import cards
from edgeall.measuring.processor import cpu_model, features, frequency, governor, turbo, usable_cores
from edgeall.measuring.sysfs import ROOT, read
from edgeall.measuring.thermal import pi_throttled, temperature, thermal, throttle_events

__all__ = [
    "EMULATION_MARK",
    "PARTS",
    "ROOT",
    "cpu_model",
    "emulation_signs",
    "environment",
    "fingerprint",
    "libraries",
    "machine_model",
    "state",
    "temperature",
    "thermal",
    "usable_cores",
]

_LIBRARIES = (*(name for engine in ENGINES.values() for name in engine.distributions), "numpy", "pillow")

PARTS = (
    *("engines", "measuring.sysfs", "measuring.platforms", "measuring.nvidia", "measuring.libstdcxx"),
    *("measuring.emulation", "measuring.thermal", "measuring.processor", "measuring.environment"),
)
"""Modules below `edgeall` that describe a machine, each after those that it imports. They need the standard library
alone, and are run on boards that have nothing of edgeall yet."""


def environment(root: Path = ROOT) -> dict[str, Any]:
    """All that is recorded of a machine beside its figures; JSON-ready.

    Keys: model, cpu, flags, cores (usable by this program), cores_online, memory_bytes, emulated, emulation_signs,
    raspberry_pi, cards (NVIDIA's), architecture, system, kernel, libc, libstdcxx, python, libraries,
    and those of `state`.
    """
    signs = emulation_signs(root)
    model = machine_model(root)
    return {
        "model": model,
        "cpu": cpu_model(root),
        "flags": features(root),
        "cores": usable_cores(root),
        "cores_online": os.cpu_count(),
        "memory_bytes": _memory(root, "MemTotal"),
        "emulated": bool(signs),
        "emulation_signs": signs,
        "raspberry_pi": model is not None and "raspberry pi" in model.lower(),
        "cards": cards() if root == ROOT else [],
        "architecture": platform.machine(),
        "system": _system_name(root),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(part for part in platform.libc_ver() if part) or None,
        "libstdcxx": libstdcxx(root),
        "python": platform.python_version(),
        "libraries": libraries(),
        **state(root),
    }


def state(root: Path = ROOT) -> dict[str, Any]:
    """What changes while a machine works: temperature_c, frequency_mhz, governor, turbo, throttle counts and bits,
    load average, memory available, power_source ("mains" or "battery").

    `governor` is the power plan's name on Windows.
    """
    told = platforms.changing(root)
    return {
        "temperature_c": temperature(root),
        "frequency_mhz": frequency(root),
        "governor": governor(root) or told.governor,
        "turbo": turbo(root),
        "power_source": platforms.power_source(root) or told.power_source,
        "throttle_events": throttle_events(root),
        "throttled_bits": pi_throttled(root),
        "load_average": _load(root),
        "memory_available_bytes": _memory(root, "MemAvailable"),
    }


def fingerprint(root: Path = ROOT) -> dict[str, Any]:
    """The part of the environment on which results depend: a change of it makes earlier ones another machine's."""
    return {
        "edgeall": __version__,
        "cpu": cpu_model(root),
        "model": machine_model(root),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "libraries": libraries(),
        "emulated": bool(emulation_signs(root)),
    }


def libraries() -> dict[str, str]:
    """Installed versions of the libraries that take part in a measurement; those absent are left out."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine_model(root: Path = ROOT) -> str | None:
    """What the maker calls the machine: a board's device tree, or a PC's product name."""
    for place in (
        "proc/device-tree/model",
        "sys/firmware/devicetree/base/model",
        "sys/class/dmi/id/product_name",
    ):
        if text := read(root, place):
            return text
    return platforms.lasting(root).model


def _load(root: Path) -> float | None:
    """Mean number of busy tasks over the last minute: before measuring, near 0 on an idle machine."""
    text = read(root, "proc/loadavg")
    return float(text.split()[0]) if text else None


def _memory(root: Path, name: str) -> int | None:
    for line in (read(root, "proc/meminfo") or "").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    if name == "MemTotal" and (told := platforms.lasting(root).memory_bytes):
        return told
    if name == "MemTotal" and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _system_name(root: Path) -> str:
    for line in (read(root, "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return f"{platform.system()} {platform.version() if sys.platform != 'linux' else ''}".strip()
