"""`edgeall devices` lists what bench can reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def devices(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeall", "devices", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(config)},
    )


@pytest.mark.parametrize("verb", [(), ("list",)])
def test_json_tells_each_device_and_whether_it_can_be_reached(tmp_path: Path, verb: tuple[str, ...]) -> None:
    done = devices(tmp_path, *verb, "--json")
    assert done.returncode == 0, done.stderr
    listed = {device["name"]: device for device in json.loads(done.stdout)}
    assert listed["laptop"] == {
        "name": "laptop",
        "reach": "local",
        "reachable": True,
        "reason": None,
        "formats": ["tflite", "onnx", "openvino"],
        "threads": [1, "all"],
        "notes": "this machine, whatever it is",
    }
    assert "template" not in listed


def test_a_users_own_device_is_in_the_table(tmp_path: Path) -> None:
    own = tmp_path / "edgeall" / "devices" / "microscope-pc.toml"
    own.parent.mkdir(parents=True)
    own.write_text('reach = "local"\nthreads = [2]\nnotes = "beside the microscope"\n')
    done = devices(tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("laptop", "microscope-pc", "beside the microscope"):
        assert words in done.stdout


def test_a_mistake_in_a_users_file_names_it(tmp_path: Path) -> None:
    own = tmp_path / "edgeall" / "devices" / "mine.toml"
    own.parent.mkdir(parents=True)
    own.write_text('reach = "radio"\n')
    done = devices(tmp_path)
    assert done.returncode == 2
    assert "mine.toml: reach must be one of" in done.stderr
