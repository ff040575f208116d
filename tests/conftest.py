"""Fixtures shared by all tests: where real images and weights are, if this machine has them."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def _real(kind: str, environment: str, *below: str) -> Path:
    folder = Path(os.environ.get(environment, PROJECT.parent / "shared" / kind)).joinpath(*below)
    if not folder.exists():
        pytest.skip(f"needs real {kind} at {folder}; set {environment} to where they are")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with `cnmc/` and `bccd/`, real cell images; skips where it is missing."""
    return _real("data", "EDGEALL_TEST_DATA")


@pytest.fixture(scope="session")
def mobilenet_weights() -> Path:
    """Pretrained MobileNetV2 weights without top; skips where they are missing."""
    return _real("weights", "EDGEALL_TEST_WEIGHTS", "mobilenetv2_imagenet_notop.weights.h5")
