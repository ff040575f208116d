"""Tiny real artifacts, and a bench of them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from small_run import draw, make_artifact, make_run
from tiny_bench import SHORT, bench, laptop

from edgeall.benching import find_artifacts


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/` and `runs/tiny/` with three exports; never changed."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data", {"healthy": 12, "all": 12})
    run = make_run(folder / "runs" / "tiny", folder / "data")
    make_artifact(run, "onnx", "float32")
    make_artifact(run, "onnx", "int8")
    make_artifact(run, "openvino", "float32")
    return folder


@pytest.fixture(scope="session")
def benched(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of it after a bench, and the bench's document."""
    folder = tmp_path_factory.mktemp("benched")
    shutil.copytree(made / "runs", folder / "runs")
    return folder, bench(find_artifacts([], folder / "runs"), laptop(), SHORT)


@pytest.fixture
def runs_folder(made: Path, tmp_path: Path) -> Path:
    """Runs that were never benched."""
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


@pytest.fixture
def benched_runs(benched: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """Runs that were."""
    return Path(shutil.copytree(benched[0] / "runs", tmp_path / "runs"))
