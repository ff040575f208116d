"""What macOS, Windows and Linux tell of chip, memory and power.

The texts and bytes are samples of what those systems give; none was taken by these tests.
"""

import struct
from pathlib import Path

import pytest

from edgeall.measuring import platforms
from edgeall.measuring.environment import environment

SAMPLE_SYSCTL = "hw.model: MacBookPro18,3\nmachdep.cpu.brand_string: Apple M1 Pro\nhw.memsize: 17179869184\n"
SAMPLE_PMSET_MAINS = (
    "Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged; 0:00 remaining\n"
)
SAMPLE_PMSET_BATTERY = (
    "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t80%; discharging; 5:01\n"
)
SAMPLE_POWERCFG = "Power Scheme GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Balanced)\r\n"
SAMPLE_POWERCFG_GERMAN = "GUID des Energieschemas: 8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c  (Höchstleistung)\r\n"


def test_a_mac_tells_model_chip_and_memory() -> None:
    assert platforms.mac(SAMPLE_SYSCTL) == platforms.Hardware("MacBookPro18,3", "Apple M1 Pro", 16 << 30)


@pytest.mark.parametrize("said", ["", "sysctl: unknown oid 'hw.memsize'\n", "hw.memsize: plenty\n"])
def test_a_mac_that_tells_nothing_leaves_it_unknown(said: str) -> None:
    assert platforms.mac(said) == platforms.Hardware()


@pytest.mark.parametrize(
    ("said", "source"),
    [
        (SAMPLE_PMSET_MAINS, "mains"),
        (SAMPLE_PMSET_BATTERY, "battery"),
        ("Now drawing from 'UPS Power'\n", None),
        ("", None),
    ],
)
def test_a_mac_tells_what_it_draws_from(said: str, source: str | None) -> None:
    assert platforms.mac_power(said) == source


def test_windows_tells_memory_and_power_in_its_structures() -> None:
    sample_memory = struct.pack("<II7Q", 64, 37, 8_473_411_584, 1, 2, 3, 4, 5, 0)
    assert platforms.windows_memory(sample_memory) == 8_473_411_584
    assert platforms.windows_memory(b"") is None
    sample_power = [bytes([line, 1, 80, 0]) + b"\xff" * 8 for line in (0, 1, 255)]
    assert [platforms.windows_power(status) for status in sample_power] == ["battery", "mains", None]
    assert platforms.windows_power(b"") is None


@pytest.mark.parametrize(
    ("said", "plan"),
    [
        (SAMPLE_POWERCFG, "Balanced"),
        (SAMPLE_POWERCFG_GERMAN, "Höchstleistung"),
        ("Access denied", None),
        ("", None),
    ],
)
def test_windows_tells_its_power_plan_in_any_language(said: str, plan: str | None) -> None:
    assert platforms.windows_plan(said) == plan


def supplies(root: Path, **told: dict[str, str]) -> Path:
    for name, files in told.items():
        folder = root / "sys/class/power_supply" / name
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text + "\n")
    return root


MAINS_ON, MAINS_OFF = {"type": "Mains", "online": "1"}, {"type": "Mains", "online": "0"}
DRAWN, FULL = {"type": "Battery", "status": "Discharging"}, {"type": "Battery", "status": "Full"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ({}, None),
        ({"AC": MAINS_ON, "BAT0": FULL}, "mains"),
        ({"AC": MAINS_OFF, "BAT0": DRAWN}, "battery"),
        ({"BAT0": DRAWN}, "battery"),
        ({"BAT0": FULL}, "mains"),
        ({"ucsi0": {"type": "USB", "online": "0"}, "AC": MAINS_ON, "BAT0": DRAWN}, "mains"),
        ({"hid-mouse": MOUSE}, None),
        ({"hid-mouse": MOUSE, "AC": MAINS_ON}, "mains"),
    ],
)
def test_linux_tells_its_power_in_files(
    tmp_path: Path, told: dict[str, dict[str, str]], source: str | None
) -> None:
    root = supplies(tmp_path, **told)
    assert platforms.power_source(root) == source
    assert environment(root)["power_source"] == source


def test_files_of_another_machine_are_not_mixed_with_what_this_one_says(tmp_path: Path) -> None:
    assert platforms.lasting(tmp_path) == platforms.Hardware()
    assert platforms.changing(tmp_path) == platforms.PowerState()


@pytest.mark.parametrize(
    ("files", "turbo"),
    [
        ({"intel_pstate/no_turbo": "0"}, True),
        ({"intel_pstate/no_turbo": "1"}, False),
        ({"cpufreq/boost": "1"}, True),
        ({"cpufreq/boost": "0"}, False),
        ({}, None),
    ],
)
def test_linux_tells_governor_and_turbo_of_intel_and_others(
    tmp_path: Path, files: dict[str, str], turbo: bool | None
) -> None:
    cpus = tmp_path / "sys/devices/system/cpu"
    for place, text in {**files, "cpu0/cpufreq/scaling_governor": "schedutil"}.items():
        (cpus / place).parent.mkdir(parents=True, exist_ok=True)
        (cpus / place).write_text(text + "\n")
    told = environment(tmp_path)
    assert (told["turbo"], told["governor"]) == (turbo, "schedutil")
