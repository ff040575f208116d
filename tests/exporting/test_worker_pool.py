"""How many jobs fit: what the machine, or the container it is in, still has to give."""

import subprocess
import sys
from pathlib import Path

from edgeall.exporting import worker_pool

GIB = 1 << 30


def test_memory_that_can_be_had_counts_the_page_cache(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 33554432 kB\nMemFree: 1048576 kB\nMemAvailable: 16777216 kB\n")
    assert worker_pool._available(meminfo) == 16 * GIB


def test_a_container_has_what_its_group_allows(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    assert worker_pool._left(tmp_path) == 5 * GIB


def test_a_group_without_limit_and_a_system_that_says_nothing_limit_nothing(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1\n")
    assert worker_pool._left(tmp_path) == worker_pool._UNKNOWN_MEMORY
    assert worker_pool._left(tmp_path / "none") == worker_pool._UNKNOWN_MEMORY
    assert worker_pool._available(tmp_path / "none") == worker_pool._UNKNOWN_MEMORY


def test_a_worker_starts_without_the_libraries_that_its_step_may_not_need() -> None:
    """An export starts many workers, and each import costs each of them processor time."""
    heavy = {"tensorflow", "keras", "onnx", "openvino", "nncf", "sklearn", "scipy.stats", "scipy.optimize"}
    code = f"import sys, edgeall.exporting.conversion_worker; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
