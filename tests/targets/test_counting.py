"""What an emulated board starts a program with to have it counted."""

import shlex
from pathlib import Path

from edgeall.targets import qemu_plugin


def test_a_counter_that_was_not_built_counts_nothing(tmp_path: Path) -> None:
    assert qemu_plugin.command_prefix(tmp_path, "cortex-a76") is None


def test_without_a_compiler_there_is_no_plugin_and_no_counting(tmp_path: Path) -> None:
    (tmp_path / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "lib" / "x86_64-linux-gnu" / "ld-linux-x86-64.so.2").touch()
    assert qemu_plugin.command_prefix(tmp_path, "cortex-a76") is None


def test_a_counter_runs_by_its_own_loader_with_its_own_libraries(tmp_path: Path) -> None:
    (tmp_path / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "lib" / "x86_64-linux-gnu" / "ld-linux-x86-64.so.2").touch()
    (tmp_path / "count.so").touch()
    told = shlex.split(qemu_plugin.command_prefix(tmp_path, "cortex-a76") or "")
    assert told[0] == "/opt/edgeall-counter/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    assert told[told.index("-cpu") + 1] == "cortex-a76"
    assert told[told.index("-plugin") + 1] == "/opt/edgeall-counter/count.so"
