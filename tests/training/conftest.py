"""Every test of training has a cache of its own, and cells to train on."""

from pathlib import Path

import pytest
from drawn_cells import draw_cells


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    return cache


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images: 12 `healthy`, 12 `leukemia`."""
    return draw_cells(tmp_path_factory.mktemp("cells"), {"healthy": 12, "leukemia": 12})
