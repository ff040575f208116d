"""One rule for what a folder holds: a picture, or left out for a reason."""

from pathlib import Path

import pytest
from PIL import Image

from edgeall.pixels.folder import LeftOut, PictureFile, UnreadableFolder, in_words, list_folder

CONTENTS = {"image": "PNG", "text": b"nothing to see", "heic": b"\0\0\0\x18ftypheic", "empty": b""}
NAMES = (".png", ".jfif", ".avif", ".heic", ".svs", ".nef", ".txt", ".csv", ".json", ".tflite", "")
PICTURE_NAMES = (".png", ".jfif", ".avif", ".heic", ".svs", ".nef")


def kinds(folder: Path, **options: bool) -> dict[str, str]:
    return {
        str(getattr(found, "path", "")).removeprefix(f"{folder}/"): type(found).__name__
        for found in list_folder(folder, **options)
    }


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("suffix", NAMES)
def test_a_file_called_like_a_picture_or_beginning_like_one_is_one(
    content: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"file{suffix}"
    if content == "image":
        Image.new("RGB", (8, 8)).save(path, "PNG")
    else:
        path.write_bytes(CONTENTS[content])  # type: ignore[arg-type]
    picture = suffix in PICTURE_NAMES or content in ("image", "heic")
    assert list(list_folder(tmp_path)) == [PictureFile(path) if picture else LeftOut(path, "not an image")]


def test_links_to_files_are_followed_and_to_folders_not(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside / "sub", outside):
        folder.mkdir(parents=True)
    for path in (inside / "a.png", outside / "b.png"):
        Image.new("RGB", (8, 8)).save(path)
    (inside / "within.png").symlink_to(inside / "a.png")
    (inside / "leaves.png").symlink_to(outside / "b.png")
    (inside / "sub" / "up").symlink_to(inside, target_is_directory=True)
    (inside / "away").symlink_to(outside, target_is_directory=True)
    freely = {"a.png": "PictureFile", "within.png": "PictureFile", "away": "LeftOut", "sub/up": "LeftOut"}
    assert kinds(inside) == {**freely, "leaves.png": "PictureFile"}
    assert kinds(inside, stay_within=True) == {**freely, "leaves.png": "LeftOut"}
    reasons = {found.reason for found in list_folder(inside, stay_within=True) if isinstance(found, LeftOut)}
    assert len(reasons) == 2


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    (tmp_path / "closed").mkdir()
    (tmp_path / "a.png").write_bytes(b"")
    scandir = os.scandir

    def barred(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", barred)
    assert list(list_folder(tmp_path)) == [
        PictureFile(tmp_path / "a.png"),
        UnreadableFolder(tmp_path / "closed", "Permission denied"),
    ]


def test_a_file_that_cannot_be_looked_into_may_be_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scan").write_bytes(b"")

    def denied(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edgeall.pixels.folder.read_head", denied)
    assert list(list_folder(tmp_path)) == [PictureFile(tmp_path / "scan")]


def test_what_is_left_out_is_counted_by_reason_and_the_first_are_named() -> None:
    left_out = [LeftOut(Path("d", name), "not an image") for name in ("a.txt", "b.txt", "c.txt", "e.txt")]
    left_out.insert(1, LeftOut(Path("d/sub"), "a link"))
    assert in_words(left_out, Path("d")) == (
        "left out 4 (not an image): a.txt, b.txt, c.txt and 1 more",
        "left out 1 (a link): sub",
    )
    assert in_words([]) == ()
