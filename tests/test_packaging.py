"""Where `pip install edgeall` brings a TFLite interpreter: wherever there are wheels of it."""

import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("system", "machine", "wanted"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("win32", "AMD64", True),
        ("darwin", "arm64", True),
        # No wheels there: the dependency would make every installation fail.
        ("win32", "ARM64", False),
        ("darwin", "x86_64", False),
    ],
)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_field_tier_has_an_interpreter_where_there_are_wheels(
    system: str, machine: str, wanted: bool, python: str
) -> None:
    requirements = pytest.importorskip("packaging.requirements", reason="needs packaging")
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "dependencies"
    ]
    here = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    found = {
        each.name
        for each in map(requirements.Requirement, declared)
        if each.marker is None or each.marker.evaluate(here)
    }
    assert ("ai-edge-litert" in found) == wanted
    assert {"numpy", "pillow", "rich", "msgspec"} <= found
