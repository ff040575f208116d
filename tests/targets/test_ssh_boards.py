"""Boards that cannot serve, are of another model than they should be, or throttle, as their own words tell."""

import dataclasses
import json
import os
import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tiny_bench import bench

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from loopback_board import LoopbackBoard
from over_ssh import SHORT, why

from edgeall.benching import find_artifacts
from edgeall.measuring.environment import environment
from edgeall.measuring.plan import Plan
from edgeall.reporting.results_table import table
from edgeall.results import merge
from edgeall.targets import SshTarget, found, load_profile, readiness


def fake_python(board: LoopbackBoard, name: str, probe: dict[str, Any] | None = None, **greeting: Any) -> str:
    """A mock in the place of the board's Python: says what it is told to say, runs nothing."""
    said = {
        "python": [3, 11, 2],
        "bits": 64,
        "machine": "aarch64",
        "system": "Linux",
        "libc": ["glibc", "2.36"],
    }
    text = "edgeall-greets " + json.dumps(said | greeting)
    answer = "" if probe is None else json.dumps(probe)
    # It reads its whole request, as the real one does: the greeting comes first, the answer last.
    script = f"#!/bin/sh\ncat <<'EOF'\n{text}\n{answer}\nEOF\n"
    return str(board.script(f"fake-python-{name}", script))


@pytest.mark.parametrize(
    ("name", "greeting", "words"),
    [
        ("32", {"machine": "armv7l", "bits": 32}, "install the 64-bit Raspberry Pi OS"),
        ("mixed", {"machine": "aarch64", "bits": 32}, "install the 64-bit Raspberry Pi OS"),
        ("zero", {"machine": "armv6l", "bits": 32}, "this processor has no 64-bit mode"),
        ("riscv", {"machine": "riscv64"}, "aarch64 and x86_64 only"),
        ("old", {"python": [3, 9, 2]}, "3.9.2 is too old"),
        ("glibc", {"libc": ["glibc", "2.24"]}, "glibc 2.24 is too old"),
        ("musl", {"libc": ["", ""]}, "not glibc"),
        ("mac", {"system": "Darwin"}, "--device laptop"),
    ],
)
def test_a_board_that_cannot_serve_is_told_why(
    board: LoopbackBoard, plan: Plan, name: str, greeting: dict[str, Any], words: str
) -> None:
    probe = None if "python" in greeting else probed("Raspberry Pi 5 Model B Rev 1.0")
    assert words in why(board.profile(python=fake_python(board, name, probe, **greeting)), plan)


def test_a_really_old_python_says_so_and_is_sent_nothing(board: LoopbackBoard, plan: Plan) -> None:
    older = filter(None, (shutil.which(f"python3.{minor}") for minor in range(4, 11)))
    # A version manager's stand-in for one that is not chosen is found, and does not run.
    works = (path for path in older if not subprocess.run([path, "-c", ""], capture_output=True).returncode)
    if (old := next(works, None)) is None:
        pytest.skip("no Python 3 older than 3.11 is here")
    assert "is too old, 3.11 or newer is needed" in why(board.profile(python=old, folder="~/old"), plan)
    assert not (board.home / "old").exists()


def probed(model: str | None, **changes: Any) -> dict[str, Any]:
    """What a healthy board answers, but for `changes` to its environment."""
    told = environment() | {"model": model, "memory_available_bytes": 4 * 10**9, "throttled_bits": 0}
    return {
        "folder": "/home/pi/.cache/edgeall",
        "writable": True,
        "executable": True,
        "disk_free_bytes": 10**10,
        "clock": time.time(),
        "environment": told | changes,
    }


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0", "rpi5"),
        ("Raspberry Pi 400 Rev 1.0", "rpi4"),
        ("Raspberry Pi Compute Module 4 Rev 1.1", "rpi4"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "rpi"),
    ],
)
def test_rpi_is_the_board_that_answers(board: LoopbackBoard, model: str, name: str) -> None:
    python = fake_python(board, f"model-{name}", probed(model))
    asked = dataclasses.replace(load_profile("rpi"), board=board.profile(python=python).board)
    device = found(asked, board.address())
    assert device.name == f"{name}-127.0.0.1-{board.port}"
    assert device.board is not None
    assert device.board.addresses == (board.address(),)
    assert device.board.versions == ({"openvino": "2025.4.1"} if name == "rpi4" else {})
    assert found(asked).name == name


def test_a_board_of_another_model_is_not_filed_under_a_wrong_name(board: LoopbackBoard, plan: Plan) -> None:
    python = fake_python(board, "other-model", probed("Raspberry Pi 4 Model B Rev 1.4"))
    profile = board.profile(python=python, models=("Raspberry Pi 5",))
    assert "Raspberry Pi 4 Model B Rev 1.4 is not what loopback describes" in why(profile, plan)


def test_a_board_that_throttles_is_marked_in_its_results(tmp_path: Path, runs_folder: Path) -> None:
    """`vcgencmd` here is a mock of the firmware's tool: all is well at first, then the board is throttled."""
    counter = tmp_path / "asked"
    bin_folder = tmp_path / "slow" / "bin"
    with LoopbackBoard(tmp_path / "slow", PATH=f"{bin_folder}:{os.environ['PATH']}") as board:
        board.script(
            "vcgencmd",
            f'#!/bin/sh\necho x >> {counter}\n[ "$(wc -l < {counter})" -gt 12 ] && bits=0x40004 || bits=0x0\n'
            'echo "throttled=$bits"\n',
        )
        document = bench(find_artifacts([], runs_folder), board.profile("slow"), SHORT)
    assert [row["thermal"]["throttled"] for row in document["results"]] == [True, True]
    assert document["environment"]["before"]["throttled_bits"] == 0
    assert document["environment"]["after"]["throttled_bits"] == 0x40004
    (read,) = merge([("slow", document)])
    assert all("throttled" in row.cells["latency"] for row in table(read).rows)


def test_an_engine_that_the_board_s_system_is_too_old_for_is_left_out_and_told(
    board: LoopbackBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "unmet_needs", lambda *_: {"tflite": "needs glibc 2.34, and 2.31 is here"})
    profile = board.profile(formats=("tflite", "onnx"), folder="~/too-old")
    with closing(SshTarget(profile)) as target:
        examined = target.examine()
        assert examined.lacking == []
        ready = target.provision(examined)
    assert ready.engines == {
        "numpy": None,
        "PIL": None,
        "onnxruntime": None,
        "ai_edge_litert.interpreter": "needs glibc 2.34, and 2.31 is here",
    }
