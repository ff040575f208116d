"""Fixtures shared by all tests: small models in every format; real images and weights, if this machine has them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from small_models import SmallModel, small_model

# How long an example takes is the machine's affair, and no property of what is tested.
# The default suite tries the same examples each time, so that it fails for a change and never by luck; `make fuzz`
# draws new ones.
settings.register_profile("edgeall", deadline=None, derandomize=True, database=None)
settings.register_profile("fuzz", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("EDGEALL_HYPOTHESIS", "edgeall"))

# As the command sets it: without, the bits of a training would depend on whether a test before it ran a command.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """Three convolutions at 32 pixels, one sigmoid output, in all formats and precisions."""
    return small_model("tiny", tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """MobileNetV2 of width 0.35 at 96 pixels, three softmax outputs, in all formats, float32 and INT8."""
    return small_model("mobile", tmp_path_factory.mktemp("mobile"))


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own, empty folder for edgeall's caches."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
