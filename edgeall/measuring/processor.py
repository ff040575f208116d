"""The processor: what it is, which kernels it can run, how many cores this program has, and how fast it may go."""

import os
import platform
from pathlib import Path

from edgeall.measuring import platforms
from edgeall.measuring.sysfs import ROOT, cpuinfo, read

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
_BASIC = ("asimd", "avx", "f16c", "fma", "sse4_2")
"""Features that nearly all processors have, or that come with a newer one."""

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


def features(root: Path = ROOT) -> list[str]:
    """Those of the processor's features on which an engine's choice of kernels depends."""
    told = cpuinfo(root)
    return sorted(_FLAGS & set((told.get("flags") or told.get("Features") or "").split()))


def cpu_model(root: Path = ROOT) -> str | None:
    """The processor's name."""
    info = cpuinfo(root)
    if name := info.get("model name"):
        return name
    if info.get("CPU implementer") == "0x41":
        part = info.get("CPU part", "?")
        return f"Arm {_ARM_PARTS.get(part, 'part ' + part)}"
    return platforms.lasting(root).cpu or platform.processor() or None


def described(root: Path = ROOT) -> str:
    """The processor's name with the newest of the features that engines choose kernels by."""
    known = [flag for flag in features(root) if flag not in ("hypervisor", *_BASIC)]
    return f"{cpu_model(root) or 'unknown processor'} ({', '.join(known) or 'none of the newer features'})"


def usable_cores(root: Path = ROOT) -> int:
    """Cores this program may use: the machine's, less what affinity or a container's quota takes away."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = (read(root, "sys/fs/cgroup/cpu.max") or "max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        cores = min(cores, max(1, -(-int(quota) // int(period))))
    return cores


def governor(root: Path = ROOT) -> str | None:
    """What Linux sets the clock by: "performance", "powersave", "ondemand", "schedutil"..."""
    return read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def frequency(root: Path) -> float | None:
    """Megahertz of the fastest core now."""
    clocks = [
        read(file.parent, file.name)
        for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
    ]
    known = [int(value) / 1000 for value in clocks if value and value.isdigit()]
    if known:
        return max(known)
    text = cpuinfo(root).get("cpu MHz")
    return float(text) if text else None


def turbo(root: Path) -> bool | None:
    """Whether the clock may rise above its base: Intel's own switch, or the common one (AMD and others)."""
    off = read(root, "sys/devices/system/cpu/intel_pstate/no_turbo")
    if off in ("0", "1"):
        return off == "0"
    on = read(root, "sys/devices/system/cpu/cpufreq/boost")
    return on == "1" if on in ("0", "1") else None
