"""A worker's answers to corrupted images: real engines, the same pixels for each, and the domain check beside them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_models import FORMATS, SmallModel

from edgeall.artifact import Artifact
from edgeall.artifact.domain import Domain
from edgeall.domain.figures import figures
from edgeall.measuring import record_types
from edgeall.measuring.measurements import PASSES
from edgeall.measuring.plan import WorkerJob
from edgeall.pixels import ByteImage

IMAGES = 8
NOT_HOT = {"before_c": None, "after_c": None, "throttled": None, "hot": None}


@pytest.fixture(scope="module")
def folder(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's drawn images as files."""
    folder = tmp_path_factory.mktemp("corrupted")
    for index, image in enumerate(tiny.images[:IMAGES]):
        Image.fromarray(image).save(folder / f"{index}.png")
    return folder


def like(images: ByteImage) -> Domain:
    """A domain that takes these images, and none of another texture."""
    found = [figures(image)["fine"] for image in images]
    room = 0.1 * (max(found) - min(found))
    return Domain(
        images=len(images),
        side=images.shape[1],
        on_black=False,
        widths=(32, 32, 32),
        heights=(32, 32, 32),
        refused=0.0,
        limits={"fine": (min(found) - room, max(found) + room)},
    )


def passed(artifact: Artifact, folder: Path, change: str) -> dict[str, Any]:
    images = tuple((path.name, str(path)) for path in sorted(folder.iterdir()))
    order = WorkerJob(
        kind="corruption",
        artifact=str(artifact.path),
        sha256=artifact.sha256,
        threads=1,
        images=images,
        warmup_runs=1,
        warmup_seconds=0,
        least_runs=1,
        least_seconds=0,
        most_seconds=1,
        spawned_ns=0,
        change=change,
    )
    result = PASSES["corruption"](order)
    record = {"threads": 1, "round": 0, "thermal": NOT_HOT, "change": change, "result": result}
    record_types.check("corruption", record)
    return result


@pytest.mark.parametrize("change", ["unchanged", "stain 5", "noise 3", "motion 4"])
def test_engines_see_the_same_pixels(change: str, tiny: SmallModel, folder: Path, tmp_path: Path) -> None:
    """Float models of three formats answer alike to a picture only where it is the same picture."""
    found = [
        np.array(passed(tiny.sealed(f"{name}-fp32", tmp_path, name), folder, change)["probabilities"])
        for name in FORMATS
    ]
    assert found[0].shape == (IMAGES, 2)
    for other in found[1:]:
        assert np.abs(other - found[0]).max() < 1e-4
    if change == "unchanged":
        assert np.abs(found[0][:, 1] - tiny.reference[:IMAGES, -1]).max() < 1e-4
    else:
        assert np.abs(found[0][:, 1] - tiny.reference[:IMAGES, -1]).max() > 1e-3


@pytest.mark.parametrize("format", FORMATS)
def test_int8_answers_and_the_domain_refuses_by_the_picture(
    format: str, tiny: SmallModel, folder: Path, tmp_path: Path
) -> None:
    sealed = tiny.sealed(f"{format}-int8", tmp_path, "one", domain=like(tiny.images[:IMAGES]))
    unchanged, noisy = (passed(sealed, folder, change) for change in ("unchanged", "noise 5"))
    assert unchanged["refused"] == [False] * IMAGES
    assert noisy["refused"] == [True] * IMAGES
    assert unchanged["probabilities"] != noisy["probabilities"]
    assert noisy["names"] == [f"{index}.png" for index in range(IMAGES)]


def test_an_artifact_without_a_domain_refuses_nothing_and_says_so(
    tiny: SmallModel, folder: Path, tmp_path: Path
) -> None:
    assert passed(tiny.sealed("tflite-fp32", tmp_path), folder, "noise 5")["refused"] is None


def test_an_image_that_cannot_be_read_is_named(tiny: SmallModel, folder: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "0.png").write_bytes((folder / "0.png").read_bytes()[:60])
    (images / "1.png").write_bytes((folder / "1.png").read_bytes())
    sealed = tiny.sealed("onnx-fp32", tmp_path, "one", domain=like(tiny.images[:IMAGES]))
    result = passed(sealed, images, "defocus 2")
    assert set(result["unreadable"]) == {"0.png"}
    assert result["probabilities"][0] is None
    assert result["refused"][0] is False
    assert result["probabilities"][1] is not None
