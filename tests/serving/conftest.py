"""Stations, and pictures for them."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import Served, served
from small_models import SmallModel

from edgeall.artifact import Artifact

pytest.importorskip("starlette", reason="needs edgeall[serve]")
pytest.importorskip("uvicorn", reason="needs edgeall[serve]")


@pytest.fixture(scope="session")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A model with a referral band."""
    from dataclasses import replace

    decision = replace(tiny.decision, threshold=0.65, refer=(0.5, 0.65))
    return tiny.sealed("tflite-int8", tmp_path_factory.mktemp("served"), "cells", decision=decision)


@pytest.fixture(scope="session")
def pictures(tiny: SmallModel) -> list[bytes]:
    """PNGs at three times the size of the model's input."""
    return [png(np.asarray(Image.fromarray(pixels).resize((96, 96)))) for pixels in tiny.images]


def png(pixels: np.ndarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


@pytest.fixture(scope="module")
def station(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A station on this machine alone, with default limits, for all tests of a file."""
    with served(artifact, tmp_path_factory.mktemp("log") / "log.db") as station:
        yield station


@pytest.fixture
def start(artifact: Artifact, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a test's own station."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(**settings: Any) -> Served:
            given = settings.pop("artifact", artifact)
            return stack.enter_context(served(given, tmp_path / "log.db", **settings))

        yield start
