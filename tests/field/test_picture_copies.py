"""Copies of pictures, in a folder for each decision."""

import os
from pathlib import Path

import pytest

from edgeall.errors import FileError, ImageError, UsageError
from edgeall.field import Found
from edgeall.field.copies import Copies


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"first")
    (folder / "deep" / "a.png").write_bytes(b"second")
    return folder


def found(folder: Path, name: str, shown: str | None = None) -> Found:
    return Found(str(folder / name), shown or name)


def below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_pictures_keep_their_names_below_the_decision(source: Path, tmp_path: Path) -> None:
    copies = Copies(tmp_path / "sorted", [str(source)])
    os.utime(source / "a.png", (1_000_000_000, 1_000_000_000))
    copies.add(found(source, "a.png"), "positive")
    copies.add(found(source, "deep/a.png"), "refuse")
    assert below(tmp_path / "sorted") == {"positive/a.png": b"first", "refuse/deep/a.png": b"second"}
    assert (tmp_path / "sorted/positive/a.png").stat().st_mtime == 1_000_000_000


def test_two_pictures_of_one_name_are_both_kept_and_an_equal_one_once(source: Path, tmp_path: Path) -> None:
    copies = Copies(tmp_path / "sorted", [])
    for _ in range(2):
        copies.add(found(source, "a.png"), "refer")
        copies.add(found(source, "deep/a.png", "a.png"), "refer")
    assert below(tmp_path / "sorted") == {"refer/a.png": b"first", "refer/a-2.png": b"second"}


def test_a_folder_that_holds_something_is_added_to_only_when_asked(source: Path, tmp_path: Path) -> None:
    (tmp_path / "sorted").mkdir()
    (tmp_path / "sorted" / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="sorted is not empty: give another folder, or --overwrite"):
        Copies(tmp_path / "sorted", [])
    Copies(tmp_path / "sorted", [], add=True).add(found(source, "a.png"), "negative")
    assert set(below(tmp_path / "sorted")) == {"mine.txt", "negative/a.png"}


def test_copies_do_not_go_into_what_is_classified(source: Path, tmp_path: Path) -> None:
    for place in (source, source / "deep" / "sorted"):
        with pytest.raises(UsageError, match="which is classified"):
            Copies(place, [str(source)])
    pictures = [str(source / "a.png"), str(source / "*.png"), str(source / "deep" / "a.png")]
    for place, picture in ((source, pictures[0]), (source, pictures[1]), (source, pictures[2])):
        with pytest.raises(UsageError, match="which is classified"):
            Copies(place, [picture], add=True)
    with pytest.raises(UsageError, match="which is classified"):
        Copies(source / "out", [pictures[1]])
    with pytest.raises(UsageError, match="no file that can be copied"):
        Copies(tmp_path / "sorted", ["-"])


def test_a_copy_that_cannot_be_made_is_named(source: Path, tmp_path: Path) -> None:
    copies = Copies(tmp_path / "sorted", [])
    (tmp_path / "sorted" / "positive").write_text("a file, no folder")
    with pytest.raises(FileError, match=r"sorted/positive/a\.png: cannot be written"):
        copies.add(found(source, "a.png"), "positive")
    (source / "a.png").unlink()
    with pytest.raises(ImageError, match=r"scans/a\.png: cannot be copied \(No such file"):
        copies.add(found(source, "a.png"), "negative")
    assert set(below(tmp_path / "sorted")) == {"positive"}


def test_a_long_name_is_copied(source: Path, tmp_path: Path) -> None:
    name = "n" * 250 + ".png"
    (source / name).write_bytes(b"long")
    Copies(tmp_path / "sorted", []).add(found(source, name), "positive")
    assert below(tmp_path / "sorted") == {f"positive/{name}": b"long"}
