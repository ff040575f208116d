"""Emulated Raspberry Pis: real engines on emulated Arm processors, over real ssh. `make test-emulator` runs it."""

import os
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_bench import bench

pytest.importorskip("scipy", reason="benching needs the workstation's packages")

from small_models import SmallModel
from small_run import DECISION, draw, make_run

from edgeall import artifact
from edgeall.benching import find_artifacts
from edgeall.errors import DeviceError, UsageError
from edgeall.measuring.plan import BenchSettings
from edgeall.targets import Address, emulator, load_profile, open_board, read_profile
from edgeall.targets.emulator import lacking

BOARDS = {"rpi4-emulated": ("Raspberry Pi 4", False), "rpi5-emulated": ("Raspberry Pi 5", True)}

emulated = pytest.mark.skipif(
    os.environ.get("EDGEALL_TEST_EMULATOR") != "1", reason="emulation is slow: make test-emulator"
)


@pytest.fixture(params=BOARDS)
def device(request: pytest.FixtureRequest) -> str:
    if reason := lacking(load_profile(request.param)):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture(scope="module")
def made(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 8, "all": 8})
    run = make_run(folder / "runs" / "tiny", folder / "data", test=8)
    run.exports.mkdir()
    for recipe in ("tflite-fp32", "tflite-int8", "onnx-fp32", "openvino-fp32"):
        for file in artifact.files_of(tiny.files[recipe]):
            shutil.copy(file, run.exports / f"{recipe}{file.suffix}")
        path = run.exports / f"{recipe}{tiny.files[recipe].suffix}"
        artifact.seal(path, tiny.metadata(recipe, decision=DECISION))
    return folder


def scores(document: dict[str, Any]) -> dict[str, np.ndarray]:
    return {Path(row["artifact"]).stem: np.array(row["predictions"]["scores"]) for row in document["results"]}


@emulated
def test_an_emulated_pi_answers_as_this_machine_does_and_tells_no_latency(
    device: str, made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made / "runs", tmp_path / "runs")
    artifacts = find_artifacts([str(tmp_path / "runs" / "tiny")])
    profile = load_profile(device)
    there = bench(artifacts, profile, profile.settings(BenchSettings()))
    here = bench(
        artifacts, load_profile("laptop"), BenchSettings(rounds=1, threads=(1,), min_runs=1, min_seconds=0)
    )
    assert not there["failures"]
    assert there["device"]["emulated"]
    assert there["device"]["architecture"] == "aarch64"
    for row in there["results"]:
        assert row["latency_kind"] == "emulated"
        assert row["latency_ms"] is row["end_to_end_ms"] is row["cold_start_ms"] is None
        assert row["peak_rss_bytes"] is row["energy_mj"] is None
        assert row["emulation_rss_bytes"] > 0
        once, again = row["instructions_told"]["runs"]
        # Of a model of a few layers: more than a call of Python's takes, less than a backbone.
        assert 20_000 < row["instructions"] < 50_000_000
        assert abs(once - again) <= 10_000
        assert ("latency_ms" in row["latency_estimate"]) == (row["format"] == "tflite")
    ours, theirs = scores(here), scores(there)
    assert ours.keys() == theirs.keys()
    # LiteRT's INT8 kernels give the same bits on either processor.
    np.testing.assert_array_equal(theirs["tflite-int8"], ours["tflite-int8"])
    for name in ("tflite-fp32", "onnx-fp32", "openvino-fp32"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-5)


@emulated
def test_an_emulated_pi_is_what_its_profile_says_and_owns_to_being_emulated(device: str) -> None:
    model, dot_products = BOARDS[device]
    with closing(open_board(load_profile(device))) as board:
        examined = board.examine()
    assert examined.probe is not None
    environment = examined.probe["environment"]
    assert environment["model"].startswith(f"{model} (emulated")
    assert environment["emulated"]
    assert ("asimddp" in environment["flags"]) == dot_products
    assert not examined.lacking
    assert any(finding.subject == "emulated" for finding in examined.findings)


def test_what_the_emulator_lacks_is_said_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with closing(open_board(load_profile("rpi5-emulated"))) as board:
        reason = board.unreachable()
    assert reason is not None
    assert "make emulator" in reason or "apt install" in reason


@pytest.mark.skipif(sys.platform == "win32", reason="QEMU's mock is a shell script")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "cannot be run"),
        ("echo 'first line' >&2; echo 'qemu: no such root' >&2; exit 3", "status 3: qemu: no such root"),
        ("exit 1", "status 1: no message"),
        ("kill -SEGV $$", "SIGSEGV"),
        # One that passes another processor's own file on.
        ("echo 'vendor_id : GenuineIntel'", "does not emulate"),
    ],
)
def test_a_broken_emulator_is_named_in_one_line_with_what_to_do(
    cache: Path, script: str | None, words: str
) -> None:
    """QEMU is a mock here: it is broken in ways that a real one cannot be told to be."""
    qemu = emulator.folder() / "qemu" / "usr" / "bin" / "qemu-aarch64"
    if script is not None:
        qemu.parent.mkdir(parents=True)
        qemu.write_text(f"#!/bin/sh\n{script}\n")
        qemu.chmod(0o755)
    with pytest.raises(DeviceError) as refused:
        emulator._cpuinfo(cache, "cortex-a76")
    message = str(refused.value)
    assert message.startswith(str(qemu))
    assert words in message
    assert message.endswith("make emulator")
    assert "\n" not in message


def test_what_was_begun_for_a_board_that_cannot_be_set_up_is_gone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ssh-keygen` and the server are mocks here, the one missing and the other never started."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(emulator, "_sshd", lambda: "/usr/sbin/sshd")
    monkeypatch.setattr(emulator, "lacking", lambda profile: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with closing(open_board(load_profile("rpi5-emulated"))) as board:
        assert "apt install openssh-client" in (board.unreachable() or "")
    assert list(tmp_path.iterdir()) == []


def test_an_emulated_board_has_no_address_to_give() -> None:
    with pytest.raises(UsageError, match="--host is for devices reached over ssh"):
        load_profile("rpi5-emulated").at(Address("elsewhere"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('cpu = "max -plugin x"', "unknown cpu .*cortex-a72, cortex-a76"),
        ('cpu = "cortex-a76"\nsystem = "buster"', "unknown system .*bookworm, trixie"),
        ('cpu = "cortex-a76"\nhost = "here"', "host"),
        ("", "cpu: missing"),
    ],
)
def test_mistakes_in_an_emulated_device_name_the_key(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'reach = "emulator"\n{line}\n')
    with pytest.raises(UsageError, match=message):
        read_profile(file)
