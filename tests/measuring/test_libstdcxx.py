"""The C++ library that engines would load, and up to which version its symbols go."""

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeall.measuring.libstdcxx import libstdcxx

MACHINES = {"x86_64": 62, "aarch64": 183}


def library(root: Path, folder: str, machine: str, *versions: str, bits: int = 64) -> None:
    """A mock of a shared library: an ELF header, and names as its string table holds them."""
    header = (
        b"\x7fELF"
        + bytes([bits // 32, 1, 1])
        + bytes(9)
        + b"\x03\x00"
        + MACHINES[machine].to_bytes(2, "little")
    )
    names = b"".join(b"\0" + f"GLIBCXX_{version}".encode() for version in versions)
    (root / folder).mkdir(parents=True)
    (root / folder / "libstdc++.so.6").write_bytes(header + bytes(40) + names + b"\0GLIBCXX_TUNABLES\0")


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")


@pytest.mark.usefixtures("arm")
def test_the_highest_version_is_told_and_numbers_are_no_words(tmp_path: Path) -> None:
    library(tmp_path, "usr/lib/aarch64-linux-gnu", "aarch64", "3.4", "3.4.9", "3.4.30", "3.4.28")
    assert libstdcxx(tmp_path) == "3.4.30"


@pytest.mark.usefixtures("arm")
@pytest.mark.parametrize(
    "folder", ["lib/aarch64-linux-gnu", "usr/lib64", "lib64", "usr/lib", "usr/local/lib"]
)
def test_it_is_found_where_systems_keep_it(tmp_path: Path, folder: str) -> None:
    library(tmp_path, folder, "aarch64", "3.4.28")
    assert libstdcxx(tmp_path) == "3.4.28"


@pytest.mark.usefixtures("arm")
def test_those_for_other_processors_are_passed_over(tmp_path: Path) -> None:
    library(tmp_path, "usr/lib/arm-linux-gnueabihf", "aarch64", "3.4.33", bits=32)
    library(tmp_path, "lib/x86_64-linux-gnu", "x86_64", "3.4.33")
    assert libstdcxx(tmp_path) is None
    library(tmp_path, "usr/lib/aarch64-linux-gnu", "aarch64", "3.4.28")
    assert libstdcxx(tmp_path) == "3.4.28"


@pytest.mark.usefixtures("arm")
def test_what_is_no_library_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libstdc++.so.6").write_text("GROUP ( libstdc++.so.6.0.30 )")
    assert libstdcxx(tmp_path) is None


def test_the_library_here_is_read_as_binutils_read_it() -> None:
    told = libstdcxx()
    if told is None or shutil.which("readelf") is None or shutil.which("ldconfig") is None:
        pytest.skip("needs libstdc++, readelf and ldconfig")
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    path = re.search(r"libstdc\+\+\.so\.6 \(libc6,[^)]*(?:x86-64|AArch64)[^)]*\) => (\S+)", listed)
    assert path is not None
    said = subprocess.run(["readelf", "-V", "-W", path[1]], capture_output=True, text=True, check=True).stdout
    defined = {tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBCXX_([0-9.]+)", said)}
    assert told == ".".join(map(str, max(defined)))
