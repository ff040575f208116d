"""`edgeall devices` lists what bench can reach, tells what a device lacks, and makes it ready."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dying_engine import write_dying_engine
from loopback_board import LoopbackBoard

from edgeall.station.launchers import launcher
from edgeall.targets.field_tier import LAUNCHER


def devices(
    config: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeall", "devices", *arguments],
        capture_output=True,
        text=True,
        env=(environment or os.environ) | {"XDG_CONFIG_HOME": str(config)},
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
        "batches": [1],
        "accelerators": {},
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


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBoard]:
    with LoopbackBoard(tmp_path_factory.mktemp("board")) as board:
        yield board


@pytest.fixture
def config(board: LoopbackBoard, tmp_path: Path) -> Path:
    """A user's folder of devices: a board that answers, one that does not, one whose key is unknown."""
    folder = tmp_path / "edgeall" / "devices"
    folder.mkdir(parents=True)
    (folder / "bench-pi.toml").write_text(board.toml('formats = ["onnx", "openvino"]'))
    (folder / "off-pi.toml").write_text(board.toml().replace(f":{board.port}", ":1"))
    (tmp_path / "nobody.conf").write_text(
        "Host *\n UserKnownHostsFile /dev/null\n GlobalKnownHostsFile /dev/null\n"
    )
    stranger = board.toml().replace(str(board.ssh_config), "../../nobody.conf")
    (folder / "stranger.toml").write_text(stranger)
    (folder / "other-pi.toml").write_text(board.toml('models = "Raspberry Pi 99"'))
    return tmp_path


def test_boards_that_answer_are_told_from_those_that_do_not(config: Path) -> None:
    listed = {device["name"]: device for device in json.loads(devices(config, "--json").stdout)}
    assert listed["bench-pi"]["reachable"] is True
    assert listed["bench-pi"]["reach"] == "ssh"
    assert "no ssh server is running there" in listed["off-pi"]["reason"]
    assert "host key is not known here yet" in listed["stranger"]["reason"]
    assert "is not what other-pi describes" in listed["other-pi"]["reason"]


def test_check_tells_what_a_board_is(config: Path, board: LoopbackBoard) -> None:
    before = sorted(board.home.rglob("*"))
    done = devices(config, "check", "bench-pi", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["host"] == f"127.0.0.1:{board.port}"
    assert told["able"] is True
    assert told["environment"]["architecture"]
    assert {"Python", "C library", "processor", "model", "disk"} <= {f["subject"] for f in told["findings"]}
    assert sorted(board.home.rglob("*")) == before


def test_check_tells_people_what_is_missing_and_ends_with_1(config: Path) -> None:
    done = devices(config, "check", "other-pi")
    assert done.returncode == 1
    assert "not able to bench" in done.stdout
    assert "✗ model" in done.stdout


def test_check_of_a_board_that_is_away_is_one_line_and_status_2(config: Path) -> None:
    done = devices(config, "check", "bench-pi", "--host", "127.0.0.1:1")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_check_knows_this_machine_too(config: Path) -> None:
    done = devices(config, "check", "laptop")
    assert done.returncode == 0, done.stderr
    assert "laptop: able to bench" in done.stdout


def test_check_of_this_machine_outlives_an_engine_that_a_signal_ends(config: Path, tmp_path: Path) -> None:
    environment = write_dying_engine(tmp_path / "engines", "openvino")
    done = devices(config, "check", "laptop", "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    told = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert told["ONNX Runtime"] == {"level": "good", "subject": "ONNX Runtime", "text": "can be imported"}
    assert told["OpenVINO"]["level"] == "warning"
    assert (
        "SIGILL (illegal instruction: the engine is built for a newer processor" in told["OpenVINO"]["text"]
    )


def test_a_machine_on_which_no_engine_lives_is_not_able(config: Path, tmp_path: Path) -> None:
    for format in ("tflite", "onnx", "openvino"):
        environment = write_dying_engine(tmp_path / "engines", format)
    done = devices(config, "check", "laptop", environment=environment)
    assert done.returncode == 1
    assert "laptop: not able to bench" in done.stdout
    assert done.stdout.count("SIGILL") == 3


def test_check_tries_the_engines_that_are_on_a_board(
    config: Path, board: LoopbackBoard, tmp_path: Path
) -> None:
    """As provision left them: the launcher names where they are. Nothing is written there."""
    pushed = board.toml('formats = ["onnx", "openvino"]').replace('packages = "own"', 'packages = "pushed"')
    folder = tmp_path / "home of edgeall"
    pushed = pushed.replace('folder = "~/edgeall"', f'folder = "{folder}"')
    (config / "edgeall" / "devices" / "old-pi.toml").write_text(pushed)
    before = devices(config, "check", "old-pi")
    assert before.returncode == 0, before.stderr
    assert before.stdout.count("not there yet; devices provision puts it there and tries it") == 2
    write_dying_engine(folder / "unpacked" / "1", "onnx")
    (folder / LAUNCHER).parent.mkdir()
    (folder / LAUNCHER).write_text(launcher(str(folder), sys.executable, ["unpacked/1"], True))
    there = set(folder.rglob("*"))
    after = devices(config, "check", "old-pi", "--json")
    told = {finding["subject"]: finding for finding in json.loads(after.stdout)["findings"]}
    assert "its process was killed by SIGILL (illegal instruction" in told["ONNX Runtime"]["text"]
    assert told["OpenVINO"]["text"] == "can be imported"
    assert json.loads(after.stdout)["able"] is True
    assert set(folder.rglob("*")) == there


def test_provision_says_what_it_sent_and_where(config: Path, board: LoopbackBoard) -> None:
    first = devices(config, "provision", "bench-pi", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["folder"] == str(board.home / "edgeall")
    assert told["bytes"] == sum(each["bytes"] for each in told["pushed"]) > 10_000
    assert told["engines"] == {"numpy": None, "PIL": None, "onnxruntime": None, "openvino": None}
    launched = subprocess.run([told["command"], "--version"], capture_output=True, text=True, check=True)
    assert launched.stdout.startswith("edgeall ")
    again = devices(config, "provision", "bench-pi")
    assert again.returncode == 0, again.stderr
    assert "all was there already" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "which device?"),
        (["list", "rpi"], "did you mean: edgeall devices check NAME?"),
        (["provision", "laptop"], "this machine"),
        (["check", "laptop", "--host", "pi"], "--host is for devices reached over ssh"),
        (["check", "rpi9"], "did you mean 'rpi"),
        (["check", "rpi", "--host", "a b"], "[user@]host[:port]"),
    ],
)
def test_a_mistake_is_one_line(config: Path, arguments: list[str], words: str) -> None:
    done = devices(config, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
