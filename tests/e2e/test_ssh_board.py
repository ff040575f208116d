"""A board with nothing but an ssh server and a bare Python, made ready and benched by the installed command."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_board import LoopbackBoard
from small_run import draw, make_artifact, make_run

SHORT = ("--rounds", "1", "--threads", "1", "--min-runs", "12", "--min-seconds", "0.02")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBoard]:
    with LoopbackBoard(tmp_path_factory.mktemp("board")) as board:
        yield board


@pytest.fixture(scope="module")
def workplace(board: LoopbackBoard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one artifact, and a device whose Python has no package at all."""
    folder = tmp_path_factory.mktemp("workplace")
    draw(folder / "data", {"healthy": 8, "all": 8})
    make_artifact(make_run(folder / "runs" / "tiny", folder / "data", test=6), "onnx", "float32")
    venv.create(board.folder / "bare", with_pip=False)
    profile = board.toml('formats = ["onnx"]').replace(
        sys.executable, str(board.folder / "bare" / "bin" / "python")
    )
    (folder / "bare-board.toml").write_text(profile.replace('"own"', '"pushed"'))
    return folder


def edgeall(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeall", *arguments],
        cwd=folder,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")} | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def provisioned(workplace: Path) -> dict[str, object]:
    done = edgeall(workplace, "devices", "provision", "bare-board.toml", "--json")
    if "no wheels for" in done.stderr:
        pytest.skip("no package index can be reached, so there are no wheels to push")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_engines_work_there_though_its_python_has_no_package(provisioned: dict[str, object]) -> None:
    assert provisioned["engines"] == {"numpy": None, "PIL": None, "onnxruntime": None}


@pytest.mark.usefixtures("provisioned")
def test_it_is_benched_without_a_network(workplace: Path) -> None:
    done = edgeall(workplace, "bench", "--device", "bare-board.toml", *SHORT, "--json", PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert set(there["environment"]["before"]["libraries"]) == {"numpy", "onnxruntime", "pillow"}
    here = json.loads(edgeall(workplace, "bench", *SHORT, "--json").stdout)
    assert there["results"][0]["predictions"] == here["results"][0]["predictions"]
    assert there["results"][0]["engine"] == here["results"][0]["engine"]
    assert "fetching" not in done.stderr


def test_it_classifies_by_itself(provisioned: dict[str, object], workplace: Path) -> None:
    model = workplace / "runs" / "tiny" / "exports" / "tiny_onnx-float32.onnx"
    image = next((workplace / "data").glob("*/*.png"))
    command = [str(provisioned["command"]), "classify", "--json", "--model", str(model), str(image)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    there = subprocess.run(command, capture_output=True, text=True, env=environment)
    here = edgeall(workplace, *command[1:])
    assert there.returncode == 0, there.stderr
    ours, theirs = json.loads(here.stdout), json.loads(there.stdout)
    assert (ours["label"], ours["score"]) == (theirs["label"], theirs["score"])


@pytest.mark.usefixtures("provisioned")
def test_several_boards_at_once(workplace: Path, board: LoopbackBoard) -> None:
    hosts = [f"127.0.0.1:{board.port}", "127.0.0.1:1"]
    named = [word for host in hosts for word in ("--host", host)]
    done = edgeall(workplace, "bench", "--device", "bare-board.toml", *named, *SHORT)
    assert done.returncode == 1
    assert f"bare-board-127.0.0.1-{board.port}" in done.stdout
    assert "ONNX float32" in done.stdout
    assert f"edgeall: {hosts[1]}: " in done.stderr
    files = sorted(path.name for path in (workplace / "runs" / "tiny" / "bench").glob("*127*.json"))
    assert files == [f"bare-board-127.0.0.1-{board.port}.json"]
    assert "2 boards: 1 measured, 0 measured in part, 1 not measured" in done.stdout
    twice = edgeall(
        workplace, "bench", "--device", "bare-board.toml", *named, "--host", f"me@{hosts[0]}", *SHORT
    )
    assert twice.returncode == 2
    assert "the same board is named twice" in twice.stderr


@pytest.mark.usefixtures("provisioned")
def test_a_file_names_the_boards_of_a_fleet(workplace: Path, board: LoopbackBoard) -> None:
    (workplace / "boards.txt").write_text(f"# the shelf\n127.0.0.1:{board.port}\n\n127.0.0.1:1  # off\n")
    named = ("--fleet", "boards.txt", "--at-once", "1")
    done = edgeall(workplace, "bench", "--device", "bare-board.toml", *named, *SHORT, "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    (bench,) = document["benches"]
    assert bench["device"]["name"] == f"bare-board-127.0.0.1-{board.port}"
    assert [failure["host"] for failure in document["failures"]] == ["127.0.0.1:1"]
    assert f"127.0.0.1:{board.port}: measured, 1 result\n" in done.stderr
    assert "2 boards: 1 measured, 0 measured in part, 1 not measured" in done.stderr
