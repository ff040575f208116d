"""A network that was trained to find granules, the same before its training, and cells to ask them about."""

from pathlib import Path

import granules
import numpy as np
import pytest
from shared_folders import Share

from edgeall import artifact
from edgeall.artifact import Artifact
from edgeall.pixels import ByteImage


@pytest.fixture(scope="session")
def made(share: Share) -> Path:
    pytest.importorskip("tensorflow", reason="trains a network")
    return share("granules", granules.write)


@pytest.fixture(scope="session")
def finds_granules(made: Path) -> Artifact:
    """The trained network."""
    return artifact.read(made / "trained.tflite")


@pytest.fixture(scope="session")
def untrained(made: Path) -> Artifact:
    return artifact.read(made / "untrained.tflite")


@pytest.fixture(scope="session")
def cells() -> list[ByteImage]:
    """Cells with a granule at each of `granules.PLACES`."""
    noise = np.random.default_rng(7)
    return [granules.cell(noise, place) for place in granules.PLACES]
