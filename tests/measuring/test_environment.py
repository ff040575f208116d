"""A machine's own files tell what it is; what they do not tell stays unknown."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import pytest

from edgeall.measuring import environment as machine
from edgeall.measuring.thermal import PI_THROTTLED


def tree(root: Path, files: dict[str, str]) -> Path:
    for place, content in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(content)
    return root


PI_CPUINFO = (
    "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm aes crc32 asimdhp asimddp\n"
    "CPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\nRevision\t: c04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
)
PI = {
    "proc/cpuinfo": PI_CPUINFO,
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0",
    "proc/meminfo": "MemTotal:        8257056 kB\nMemFree:  1 kB\nMemAvailable:    7000000 kB\n",
    "proc/loadavg": "0.25 0.10 0.05 1/200 999\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "61250\n",
    "sys/class/thermal/thermal_zone1/type": "battery\n",
    "sys/class/thermal/thermal_zone1/temp": "99000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2400000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
}
LAPTOP = {
    "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: A Core\nflags\t: fpu avx2 avx_vnni\n",
    "sys/class/dmi/id/product_name": "ThinkPad\n",
    "sys/class/hwmon/hwmon3/name": "coretemp\n",
    "sys/class/hwmon/hwmon3/temp1_input": "48000\n",
    "sys/class/hwmon/hwmon3/temp2_input": "52000\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "0\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "4\n",
}


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")


@pytest.fixture
def x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.mark.usefixtures("arm")
def test_a_raspberry_pi_says_so(tmp_path: Path) -> None:
    told = machine.environment(tree(tmp_path, PI))
    assert told["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert told["raspberry_pi"] is True
    assert told["cpu"] == "Arm Cortex-A76"
    assert told["flags"] == ["asimd", "asimddp", "asimdhp"]
    assert told["memory_bytes"] == 8257056 * 1024
    assert told["temperature_c"] == 61.25
    assert told["governor"] == "ondemand"
    assert told["frequency_mhz"] == 2400
    assert told["throttled_bits"] == 0x50000
    assert told["load_average"] == 0.25
    assert told["system"] == "Debian GNU/Linux 12 (bookworm)"
    assert told["emulated"] is False


@pytest.mark.usefixtures("x86")
def test_a_laptop_tells_turbo_temperature_and_throttling(tmp_path: Path) -> None:
    told = machine.environment(tree(tmp_path, LAPTOP))
    assert (told["model"], told["cpu"], told["flags"]) == ("ThinkPad", "A Core", ["avx2", "avx_vnni"])
    assert (told["turbo"], told["temperature_c"], told["throttle_events"]) == (True, 52.0, 7)
    assert (told["raspberry_pi"], told["emulated"]) == (False, False)


def test_without_proc_and_sys_nothing_is_invented(tmp_path: Path) -> None:
    told = machine.environment(tmp_path)
    unknown = (
        "model",
        "temperature_c",
        "frequency_mhz",
        "governor",
        "turbo",
        "throttle_events",
        "load_average",
    )
    assert {name: told[name] for name in unknown} == dict.fromkeys(unknown)
    assert told["flags"] == []
    assert told["emulated"] is False
    assert told["python"] == platform.python_version()
    json.dumps(told, allow_nan=False)


def test_files_with_nonsense_in_them_are_as_good_as_absent(tmp_path: Path) -> None:
    told = machine.environment(tree(tmp_path, {
        "sys/class/thermal/thermal_zone0/type": "cpu\n",
        "sys/class/thermal/thermal_zone0/temp": "N/A\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "what?\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "<unknown>\n",
        "sys/fs/cgroup/cpu.max": "max 100000\n",
        "proc/device-tree/model": "",
    }))  # fmt: skip
    unknown = ("temperature_c", "throttled_bits", "frequency_mhz", "model")
    assert {name: told[name] for name in unknown} == dict.fromkeys(unknown)
    assert told["cores"] >= 1


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"proc/device-tree/compatible": "linux,dummy-virt\0"}, "virt"),
        ({"proc/cpuinfo": LAPTOP["proc/cpuinfo"]}, "cpuinfo"),
        ({"proc/cpuinfo": "CPU implementer: 0x41\nmodel name\t: QEMU TCG CPU version 2.5+\n"}, "TCG"),
    ],
)
@pytest.mark.usefixtures("arm")
def test_an_emulator_is_found_out(tmp_path: Path, files: dict[str, str], word: str) -> None:
    told = machine.environment(tree(tmp_path, files))
    assert told["emulated"] is True
    assert word in told["emulation_signs"][0]


@pytest.mark.parametrize(("mark", "emulated"), [("1", True), ("rpi5", True), ("0", False), ("", False)])
def test_an_emulator_can_say_so_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str, emulated: bool
) -> None:
    monkeypatch.setenv(machine.EMULATION_MARK, mark)
    assert machine.environment(tmp_path)["emulated"] is emulated


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 64), ("9900000 100000", 64)],
)
def test_a_containers_quota_limits_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert machine.usable_cores(tree(tmp_path, {"sys/fs/cgroup/cpu.max": quota})) == cores


def state(**known: Any) -> dict[str, Any]:
    unknown = dict.fromkeys(("temperature_c", "frequency_mhz", "throttle_events", "throttled_bits"))
    return unknown | known


@pytest.mark.parametrize(
    ("before", "after", "throttled"),
    [
        (state(), state(), None),
        (state(throttle_events=3), state(throttle_events=3), False),
        (state(throttle_events=3), state(throttle_events=4), True),
        (state(throttled_bits=0), state(throttled_bits=0), False),
        # Throttled some time since boot, not during the measurement.
        (state(throttled_bits=0x50000), state(throttled_bits=0x50000), False),
        # Between the two looks: only the lasting bit tells.
        (state(throttled_bits=0), state(throttled_bits=0x40000), True),
        (state(throttled_bits=0x4), state(throttled_bits=0x4), True),
    ],
)
def test_throttling_during_a_measurement_is_noticed(
    before: dict[str, Any], after: dict[str, Any], throttled: bool | None
) -> None:
    assert machine.thermal(before, after)["throttled"] is throttled


@pytest.mark.parametrize(
    ("start", "limit", "hot"),
    [(91.0, 90.0, True), (90.0, 90.0, False), (None, 90.0, None), (91.0, None, None)],
)
def test_a_measurement_that_starts_too_hot_is_marked(
    start: float | None, limit: float | None, hot: bool | None
) -> None:
    assert machine.thermal(state(temperature_c=start), state(temperature_c=20.0), limit)["hot"] is hot


def test_a_machine_that_has_only_python_can_be_asked(tmp_path: Path) -> None:
    """The parts alone, in their order, with nothing installed."""
    import subprocess
    import sys

    package = Path(machine.__file__).parents[1]
    (tmp_path / "edgeall" / "measuring").mkdir(parents=True)
    (tmp_path / "edgeall" / "__init__.py").write_text('__version__ = "0"\n')
    program = ""
    for part in machine.PARTS:
        file = f"{part.replace('.', '/')}.py"
        (tmp_path / "edgeall" / file).write_text((package / file).read_text())
        program += f"import edgeall.{part}\n"
    program += "import json; print(json.dumps(edgeall.measuring.environment.environment()))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cores"] >= 1


def test_the_fingerprint_stays_while_the_machine_does(tmp_path: Path) -> None:
    root = tree(tmp_path, LAPTOP)
    before = machine.fingerprint(root)
    tree(tmp_path, {"sys/class/hwmon/hwmon3/temp1_input": "90000\n", "proc/loadavg": "9 9 9 1/2 3\n"})
    assert machine.fingerprint(root) == before
    tree(tmp_path, {"proc/cpuinfo": "model name: Another\n"})
    assert machine.fingerprint(root) != before


@pytest.mark.parametrize(
    ("said", "bits"),
    [("throttled=0x50005", 0x50005), ("throttled=0x0", 0), ("error=1 oh no", None), ("", None)],
)
def test_the_firmwares_tool_is_asked_where_the_kernel_shows_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, bits: int | None
) -> None:
    """`vcgencmd` is a mock of Raspberry Pi's tool here."""
    if os.name == "nt" or next(iter(machine.ROOT.glob(PI_THROTTLED)), None):
        pytest.skip("this machine's own tool would be asked")
    tool = tmp_path / "vcgencmd"
    tool.write_text(f'#!/bin/sh\n[ "$1" = get_throttled ] && echo "{said}"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.state()["throttled_bits"] == bits


def test_a_raspberry_pi_5_shows_the_file_elsewhere(tmp_path: Path) -> None:
    place = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert machine.state(tree(tmp_path, {place: "4\n"}))["throttled_bits"] == 0x4
