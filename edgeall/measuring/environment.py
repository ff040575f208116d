"""What machine this is and in what state: everything a reader needs to believe, or repeat, a figure.

Linux tells most through `/proc` and `/sys`. What a system does not tell is None, never a guess. Every function takes
the file system's root, so that another machine's files can be read in its place.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeall import __version__

ROOT = Path("/")
EMULATION_MARK = "EDGEALL_EMULATED"
"""Environment variable that an emulator's own set-up sets; any value but "" and "0" counts."""

_X86 = {
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
}
_X86_TILES = {"amx_tile", "amx_int8", "amx_bf16"}
_ARM = {"asimd", "asimdhp", "fphp", "asimddp", "i8mm", "bf16", "sve", "sve2"}
_FLAGS = _X86 | _X86_TILES | _ARM | {"hypervisor"}
"""Processor features that decide which kernels an engine runs; "hypervisor" tells of a virtual machine."""

_LIBRARIES = (
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "tensorflow-cpu",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "numpy",
    "pillow",
)

_ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse N1",
    "0xd40": "Neoverse V1",
    "0xd41": "Cortex-A78",
    "0xd49": "Neoverse N2",
    "0xd4f": "Neoverse V2",
}
"""Arm's own part numbers (implementer 0x41), as the processors' technical reference manuals give them."""


_PI_THROTTLED = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""Where Raspberry Pi's kernel shows it; the first name is followed by an address on some boards."""


def environment(root: Path = ROOT) -> dict[str, Any]:
    """All that is recorded of a machine beside its figures; JSON-ready.

    Keys: model, cpu, flags, cores (usable by this program), cores_online, memory_bytes, emulated, emulation_signs,
    raspberry_pi, architecture, system, kernel, libc, python, libraries, and those of `state`.
    """
    cpuinfo = _cpuinfo(root)
    signs = emulation_signs(root)
    model = machine_model(root)
    return {
        "model": model,
        "cpu": cpu_model(root),
        "flags": sorted(_FLAGS & set((cpuinfo.get("flags") or cpuinfo.get("Features") or "").split())),
        "cores": usable_cores(root),
        "cores_online": os.cpu_count(),
        "memory_bytes": _memory(root, "MemTotal"),
        "emulated": bool(signs),
        "emulation_signs": signs,
        "raspberry_pi": model is not None and "raspberry pi" in model.lower(),
        "architecture": platform.machine(),
        "system": _system_name(root),
        "kernel": f"{platform.system()} {platform.release()}",
        "libc": " ".join(part for part in platform.libc_ver() if part) or None,
        "python": platform.python_version(),
        "libraries": libraries(),
        **state(root),
    }


def state(root: Path = ROOT) -> dict[str, Any]:
    """What changes while a machine works: temperature_c, frequency_mhz, governor, turbo, throttle counts and bits,
    load average, memory available."""
    return {
        "temperature_c": temperature(root),
        "frequency_mhz": _frequency(root),
        "governor": _read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(root),
        "throttle_events": _throttle_events(root),
        "throttled_bits": _pi_throttled(root),
        "load_average": _load(root),
        "memory_available_bytes": _memory(root, "MemAvailable"),
    }


def thermal(before: dict[str, Any], after: dict[str, Any], limit_c: float | None = None) -> dict[str, Any]:
    """From two `state`s around a measurement: temperatures and clocks, and whether the processor was slowed down.

    `throttled` is None where the machine tells nothing of it. On a Raspberry Pi bits 0-3 of `get_throttled` tell what
    is now (under-voltage, capped clock, throttled, soft temperature limit); the higher ones what was since boot.
    """
    throttled: bool | None = None
    if before["throttle_events"] is not None and after["throttle_events"] is not None:
        throttled = after["throttle_events"] > before["throttle_events"]
    if before["throttled_bits"] is not None and after["throttled_bits"] is not None:
        changed = before["throttled_bits"] != after["throttled_bits"]
        throttled = changed or bool((before["throttled_bits"] | after["throttled_bits"]) & 0xF)
    start = before["temperature_c"]
    return {
        "before_c": start,
        "after_c": after["temperature_c"],
        "before_mhz": before["frequency_mhz"],
        "after_mhz": after["frequency_mhz"],
        "throttled": throttled,
        "hot": None if limit_c is None or start is None else start > limit_c,
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


def usable_cores(root: Path = ROOT) -> int:
    """Cores this program may use: the machine's, less what affinity or a container's quota takes away."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = (_read(root, "sys/fs/cgroup/cpu.max") or "max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        cores = min(cores, max(1, -(-int(quota) // int(period))))
    return cores


def machine_model(root: Path = ROOT) -> str | None:
    """What the maker calls the machine: a board's device tree, or a PC's product name."""
    for place in (
        "proc/device-tree/model",
        "sys/firmware/devicetree/base/model",
        "sys/class/dmi/id/product_name",
    ):
        if text := _read(root, place):
            return text
    return None


def cpu_model(root: Path = ROOT) -> str | None:
    """The processor's name."""
    info = _cpuinfo(root)
    if name := info.get("model name"):
        return name
    if info.get("CPU implementer") == "0x41":
        part = info.get("CPU part", "?")
        return f"Arm {_ARM_PARTS.get(part, 'part ' + part)}"
    return platform.processor() or None


def emulation_signs(root: Path = ROOT) -> list[str]:
    """Why this machine may be an emulator, in words; empty for none. An emulator's times are no latency."""
    signs = []
    if os.environ.get(EMULATION_MARK, "0") not in ("", "0"):
        signs.append(f"the environment says so ({EMULATION_MARK})")
    for place in ("proc/device-tree/compatible", "sys/firmware/devicetree/base/compatible"):
        if "linux,dummy-virt" in (_read(root, place) or ""):
            signs.append("its device tree is QEMU's 'virt' board")
            break
    info = _cpuinfo(root)
    if info:
        arm = "CPU implementer" in info
        x86 = "vendor_id" in info
        machine = platform.machine().lower()
        if (x86 and machine.startswith(("arm", "aarch"))) or (arm and machine in ("x86_64", "amd64", "i686")):
            signs.append(f"/proc/cpuinfo is not that of a {platform.machine()} processor")
        if "TCG" in info.get("model name", ""):
            signs.append("its processor calls itself QEMU's TCG")
    return signs


def temperature(root: Path = ROOT) -> float | None:
    """Of the hottest processor sensor, in degrees Celsius."""
    sensors = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        kind = (_read(zone, "type") or "").lower()
        if any(word in kind for word in ("cpu", "pkg", "soc", "k10temp", "x86")):
            sensors.append(_read(zone, "temp"))
    for chip in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if _read(chip, "name") in ("coretemp", "k10temp", "zenpower", "cpu_thermal"):
            sensors += [_read(file.parent, file.name) for file in sorted(chip.glob("temp*_input"))]
    known = [int(value) / 1000 for value in sensors if value and re.fullmatch(r"-?\d+", value)]
    return max(known, default=None)


def _frequency(root: Path) -> float | None:
    clocks = [
        _read(file.parent, file.name)
        for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
    ]
    known = [int(value) / 1000 for value in clocks if value and value.isdigit()]
    if known:
        return max(known)
    text = _cpuinfo(root).get("cpu MHz")
    return float(text) if text else None


def _turbo(root: Path) -> bool | None:
    off = _read(root, "sys/devices/system/cpu/intel_pstate/no_turbo")
    if off in ("0", "1"):
        return off == "0"
    on = _read(root, "sys/devices/system/cpu/cpufreq/boost")
    return on == "1" if on in ("0", "1") else None


def _throttle_events(root: Path) -> int | None:
    """Count since boot, over all cores, on Intel processors."""
    counts = [
        _read(file.parent, file.name)
        for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count")
    ]
    known = [int(value) for value in counts if value and value.isdigit()]
    return sum(known) if known else None


def _pi_throttled(root: Path) -> int | None:
    """The firmware's `get_throttled` bits: a file of Raspberry Pi's kernel, or what its `vcgencmd` says."""
    text = next((_read(file.parent, file.name) for file in root.glob(_PI_THROTTLED)), None)
    if text is None and root == ROOT:
        text = _vcgencmd_throttled()
    try:
        return int(text, 16) if text else None
    except ValueError:
        return None


def _vcgencmd_throttled() -> str | None:
    """Hexadecimal digits after "throttled=0x"."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603
            [command, "get_throttled"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip().partition("=")[2] or None


def _load(root: Path) -> float | None:
    """Mean number of busy tasks over the last minute: before measuring, near 0 on an idle machine."""
    text = _read(root, "proc/loadavg")
    return float(text.split()[0]) if text else None


def _memory(root: Path, name: str) -> int | None:
    for line in (_read(root, "proc/meminfo") or "").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    if name == "MemTotal" and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _cpuinfo(root: Path) -> dict[str, str]:
    """The first processor's entries, and the general ones that follow the last."""
    entries: dict[str, str] = {}
    for line in (_read(root, "proc/cpuinfo") or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            entries.setdefault(name.strip(), value.strip())
    return entries


def _system_name(root: Path) -> str:
    for line in (_read(root, "etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return f"{platform.system()} {platform.version() if sys.platform != 'linux' else ''}".strip()


def _read(root: Path, place: str) -> str | None:
    """A small text file's content without ends; None where it cannot be read."""
    try:
        return (root / place).read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None
