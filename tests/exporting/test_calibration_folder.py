"""Images given for calibration are looked at before any work, and refused by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_run import draw

from edgeall.errors import UsageError
from edgeall.exporting import read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw(tmp_path / "images", {"all": 5, "healthy": 5})
    return tmp_path / "images"


def test_all_images_of_a_folder_by_name_and_content(folder: Path) -> None:
    (folder / "notes.txt").write_text("no image")
    given = read_folder(folder, 32)
    assert len(given.members) == 10
    assert {member.name.partition("/")[0] for member in given.members} == {"all", "healthy"}
    assert len({member.sha256 for member in given.members}) == 10
    assert given.notes == ("left out 1 (not an image): notes.txt",)


def test_images_are_known_by_content(folder: Path) -> None:
    (folder / "all" / "all00.png").rename(folder / "all" / "no suffix")
    Image.open(folder / "all" / "all01.png").save(folder / "phone.webp")
    names = {member.name for member in read_folder(folder, 32).members}
    assert {"all/no suffix", "phone.webp"} <= names
    assert len(names) == 11


def test_a_picture_that_is_not_read_is_named(folder: Path) -> None:
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(UsageError, match=r"phone\.heic: edgeall does not read HEIC: convert it"):
        read_folder(folder, 32)


def test_no_folder_no_images_too_few(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        read_folder(tmp_path / "nowhere", 32)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no images"):
        read_folder(tmp_path / "empty", 32)
    with pytest.raises(UsageError, match="holds 5 images; at least 8"):
        read_folder(folder / "all", 32)


def test_one_black_image_is_named(folder: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "black.png")
    with pytest.raises(UsageError, match=r"black\.png has one colour everywhere"):
        read_folder(folder, 32)


def test_only_a_black_image(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(UsageError, match=r"black\.png has one colour everywhere"):
        read_folder(tmp_path, 32)


def test_images_too_small_for_the_model_are_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="32 x 32 pixels, too few for a model of 224 x 224"):
        read_folder(folder, 224)


def test_a_damaged_image_is_named(folder: Path) -> None:
    whole = (folder / "all" / "all00.png").read_bytes()
    (folder / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"torn\.png"):
        read_folder(folder, 32)
