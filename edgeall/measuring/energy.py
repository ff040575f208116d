"""Energy of an inference: from the processor's own counters (RAPL, of Intel and AMD), or from a Raspberry Pi 5's PMIC.

RAPL is read through Linux's powercap (https://www.kernel.org/doc/html/latest/power/powercap/powercap.html). A package
counts all that runs on it, idle cores too, and what else the machine does meanwhile; nothing is subtracted. The PMIC is
that of `edgeall.measuring.pmic`: other parts of the board are in its figure, so the two are not to be compared.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeall.measuring import pmic
from edgeall.measuring.pmic import PmicError

ROOT = Path("/")
_ZONES = "sys/class/powercap/intel-rapl:[0-9]*"

RAPL = "RAPL: the whole processor package by its own counters"

RAPL_SECONDS = 2.0
"""Of work: the counters move about a thousand times a second, so this makes them fine enough."""


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


def spent(work: Callable[[float], int], root: Path = ROOT) -> dict[str, Any]:
    """Energy while `work` runs, for the seconds that it is given at least; it returns its number of inferences.

    It does not run where nothing can be read.

    Keys: joules_per_inference, joules, inferences, seconds, packages (of RAPL), idle_subtracted (False), reason; where
    there is energy, source, and of the PMIC readings. Where there is none all but `reason` are None.
    """
    if known := packages(root):
        return _by_counters(known, lambda: work(RAPL_SECONDS))
    if vcgencmd := pmic.command():
        return _by_pmic(vcgencmd, lambda: work(pmic.SECONDS))
    return untold(
        "this system shows no energy counters (RAPL, through powercap), and has no vcgencmd for a PMIC"
    )


def _by_counters(known: list[Package], work: Callable[[], int]) -> dict[str, Any]:
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
        "source": RAPL,
    }


def _by_pmic(vcgencmd: str, work: Callable[[], int]) -> dict[str, Any]:
    try:
        power = pmic.power(vcgencmd, work)
    except PmicError as error:
        return untold(str(error))
    joules = power.watts * power.seconds
    return {
        "joules_per_inference": joules / power.inferences,
        "joules": joules,
        "inferences": power.inferences,
        "seconds": power.seconds,
        "packages": None,
        "idle_subtracted": False,
        "reason": None,
        "source": pmic.SOURCE,
        "readings": power.readings,
    }


def untold(reason: str) -> dict[str, Any]:
    """What stands for energy that is not known."""
    keys = ("joules_per_inference", "joules", "inferences", "seconds", "packages", "idle_subtracted")
    return {**dict.fromkeys(keys), "reason": reason}
