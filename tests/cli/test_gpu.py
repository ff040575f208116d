"""`--device gpu` and accelerators of a user's own, as a user meets them."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import draw, make_artifact, make_run

from edgeall.artifact import Format, Precision
from edgeall.targets import load_profile, missing_accelerators

FORMATS: tuple[Format, ...] = ("onnx", "openvino")
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "int8")
SHORT = ("--rounds", "2", "--min-runs", "12", "--min-seconds", "0.02")
PROFILE = """
reach = "local"
threads = [1]
batches = [4]
[accelerators]
onnx = "CPUExecutionProvider"
openvino = "CPU"
"""


def edgeall(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeall", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def no_gpu() -> None:
    gpu = load_profile("gpu")
    if len(missing_accelerators(gpu)) < len(gpu.accelerators):
        pytest.skip("there is a GPU here")


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_bench_ends_with_status_2_and_one_line_that_says_why(tmp_path: Path) -> None:
    done = edgeall(tmp_path, "bench", "--device", "gpu")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for words in (
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
        "onnxruntime-gpu",
        "OpenVINO",
        "Intel GPU",
    ):
        assert words in done.stderr


@pytest.mark.usefixtures("no_gpu")
def test_devices_tells_the_same(tmp_path: Path) -> None:
    listed = json.loads(edgeall(tmp_path, "devices", "--json").stdout)
    gpu = next(device for device in listed if device["name"] == "gpu")
    assert gpu["reachable"] is False
    assert "CUDAExecutionProvider" in gpu["reason"]
    checked = edgeall(tmp_path, "devices", "check", "gpu", "--json")
    assert checked.returncode == 1
    document = json.loads(checked.stdout)
    assert document["able"] is False
    levels = {finding["subject"]: finding["level"] for finding in document["findings"]}
    assert (levels["onnx"], levels["openvino"]) == ("missing", "missing")


def test_an_accelerator_is_benched_with_batches_and_copies(tmp_path: Path) -> None:
    """The engines' CPU providers stand in the accelerator's place, and are called what they are."""
    draw(tmp_path / "data", {"healthy": 10, "all": 10})
    run = make_run(tmp_path / "runs" / "tiny", tmp_path / "data")
    for format in ("onnx", "openvino"):
        make_artifact(run, format, "float32")
    (tmp_path / "bound.toml").write_text(PROFILE)
    done = edgeall(tmp_path, "bench", "--device", "bound.toml", *SHORT, "--batch", "1,4,9", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    onnx, openvino = document["results"]
    (card,) = document["device"]["cards"]
    assert card == openvino["card"]
    assert card["name"]
    file = tmp_path / "runs" / "tiny" / "bench" / "bound.json"
    assert json.loads(file.read_text())["device"] == document["device"]
    assert onnx["accelerator"] == {"provider": "CPUExecutionProvider", "device": 0}
    assert list(onnx["placement"]) == ["CPUExecutionProvider"]
    assert onnx["copies_ms"]["compute"]["n"] >= 12
    assert "OpenVINO copies inside" in openvino["copies_ms"]["reason"]
    for row in (onnx, openvino):
        assert [entry["batch"] for entry in row["batches"]] == [4, 9]
        assert all(entry["throughput_per_s"] > 0 for entry in row["batches"])
        assert row["energy_mj"] is None
    shown = edgeall(tmp_path, "bench", "--device", "bound.toml", *SHORT, "--batch", "1,4,9")
    assert shown.returncode == 0, shown.stderr
    heading = f"bound ({' '.join(card['name'].split())}, "
    for words in (heading, "Batches, copies and energy", "Computed on CPUExecutionProvider alone"):
        assert words in " ".join(shown.stdout.split())


def test_all_precisions_are_benched_with_the_least_and_the_largest_batch_of_the_gpu_profile(
    tmp_path: Path,
) -> None:
    """The engines' CPU providers stand in the accelerator's place."""
    draw(tmp_path / "data", {"healthy": 10, "all": 10})
    run = make_run(tmp_path / "runs" / "tiny", tmp_path / "data")
    for format in FORMATS:
        for precision in PRECISIONS:
            make_artifact(run, format, precision)
    assert load_profile("gpu").batches == tuple(2**power for power in range(9))
    (tmp_path / "bound.toml").write_text(PROFILE.replace("batches = [4]", "batches = [1, 256]"))
    short = ("--rounds", "1", "--min-runs", "3", "--min-seconds", "0.01")
    done = edgeall(tmp_path, "bench", "--device", "bound.toml", *short, "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {(row["format"], row["precision"]) for row in results} == set(
        itertools.product(FORMATS, PRECISIONS)
    )
    for row in results:
        assert row["latency_ms"]["n"] >= 3
        assert [entry["batch"] for entry in row["batches"]] == [256]
        assert row["batches"][0]["latency_ms"]["n"] >= 3


def test_engines_own_tools_are_not_set_against_an_accelerator(tmp_path: Path) -> None:
    (tmp_path / "bound.toml").write_text(PROFILE)
    done = edgeall(tmp_path, "bench", "--device", "bound.toml", "--cross-check")
    assert done.returncode == 2
    assert "--cross-check" in done.stderr
