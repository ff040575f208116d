"""Fixtures shared by all tests: small models in every format; real images and weights, if this machine has them.

What is slow to make is made once for all processes of a session: see `share` and `recorded_workers`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from shared_folders import Share, sharing
from small_models import SmallModel, small_model

if TYPE_CHECKING:
    from headless_browser import Browser

    from edgeall.runs import Run

# How long an example takes is the machine's affair, and no property of what is tested.
# The default suite tries the same examples each time, so that it fails for a change and never by luck; `make fuzz`
# draws new ones.
settings.register_profile("edgeall", deadline=None, derandomize=True, database=None)
settings.register_profile("fuzz", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("EDGEALL_HYPOTHESIS", "edgeall"))

# As the command sets it: without, the bits of a training would depend on whether a test before it ran a command.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

PROJECT = Path(__file__).resolve().parent.parent
SLOW = frozenset((PROJECT / "tests" / "slow_files.txt").read_text(encoding="utf-8").split())
"""Files that take more than four seconds of a processor: they train, convert, bench, or speak to boards."""
COSTLY = {"tiny", "mobile", "trained", "exported", "made", "benched", "board"}
"""Fixtures that take as long to make."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first, so that processes that are given one file after the other end together."""
    gone = SLOW - {path.stem for path in (PROJECT / "tests").rglob("test_*.py")}
    if gone:
        raise pytest.UsageError(f"tests/slow_files.txt: no such files: {sorted(gone)}")
    for item in items:
        if item.path.stem in SLOW or not COSTLY.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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
def share(tmp_path_factory: pytest.TempPathFactory) -> Share:
    """Folders that one process of the session makes and all read."""
    own = tmp_path_factory.getbasetemp()
    return sharing((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared")


@pytest.fixture(scope="session")
def tiny(share: Share) -> SmallModel:
    """Three convolutions at 32 pixels, one sigmoid output, in all formats and precisions."""
    return small_model("tiny", share)


@pytest.fixture(scope="session")
def mobile(share: Share) -> SmallModel:
    """MobileNetV2 of width 0.35 at 96 pixels, three softmax outputs, in all formats, float32 and INT8."""
    return small_model("mobile", share)


@pytest.fixture(scope="session")
def trained(share: Share) -> "Run":
    """A run whose small Keras network was trained for seconds; not to be changed."""
    from keras_run import make_keras_run

    from edgeall import runs

    return runs.load(share("trained", lambda folder: make_keras_run(folder / "cells")) / "cells")


@pytest.fixture(scope="session")
def records(share: Share) -> Path:
    """What export workers answered in this session."""
    return share("records", lambda folder: None)


@pytest.fixture
def recorded(records: Path) -> Iterator[None]:
    """Export workers do again what they did in this session from its record."""
    from recorded_workers import recorded

    with recorded(records):
        yield


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """Name of a backbone that trains at once."""
    from small_backbone import SMALL, small_backbone

    with small_backbone():
        yield SMALL.name


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """A headless Chromium whose network ends at this machine; skips where it is missing."""
    from headless_browser import headless_browser

    with headless_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test's own, empty folder for edgeall's caches."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
