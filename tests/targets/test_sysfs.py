"""What an emulated board's kernel tells of its processor: one story in all its files."""

import pytest

from edgeall.targets import emulated_sysfs


@pytest.mark.parametrize(
    ("count", "listed", "mask"),
    [
        (1, "0", "1"),
        (4, "0-3", "f"),
        (32, "0-31", "ffffffff"),
        (33, "0-32", "1,ffffffff"),
        (72, "0-71", "ff,ffffffff,ffffffff"),
    ],
)
def test_lists_and_masks_name_the_same_cores(count: int, listed: str, mask: str) -> None:
    told = emulated_sysfs.files(0x414FD0B1, count)
    assert told["cpu/online"] == told["node/node0/cpulist"] == listed
    assert told["node/node0/cpumap"] == mask
    for core in range(count):
        topology = f"cpu/cpu{core}/topology"
        assert told[f"{topology}/package_cpus_list"] == listed
        assert told[f"{topology}/package_cpus"] == mask
        assert told[f"{topology}/core_cpus_list"] == str(core)
        assert int(told[f"{topology}/core_cpus"].replace(",", ""), 16) == 1 << core
        assert told[f"cpu/cpu{core}/regs/identification/midr_el1"] == "0x00000000414fd0b1"
    assert f"cpu/cpu{count}/topology/core_id" not in told
