"""Files below /sys/devices/system about the processor, for an emulated board, because QEMU does not emulate them.

Engines read the main ID register, and OpenVINO's thread pool the whole topology. They crash where files are missing or
contradict /proc/cpuinfo.
"""

from collections.abc import Iterable


def files(midr: int, count: int) -> dict[str, str]:
    """File contents by name, for a processor with `count` cores in one cluster and one memory node.

    Args:
        midr: main ID register (MIDR_EL1).
    """
    every = range(count)
    listed, masked = f"0-{count - 1}" if count > 1 else "0", _mask(every)
    found = {f"cpu/{name}": listed for name in ("possible", "present", "online")}
    found |= {f"node/{name}": "0" for name in ("possible", "online", "has_cpu", "has_memory")}
    found |= {
        "node/node0/cpulist": listed,
        "node/node0/cpumap": masked,
        "node/node0/distance": "10",
        "node/node0/meminfo": "Node 0 MemTotal:        4000000 kB\nNode 0 MemFree:         3000000 kB",
    }
    for number in every:
        own = {f"{name}_list": str(number) for name in _OF_CORE} | {
            name: _mask([number]) for name in _OF_CORE
        }
        own |= {f"{name}_list": listed for name in _OF_PACKAGE} | dict.fromkeys(_OF_PACKAGE, masked)
        own |= {"physical_package_id": "0", "cluster_id": "0", "core_id": str(number)}
        core = f"cpu/cpu{number}"
        found |= {f"{core}/topology/{name}": text for name, text in own.items()}
        found[f"{core}/regs/identification/midr_el1"] = f"{midr:#018x}"
        found[f"{core}/cpufreq/cpuinfo_max_freq"] = "1500000"
    return found


_OF_CORE = ("core_cpus", "thread_siblings")
_OF_PACKAGE = ("package_cpus", "core_siblings", "cluster_cpus")


def _mask(cores: Iterable[int]) -> str:
    """A bit mask of cores in the kernel's notation: hexadecimal, in groups of 32 bits, highest first."""
    bits = sum(1 << core for core in cores)
    groups: list[int] = []
    while bits or not groups:
        groups.append(bits & 0xFFFFFFFF)
        bits >>= 32
    first, *rest = reversed(groups)
    return ",".join([f"{first:x}", *(f"{group:08x}" for group in rest)])
