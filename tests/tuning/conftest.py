"""Every test of tuning has a cache of its own, and small cells to train on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    return cache


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 images: 10 `healthy`, 10 `leukemia`, which is darker."""
    root = tmp_path_factory.mktemp("cells") / "cells"
    rng = np.random.default_rng(0)
    for label, middle in {"healthy": 150, "leukemia": 110}.items():
        (root / label).mkdir(parents=True)
        for index in range(10):
            pixels = rng.normal(middle, 40, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{index}.png")
    return root
