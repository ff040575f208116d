"""What a board lacks is said in plain words, with the way to get it; what is well is said too."""

import dataclasses
import time
from typing import Any

import pytest

from edgeall.targets import Profile, load_profile
from edgeall.targets.connection import BoardInfo
from edgeall.targets.readiness import Finding, judge

GREETING = BoardInfo((3, 11, 2), 64, "aarch64", "Linux", ("glibc", "2.36"))
ENVIRONMENT: dict[str, Any] = {
    "model": "Raspberry Pi 5 Model B Rev 1.0",
    "cpu": "Arm Cortex-A76",
    "cores": 4,
    "flags": ["asimd", "asimddp"],
    "memory_available_bytes": 3_000_000_000,
    "temperature_c": 51.2,
    "throttled_bits": 0,
    "governor": "ondemand",
    "emulation_signs": [],
    "libstdcxx": "3.4.30",
}


def findings(
    environment: dict[str, Any] | None = None,
    *,
    greeting: BoardInfo = GREETING,
    profile: Profile | None = None,
    tried: dict[str, str | None] | None = None,
    **probe: Any,
) -> dict[str, Finding]:
    """By subject, of a healthy Raspberry Pi 5 but for these changes."""
    told = {
        "folder": "/home/pi/.cache/edgeall",
        "writable": True,
        "executable": True,
        "disk_free_bytes": 20_000_000_000,
        "clock": time.time(),
        "environment": ENVIRONMENT | (environment or {}),
    }
    found = judge(greeting, told | probe, profile or load_profile("rpi5"), tried)
    return {finding.subject: finding for finding in found}


def test_a_healthy_board_is_good_in_everything() -> None:
    found = findings()
    assert {finding.level for finding in found.values()} == {"good"}
    assert "Cortex-A76, 4 cores" in found["model"].text
    assert found["temperature"].text == "51 °C"


@pytest.mark.parametrize(
    ("change", "subject", "level", "words"),
    [
        ({"temperature_c": 83.0}, "temperature", "warning", "give it a fan"),
        ({"throttled_bits": 0x50005}, "throttling", "warning", "throttled now"),
        ({"throttled_bits": 0x1}, "throttling", "warning", "power supply"),
        ({"throttled_bits": 0x2}, "throttling", "warning", "capped now"),
        ({"throttled_bits": 0x8}, "throttling", "warning", "soft temperature limit"),
        ({"throttled_bits": 0x50000}, "throttling", "good", "none now, though it was"),
        ({"memory_available_bytes": 90_000_000}, "memory", "warning", "end other programs"),
        ({"governor": "powersave"}, "governor", "warning", "powersave keeps the clock low"),
        ({"emulation_signs": ["QEMU"]}, "emulated", "warning", "no latency"),
        ({"model": None}, "model", "missing", "choose another --device"),
        ({"flags": []}, "processor features", "good", "none"),
        ({"libstdcxx": None}, "C++ library", "warning", "sudo apt install libstdc++6"),
    ],
)
def test_what_its_environment_tells(change: dict[str, Any], subject: str, level: str, words: str) -> None:
    found = findings(change)[subject]
    assert found.level == level
    assert words in found.text


@pytest.mark.parametrize(
    ("change", "subject", "level", "words"),
    [
        ({"disk_free_bytes": 40_000_000}, "disk", "warning", "make room"),
        ({"writable": False}, "folder", "missing", "cannot be written"),
        ({"executable": False}, "folder", "missing", "noexec"),
        ({"clock": 0.0}, "clock", "warning", "sudo date -s"),
    ],
)
def test_what_else_is_asked(change: dict[str, Any], subject: str, level: str, words: str) -> None:
    found = findings(**change)[subject]
    assert found.level == level
    assert words in found.text


def test_what_a_board_does_not_tell_is_not_judged() -> None:
    silent = dict.fromkeys(("memory_available_bytes", "temperature_c", "throttled_bits", "governor"))
    assert not {"memory", "temperature", "throttling", "governor"} & set(findings(silent))


def test_a_board_with_engines_of_its_own_needs_no_room_for_them() -> None:
    profile = load_profile("rpi5")
    assert profile.board is not None
    own = dataclasses.replace(profile, board=dataclasses.replace(profile.board, packages="own"))
    told = {
        "folder": "/f",
        "writable": True,
        "executable": True,
        "disk_free_bytes": 40_000_000,
        "clock": time.time(),
        "environment": ENVIRONMENT,
    }
    assert {finding.level for finding in judge(GREETING, told, own)} == {"good"}


ENGINES = {"TensorFlow Lite", "ONNX Runtime", "OpenVINO"}


@pytest.mark.parametrize(
    ("machine", "glibc", "libstdcxx", "unfit"),
    [
        # Debian 12, 11 and 10, and Ubuntu 22.04 and 20.04, with the libraries that they came with.
        ("aarch64", "2.36", "3.4.30", set()),
        ("aarch64", "2.35", "3.4.30", set()),
        ("aarch64", "2.31", "3.4.28", {"TensorFlow Lite", "OpenVINO"}),
        ("aarch64", "2.28", "3.4.25", {"TensorFlow Lite", "OpenVINO"}),
        # A newer C library with an older C++ library, as where a compiler of one's own was installed.
        ("aarch64", "2.36", "3.4.29", {"TensorFlow Lite", "OpenVINO"}),
        ("aarch64", "2.34", "3.4.30", {"OpenVINO"}),
        ("aarch64", "2.31", None, {"TensorFlow Lite", "OpenVINO"}),
        ("aarch64", "2.27", "3.4.24", ENGINES),
        ("x86_64", "2.31", "3.4.28", set()),
        ("x86_64", "2.28", "3.4.22", set()),
        ("x86_64", "2.27", "3.4.22", {"ONNX Runtime", "OpenVINO"}),
        ("x86_64", "2.36", "3.4.21", ENGINES),
    ],
)
def test_engines_that_a_system_is_too_old_for_are_told(
    machine: str, glibc: str, libstdcxx: str | None, unfit: set[str]
) -> None:
    greeting = dataclasses.replace(GREETING, machine=machine, libc=("glibc", glibc))
    found = findings({"libstdcxx": libstdcxx}, greeting=greeting)
    told = {subject: found[subject] for subject in ENGINES}
    assert {subject for subject, finding in told.items() if finding.level != "good"} == unfit
    for subject in unfit:
        assert told[subject].level == ("missing" if unfit == ENGINES else "warning")
        assert "install Raspberry Pi OS 12 (bookworm), Debian 12, Ubuntu 22.04 or newer" in told[subject].text
        # What does run there is named as another way out.
        _, _, instead = told[subject].text.partition(", or take ")
        assert set(filter(None, instead.split(" or "))) == ENGINES - unfit


def test_a_system_too_old_for_an_engine_is_told_both_versions() -> None:
    greeting = dataclasses.replace(GREETING, libc=("glibc", "2.31"))
    assert findings({"libstdcxx": "3.4.28"}, greeting=greeting)["TensorFlow Lite"].text == (
        "ai-edge-litert 2.3.0 needs glibc 2.34, and 2.31 is here; a libstdc++ with GLIBCXX_3.4.30, and 3.4.28 is here: "
        "install Raspberry Pi OS 12 (bookworm), Debian 12, Ubuntu 22.04 or newer, or take ONNX Runtime"
    )


def test_a_board_that_none_of_its_profile_s_engines_run_on_cannot_serve() -> None:
    profile = dataclasses.replace(load_profile("rpi5"), formats=("tflite",))
    greeting = dataclasses.replace(GREETING, libc=("glibc", "2.31"))
    assert findings(greeting=greeting, profile=profile)["TensorFlow Lite"].level == "missing"


def test_engines_of_the_board_s_own_may_need_something_else() -> None:
    profile = load_profile("rpi5")
    assert profile.board is not None
    own = dataclasses.replace(profile, board=dataclasses.replace(profile.board, packages="own"))
    greeting = dataclasses.replace(GREETING, libc=("glibc", "2.31"))
    assert {finding.level for finding in findings(greeting=greeting, profile=own).values()} == {"good"}


def test_an_engine_that_was_tried_is_told_of_by_how_that_ended() -> None:
    found = findings(tried={"tflite": "its process was killed by SIGILL (...)", "onnx": None})
    assert (found["TensorFlow Lite"].level, found["ONNX Runtime"].level) == ("warning", "good")
    assert "SIGILL" in found["TensorFlow Lite"].text
    assert found["ONNX Runtime"].text == "can be imported"
    assert "devices provision puts it there" in found["OpenVINO"].text


def test_without_any_engine_that_can_be_imported_a_board_cannot_serve() -> None:
    found = findings(tried={"tflite": "no", "onnx": "no", "openvino": "no"})
    assert {found[subject].level for subject in ENGINES} == {"missing"}
