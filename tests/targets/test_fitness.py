"""What a board lacks is said in plain words, with the way to get it; what is well is said too."""

import dataclasses
import time
from typing import Any

import pytest

from edgeall.targets import load_profile
from edgeall.targets.connection import Greeting
from edgeall.targets.fitness import Finding, judge

GREETING = Greeting((3, 11, 2), 64, "aarch64", "Linux", ("glibc", "2.36"))
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
}


def findings(environment: dict[str, Any] | None = None, **probe: Any) -> dict[str, Finding]:
    """By subject, of a healthy Raspberry Pi 5 but for these changes."""
    told = {
        "folder": "/home/pi/.cache/edgeall",
        "writable": True,
        "executable": True,
        "disk_free_bytes": 20_000_000_000,
        "clock": time.time(),
        "environment": ENVIRONMENT | (environment or {}),
    }
    return {finding.subject: finding for finding in judge(GREETING, told | probe, load_profile("rpi5"))}


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
