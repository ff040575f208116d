"""Whether this machine is an emulator, whose times are no latency."""

import os
import platform
from pathlib import Path

from edgeall.measuring.sysfs import ROOT, cpuinfo, read

EMULATION_MARK = "EDGEALL_EMULATED"
"""Environment variable that an emulator's own set-up sets; any value but "" and "0" counts."""


def emulation_signs(root: Path = ROOT) -> list[str]:
    """Why this machine may be an emulator, in words; empty for none. An emulator's times are no latency."""
    signs = []
    if os.environ.get(EMULATION_MARK, "0") not in ("", "0"):
        signs.append(f"the environment says so ({EMULATION_MARK})")
    for place in ("proc/device-tree/compatible", "sys/firmware/devicetree/base/compatible"):
        if "linux,dummy-virt" in (read(root, place) or ""):
            signs.append("its device tree is QEMU's 'virt' board")
            break
    info = cpuinfo(root)
    if info:
        arm = "CPU implementer" in info
        x86 = "vendor_id" in info
        machine = platform.machine().lower()
        if (x86 and machine.startswith(("arm", "aarch"))) or (arm and machine in ("x86_64", "amd64", "i686")):
            signs.append(f"/proc/cpuinfo is not that of a {platform.machine()} processor")
        if "TCG" in info.get("model name", ""):
            signs.append("its processor calls itself QEMU's TCG")
    return signs
