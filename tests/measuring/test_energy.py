"""Energy from a processor's counters. The counters are files laid out as Linux's powercap has them: no real joules."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeall.measuring import energy

RANGE = 262_143_328_850


def zone(root: Path, folder: str, name: str, microjoules: int = 0) -> Path:
    place = root / "sys/class/powercap" / folder
    place.mkdir(parents=True)
    (place / "name").write_text(name + "\n")
    (place / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    return place / "energy_uj"


def using(counter: Path, microjoules: int, inferences: int) -> Callable[[float], int]:
    """Work that moves a counter on, past its end if need be."""

    def work(seconds: float) -> int:
        counter.write_text(str((int(counter.read_text()) + microjoules) % RANGE))
        return inferences

    return work


def never(seconds: float) -> int:
    raise AssertionError("there is nothing to read, and so nothing to run")


def test_joules_an_inference_are_those_of_the_whole_package(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 1_000)
    told = energy.spent(using(counter, 5_000_000, 20), tmp_path)
    assert (told["joules"], told["joules_per_inference"], told["inferences"]) == (5.0, 0.25, 20)
    assert (told["packages"], told["idle_subtracted"], told["reason"]) == (["package-0"], False, None)
    assert told["source"] == energy.RAPL
    json.dumps(told, allow_nan=False)


def test_a_counter_that_begins_anew_is_followed(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 1_000_000)
    assert energy.spent(using(counter, 3_000_000, 1), tmp_path)["joules"] == 3.0


def test_all_packages_are_added_up_and_their_parts_are_not_counted_again(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0")
    second = zone(tmp_path, "intel-rapl:1", "package-1")
    parts = [
        zone(tmp_path, "intel-rapl:0:0", "core"),
        zone(tmp_path, "intel-rapl:2", "psys"),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0"),
    ]

    def work(seconds: float) -> int:
        for counter in (first, second, *parts):
            using(counter, 1_000_000, 1)(seconds)
        return 4

    told = energy.spent(work, tmp_path)
    assert (told["joules"], told["joules_per_inference"]) == (2.0, 0.5)
    assert told["packages"] == ["package-0", "package-1"]


def test_without_counters_nothing_runs_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = energy.spent(never, tmp_path)
    assert told["joules_per_inference"] is None
    assert "no energy counters" in told["reason"]
    assert "no vcgencmd" in told["reason"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_counters_for_root_alone_say_how_to_allow_them(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0").chmod(0)
    told = energy.spent(never, tmp_path)
    assert told["joules_per_inference"] is None
    assert "sudo chmod a+r" in told["reason"]


def test_a_refused_counter_says_how_to_allow_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, for root, to whom no file is closed: the refusal is made up."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0")

    def refused(package: energy.Package) -> int:
        raise PermissionError(13, "Permission denied", str(package.counter))

    monkeypatch.setattr(energy.Package, "read", refused)
    assert f"sudo chmod a+r {counter}" in energy.spent(never, tmp_path)["reason"]


@pytest.mark.parametrize("text", ["", "what?"])
def test_a_counter_of_nonsense_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0").write_text(text)
    assert "cannot be read" in energy.spent(never, tmp_path)["reason"]


def test_a_counter_that_stands_still_tells_no_energy(tmp_path: Path) -> None:
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 7)
    told = energy.spent(using(counter, 0, 9), tmp_path)
    assert told["joules_per_inference"] is None
    assert "stand still" in told["reason"]
