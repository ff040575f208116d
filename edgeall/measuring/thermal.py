"""Heat, and what a processor does about it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from edgeall.measuring.sysfs import ROOT, read

PI_THROTTLED = "sys/devices/platform/soc*/soc*:firmware/get_throttled"
"""Where Raspberry Pi's kernel shows it; the first name is followed by an address on some boards."""


def temperature(root: Path = ROOT) -> float | None:
    """Of the hottest processor sensor, in degrees Celsius."""
    sensors = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        kind = (read(zone, "type") or "").lower()
        if any(word in kind for word in ("cpu", "pkg", "soc", "k10temp", "x86")):
            sensors.append(read(zone, "temp"))
    for chip in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if read(chip, "name") in ("coretemp", "k10temp", "zenpower", "cpu_thermal"):
            sensors += [read(file.parent, file.name) for file in sorted(chip.glob("temp*_input"))]
    known = [int(value) / 1000 for value in sensors if value and re.fullmatch(r"-?\d+", value)]
    return max(known, default=None)


def throttle_events(root: Path) -> int | None:
    """Count since boot, over all cores, on Intel processors."""
    counts = [
        read(file.parent, file.name)
        for file in root.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count")
    ]
    known = [int(value) for value in counts if value and value.isdigit()]
    return sum(known) if known else None


def pi_throttled(root: Path) -> int | None:
    """The firmware's `get_throttled` bits: a file of Raspberry Pi's kernel, or what its `vcgencmd` says."""
    text = next((read(file.parent, file.name) for file in root.glob(PI_THROTTLED)), None)
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
