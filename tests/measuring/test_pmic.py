"""Power of a Raspberry Pi 5 from its PMIC.

`vcgencmd` is a mock: a script that prints what the firmware of a Raspberry Pi 5 printed, as published at
https://gist.github.com/cleverca22/95d2cb2f4e1f59be2bd94f0e1d446cc9. No board has been measured.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeall.measuring import energy, pmic

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the mock is a shell script")

RECORDED = """\
 3V7_WL_SW_A current(0)=0.04782057A
   3V3_SYS_A current(1)=0.04684464A
   1V8_SYS_A current(2)=0.17078780A
  DDR_VDD2_A current(3)=0.02049453A
  DDR_VDDQ_A current(4)=0.00000000A
   1V1_SYS_A current(5)=0.18933040A
    0V8_SW_A current(6)=0.32888840A
  VDD_CORE_A current(7)=0.92871990A
   3V3_DAC_A current(17)=0.00054945A
   3V3_ADC_A current(18)=0.00018315A
   0V8_AON_A current(16)=0.00586080A
      HDMI_A current(22)=0.01636140A
 3V7_WL_SW_V volt(8)=3.70534400V
   3V3_SYS_V volt(9)=3.31467300V
   1V8_SYS_V volt(10)=1.80903400V
  DDR_VDD2_V volt(11)=1.10292900V
  DDR_VDDQ_V volt(12)=0.61575030V
   1V1_SYS_V volt(13)=1.10512700V
    0V8_SW_V volt(14)=0.80292960V
  VDD_CORE_V volt(15)=0.72097620V
   3V3_DAC_V volt(20)=3.30952000V
   3V3_ADC_V volt(21)=3.30952000V
   0V8_AON_V volt(19)=0.79765500V
      HDMI_V volt(23)=5.16034000V
     EXT5V_V volt(24)=5.17105900V
      BATT_V volt(25)=0.00598290V
"""
CORE_WATTS = 0.7209762 * 0.9287199
TOTAL_WATTS = (
    3.705344 * 0.04782057
    + 3.314673 * 0.04684464
    + 1.809034 * 0.1707878
    + 1.102929 * 0.02049453
    + 1.105127 * 0.1893304
    + 0.8029296 * 0.3288884
    + CORE_WATTS
    + 3.30952 * (0.00054945 + 0.00018315)
    + 0.797655 * 0.0058608
    + 5.16034 * 0.0163614
)
OF_A_PI_4 = 'error=1 error_msg="Command not registered"\n'
NO_DEVICE = (
    "Can't open device file: /dev/vcio\nTry creating a device file with: sudo mknod /dev/vcio c 100 0\n"
)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Has a line for every time that the mock was asked."""
    return tmp_path / "asked"


@pytest.fixture
def firmware(tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Puts the mock on the path: it prints one answer, and another from its third time on if there is one."""
    monkeypatch.setattr(pmic, "INTERVAL_SECONDS", 0.0)

    def install(answer: str, later: str | None = None, status: int = 0) -> str:
        (tmp_path / "first").write_text(answer)
        (tmp_path / "later").write_text(answer if later is None else later)
        tool = tmp_path / "bin" / "vcgencmd"
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(
            f'#!/bin/sh\n[ "$*" = pmic_read_adc ] || exit 9\necho >>"{asked}"\n'
            f'if [ "$(wc -l <"{asked}")" -gt 2 ]; then cat "{tmp_path}/later"; else cat "{tmp_path}/first"; fi\n'
            f"exit {status}\n"
        )
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
        return str(tool)

    return install


def until_asked(asked: Path, times: int, inferences: int = 20) -> Callable[[float], int]:
    """Work that goes on until the mock was asked so often."""

    def work(seconds: float) -> int:
        deadline = time.monotonic() + 60
        while asked.read_text().count("\n") < times:
            assert time.monotonic() < deadline, "nobody samples"
            time.sleep(0.001)
        return inferences

    return work


def never(seconds: float) -> int:
    raise AssertionError("there is nothing to read, and so nothing to run")


def test_watts_are_those_of_the_rails_with_volts_and_amperes() -> None:
    rails = pmic.watts(RECORDED)
    assert len(rails) == 12
    assert not {"EXT5V", "BATT"} & rails.keys()
    assert rails["VDD_CORE"] == pytest.approx(CORE_WATTS)
    assert sum(rails.values()) == pytest.approx(TOTAL_WATTS)


def test_the_numbers_of_the_channels_do_not_pair_them() -> None:
    # The amperes of 0V8_AON are channel 16, its volts channel 19; 3V3_DAC's are 17 and 20.
    swapped = "".join(reversed(RECORDED.splitlines(keepends=True)))
    assert sum(pmic.watts(swapped).values()) == pytest.approx(TOTAL_WATTS)


@pytest.mark.parametrize(
    "line",
    [
        "VDD_CORE_A current(7)=A",
        "VDD_CORE_A current(7)=0.9V",
        "VDD_CORE_A current(7)=nan",
        "VDD_CORE_A current(7)=-1.0A",
        "VDD_CORE_A current(7)=1e99A",
        "VDD_CORE_A volts(7)=1.0A",
        "VDD_CORE_A=1.0A",
    ],
)
def test_lines_of_another_form_are_no_reading(line: str) -> None:
    with pytest.raises(pmic.PmicError, match="no rail's volts and amperes"):
        pmic.watts(f"{line}\nVDD_CORE_V volt(15)=0.7V\n")


def test_energy_is_mean_power_times_the_time_over_the_inferences(
    firmware: Callable[..., str], asked: Path, tmp_path: Path
) -> None:
    firmware(RECORDED)
    told = energy.spent(until_asked(asked, 30), tmp_path)
    assert told["reason"] is None
    assert told["joules"] / told["seconds"] == pytest.approx(TOTAL_WATTS)
    assert told["joules_per_inference"] == pytest.approx(told["joules"] / 20)
    assert told["source"] == pmic.SOURCE
    assert told["readings"] >= pmic.LEAST_READINGS
    assert (told["packages"], told["idle_subtracted"]) == (None, False)
    json.dumps(told, allow_nan=False)


def test_power_that_changes_is_averaged_over_the_readings(
    firmware: Callable[..., str], asked: Path, tmp_path: Path
) -> None:
    # The first reading only asks whether there is one; the second is at the lower power, all others at the higher.
    firmware(RECORDED, RECORDED.replace("current(7)=0.92871990A", "current(7)=6.00000000A"))
    told = energy.spent(until_asked(asked, 30), tmp_path)
    higher = TOTAL_WATTS - CORE_WATTS + 0.7209762 * 6
    count = told["readings"]
    assert told["joules"] / told["seconds"] == pytest.approx((TOTAL_WATTS + (count - 1) * higher) / count)


def test_processor_counters_come_before_the_pmic(
    firmware: Callable[..., str], asked: Path, tmp_path: Path
) -> None:
    firmware(RECORDED)
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "max_energy_range_uj": "1000000", "energy_uj": "0"}.items():
        (zone / name).write_text(text)

    def work(seconds: float) -> int:
        (zone / "energy_uj").write_text("500000")
        return 1

    assert energy.spent(work, tmp_path)["source"] == energy.RAPL
    assert not asked.exists()


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (NO_DEVICE, 255, "sudo usermod -aG video $USER"),
        (OF_A_PI_4, 0, "tells no rail's volts and amperes"),
        ("", 0, "tells no rail's volts and amperes"),
        ("\x00\x1b[31m" * 9_999, 0, "tells no rail's volts and amperes"),
    ],
)
def test_where_nothing_can_be_read_nothing_runs_and_one_line_says_why(
    firmware: Callable[..., str], tmp_path: Path, answer: str, status: int, reason: str
) -> None:
    firmware(answer, status=status)
    told = energy.spent(never, tmp_path)
    assert told["joules_per_inference"] is None
    assert reason in told["reason"]
    assert "\n" not in told["reason"]


def test_a_tool_that_cannot_run_is_named(firmware: Callable[..., str], tmp_path: Path) -> None:
    tool = Path(firmware(RECORDED))
    tool.write_text("#!/nowhere/sh\n")
    assert "cannot be run" in energy.spent(never, tmp_path)["reason"]


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (OF_A_PI_4, "tells no rail's volts and amperes"),
        (RECORDED.replace("HDMI_A", "OTHER_A"), "other rails from reading to reading"),
    ],
)
def test_a_reading_that_fails_amid_the_work_leaves_no_figure(
    firmware: Callable[..., str], asked: Path, tmp_path: Path, later: str, reason: str
) -> None:
    firmware(RECORDED, later)
    told = energy.spent(until_asked(asked, 3), tmp_path)
    assert told["joules_per_inference"] is None
    assert reason in told["reason"]


def test_few_readings_are_no_figure(
    firmware: Callable[..., str], asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware(RECORDED)
    # The next reading is due long after the work has ended, however slow this machine is.
    monkeypatch.setattr(pmic, "INTERVAL_SECONDS", 600.0)
    told = energy.spent(until_asked(asked, 2), tmp_path)
    assert told["joules_per_inference"] is None
    assert f"fewer than the {pmic.LEAST_READINGS}" in told["reason"]


def test_no_power_at_all_is_no_figure(firmware: Callable[..., str], asked: Path, tmp_path: Path) -> None:
    firmware("VDD_CORE_A current(7)=0.0A\nVDD_CORE_V volt(15)=0.7V\n")
    assert energy.spent(until_asked(asked, 30), tmp_path)["reason"] == "the PMIC tells 0 W"


def test_an_error_of_the_work_is_its_own_and_ends_the_sampling(
    firmware: Callable[..., str], tmp_path: Path
) -> None:
    firmware(RECORDED)
    threads = threading.active_count()

    def work(seconds: float) -> int:
        raise RuntimeError("the engine failed")

    with pytest.raises(RuntimeError, match="the engine failed"):
        energy.spent(work, tmp_path)
    assert threading.active_count() == threads
