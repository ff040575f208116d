"""A board behind a real ssh server on loopback, and artifacts to measure on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_board import LoopbackBoard
from over_ssh import SHORT
from small_run import draw, make_artifact, make_run

from edgeall import artifact
from edgeall.files import sha256_file
from edgeall.measuring.plan import Plan, PlannedArtifact, PlannedImage


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBoard]:
    with LoopbackBoard(tmp_path_factory.mktemp("board")) as board:
        yield board


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 10, "all": 10})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    make_artifact(run, "onnx", "float32")
    make_artifact(run, "openvino", "float32")
    return folder


@pytest.fixture
def runs_folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


@pytest.fixture(scope="module")
def plan(made: Path) -> Plan:
    """One ONNX artifact, two images."""
    opened = artifact.read(made / "runs" / "tiny" / "exports" / "tiny_onnx-float32.onnx")
    images = tuple(
        PlannedImage(path.name, str(path), sha256_file(path)) for path in sorted(made.glob("data/*/*0.png"))
    )
    return Plan((PlannedArtifact.of(opened, "few"),), {"few": images}, SHORT)
