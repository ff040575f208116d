"""One small run, exported once to all six default artifacts, for all tests of this room that only look."""

from pathlib import Path

import pytest
from keras_run import copy_run, make_keras_run

from edgeall import runs
from edgeall.artifact import FORMATS
from edgeall.exporting import Exported, choose, export_run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """The run; not to be changed."""
    return make_keras_run(tmp_path_factory.mktemp("trained") / "cells")


@pytest.fixture(scope="session")
def exported(trained: runs.Run) -> tuple[runs.Run, list[Exported]]:
    """The run, and what exporting it for the first time returned; not to be changed."""
    return trained, export_run(trained, choose(FORMATS, ("float32", "int8")))


@pytest.fixture
def run(trained: runs.Run, tmp_path: Path) -> runs.Run:
    """A run of one's own, not exported yet."""
    return copy_run(trained, tmp_path / "own")
