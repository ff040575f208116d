"""The table of what engines need says what the wheels installed here say of themselves."""

import platform
import re
import shutil
import subprocess
from importlib import metadata

import pytest

from edgeall.engines import ENGINES


@pytest.mark.parametrize("format", ENGINES)
def test_the_wheel_that_is_installed_needs_what_the_table_says(format: str) -> None:
    """Judged by binutils. Of an engine that is newer than the table, this fails: read its wheels for both machines."""
    if shutil.which("readelf") is None:
        pytest.skip("needs readelf (apt install binutils)")
    if (needs := ENGINES[format].wheels.get(platform.machine())) is None:
        pytest.skip(f"the table says nothing of {platform.machine()}")
    name, version = needs.release.split()
    try:
        installed = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    assert installed.version.split("+")[0] == version, "the table is of another version than is installed"
    libraries = [
        str(installed.locate_file(file))
        for file in installed.files or ()
        if re.search(r"\.so(\.|$)", file.name)
    ]
    said = subprocess.run(
        ["readelf", "-V", "-W", *libraries], capture_output=True, text=True, check=False
    ).stdout
    # Only what the libraries need of others, not what they define.
    needed = re.findall(r"Name: (GLIBC|GLIBCXX)_([0-9.]+) +Flags: \w+ +Version", said)
    highest = {
        kind: max(tuple(map(int, number.split("."))) for found, number in needed if found == kind)
        for kind in ("GLIBC", "GLIBCXX")
    }
    (tag,) = re.findall(r"manylinux_2_(\d+)_", installed.read_text("WHEEL") or "")[:1] or ["0"]
    assert max(highest["GLIBC"], (2, int(tag))) == needs.glibc
    assert highest["GLIBCXX"] == needs.libstdcxx
