"""Energy of the processor, as its own counters tell through Linux's powercap: RAPL, of Intel and AMD.

A package counts all that runs on it, idle cores too, and what else the machine does meanwhile; nothing is subtracted.
https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")
_ZONES = "sys/class/powercap/intel-rapl:[0-9]*"


@dataclass(frozen=True)
class Package:
    """A processor package's counter of microjoules, which begins anew beyond `range_uj`."""

    name: str
    counter: Path
    range_uj: int

    def read(self) -> int:
        return int(self.counter.read_text())

    def between(self, before: int, after: int) -> int:
        """Microjoules from one reading to another, if it began anew at most once: 262 kJ take a laptop hours."""
        return after - before if after >= before else after - before + self.range_uj


def packages(root: Path = ROOT) -> list[Package]:
    """Every package there is, readable or not; what is inside one (cores, memory) is in its count already."""
    found = []
    for zone in sorted(root.glob(_ZONES)):
        try:
            name = (zone / "name").read_text().strip()
            limit = int((zone / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        if zone.name.count(":") == 1 and name.startswith("package"):
            found.append(Package(name, zone / "energy_uj", limit))
    return found


def spent(work: Callable[[], int], root: Path = ROOT) -> dict[str, Any]:
    """Energy while `work` runs, which returns its number of inferences; it does not run where nothing can be read.

    Keys: joules_per_inference, joules, inferences, seconds, packages, idle_subtracted (False), reason. Where the
    counters cannot be read all but `reason` are None.
    """
    known = packages(root)
    if not known:
        return untold("this system shows no energy counters (RAPL, through powercap)")
    try:
        before, began = [package.read() for package in known], time.perf_counter()
        inferences = work()
        after, seconds = [package.read() for package in known], time.perf_counter() - began
    except PermissionError as error:
        return untold(
            f"only root may read {error.filename}, since energy tells of what is computed; to allow it: "
            f"sudo chmod a+r {error.filename}"
        )
    except (OSError, ValueError) as error:
        return untold(f"the energy counters cannot be read ({error})")
    joules = sum(map(Package.between, known, before, after)) / 1e6
    if not joules > 0:
        return untold("the energy counters stand still, as in many virtual machines")
    return {
        "joules_per_inference": joules / inferences,
        "joules": joules,
        "inferences": inferences,
        "seconds": seconds,
        "packages": [package.name for package in known],
        "idle_subtracted": False,
        "reason": None,
    }


def untold(reason: str) -> dict[str, Any]:
    """What stands for energy that is not known."""
    keys = ("joules_per_inference", "joules", "inferences", "seconds", "packages", "idle_subtracted")
    return {**dict.fromkeys(keys), "reason": reason}
