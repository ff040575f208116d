"""What macOS and Windows tell of a machine, and Linux of its power; nothing but the standard library is needed.

The parsers are tested on samples of what those systems print; no figure of edgeall's own was measured on either.
"""

import functools
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edgeall.measuring.sysfs import ROOT, read


@dataclass(frozen=True)
class Hardware:
    """What stays: the maker's name of the machine, the chip's, and memory. None where the system does not tell."""

    model: str | None = None
    cpu: str | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class PowerState:
    """What may change: "mains" or "battery", and what sets the clock. None where the system does not tell."""

    power_source: str | None = None
    governor: str | None = None


def lasting(root: Path = ROOT) -> Hardware:
    """Of this machine; nothing of another whose files are at `root`, and nothing on Linux, which tells by files."""
    return _lasting() if root == ROOT else Hardware()


def changing(root: Path = ROOT) -> PowerState:
    """As `lasting`, each time anew."""
    if root != ROOT:
        return PowerState()
    if sys.platform == "darwin":
        return PowerState(mac_power(_said("pmset", "-g", "batt")))
    if sys.platform == "win32":
        return PowerState(
            windows_power(_windows_power_status()), windows_plan(_said("powercfg", "/getactivescheme"))
        )
    return PowerState()


def power_source(root: Path = ROOT) -> str | None:
    """On Linux: "mains" where a charger is connected or a battery is not drawn from; None without either."""
    online, batteries = [], []
    for supply in sorted(root.glob("sys/class/power_supply/*")):
        # A mouse has a battery too.
        if read(supply, "scope") == "Device":
            continue
        if read(supply, "type") == "Battery":
            batteries.append(read(supply, "status"))
        elif (state := read(supply, "online")) is not None:
            online.append(state != "0")
    if any(online):
        return "mains"
    if "Discharging" in batteries:
        return "battery"
    return "mains" if batteries and not online else None


@functools.cache
def _lasting() -> Hardware:
    if sys.platform == "darwin":
        return mac(_said("sysctl", "hw.model", "machdep.cpu.brand_string", "hw.memsize"))
    if sys.platform == "win32":
        import winreg

        def entry(key: str, name: str) -> str | None:
            try:
                with winreg.OpenKey(
                    winreg.HKEY_LOCAL_MACHINE, rf"HARDWARE\DESCRIPTION\System\{key}"
                ) as place:
                    return str(winreg.QueryValueEx(place, name)[0]).strip() or None
            except OSError:
                return None

        return Hardware(
            entry("BIOS", "SystemProductName"),
            entry(r"CentralProcessor\0", "ProcessorNameString"),
            windows_memory(_windows_memory_status()),
        )
    return Hardware()


def mac(said: str) -> Hardware:
    """From `sysctl`: a line a name, "hw.memsize: 17179869184"."""
    told = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    memory = told.get("hw.memsize", "").strip()
    return Hardware(
        told.get("hw.model", "").strip() or None,
        told.get("machdep.cpu.brand_string", "").strip() or None,
        int(memory) if memory.isdecimal() else None,
    )


def mac_power(said: str) -> str | None:
    """From `pmset -g batt`, whose first line is "Now drawing from 'AC Power'"."""
    drawn = re.search(r"drawing from '([^']+)'", said)
    return {"AC Power": "mains", "Battery Power": "battery"}.get(drawn[1]) if drawn else None


def windows_memory(status: bytes) -> int | None:
    """From MEMORYSTATUSEX: two 32-bit numbers, then 64-bit ones, the first of which is all physical memory."""
    return int(struct.unpack_from("<IIQ", status)[2]) or None if len(status) >= 16 else None


def windows_power(status: bytes) -> str | None:
    """From SYSTEM_POWER_STATUS, whose first byte is ACLineStatus: 0 off, 1 on, 255 unknown."""
    return {0: "battery", 1: "mains"}.get(status[0]) if status else None


def windows_plan(said: str) -> str | None:
    """From `powercfg /getactivescheme`, which ends in the plan's name, "(Balanced)", in the system's language."""
    named = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\s+\((.+)\)", said, re.IGNORECASE)
    return named[1] if named else None


def _windows_memory_status() -> bytes:
    if sys.platform != "win32":
        return b""
    import ctypes

    # The structure must hold its own length; 64 bytes.
    buffer = ctypes.create_string_buffer(struct.pack("<I", 64), 64)
    return buffer.raw if ctypes.windll.kernel32.GlobalMemoryStatusEx(buffer) else b""


def _windows_power_status() -> bytes:
    if sys.platform != "win32":
        return b""
    import ctypes

    buffer = ctypes.create_string_buffer(12)
    return buffer.raw if ctypes.windll.kernel32.GetSystemPowerStatus(buffer) else b""


def _said(name: str, *arguments: str) -> str:
    """What a tool of the system prints; nothing where it is missing or fails in part."""
    command = shutil.which(name)
    if command is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603
            [command, *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
