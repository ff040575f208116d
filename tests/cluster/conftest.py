"""Pictures and an artifact for jobs."""

from pathlib import Path

import pytest
from PIL import Image
from small_models import SmallModel

from edgeall.artifact import Artifact


@pytest.fixture(scope="session")
def artifact(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny.sealed("tflite-int8", tmp_path_factory.mktemp("cluster"))


@pytest.fixture
def pictures(tiny: SmallModel, tmp_path: Path) -> Path:
    """A folder with 12 pictures, a blank one, a damaged one, and a file that is no picture."""
    folder = tmp_path / "pictures"
    for number, pixels in enumerate(tiny.images):
        place = folder / f"slide{number // 6}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"cell{number:02}.png")
    Image.new("RGB", (64, 64), (200, 190, 200)).save(folder / "blank.png")
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (folder / "notes.csv").write_text("no picture")
    return folder
