"""Folders of small pictures, each like no other, made to a list of names."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from pictures import MakeFolder, picture


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Make pictures of the given names below a new folder and return it."""

    def make(names: Iterable[str]) -> Path:
        root = tmp_path / "data"
        for seed, name in enumerate(names):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(seed).save(path)
        return root

    return make
