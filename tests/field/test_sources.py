"""What the names on a command line stand for: files, folders, patterns, standard input."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from edgeall.field import Failed, Found, LeftOut, find_images, sources


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """s1/a.png, s1/b.png, s1/notes.txt, s2/a.png, s2/deep/c.png; again, a link to s1."""
    for name in ("s1/a.png", "s1/b.png", "s2/a.png", "s2/deep/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    (tmp_path / "s1/notes.txt").write_text("no image")
    (tmp_path / "again").symlink_to(tmp_path / "s1", target_is_directory=True)
    return tmp_path


def names(found: Iterator[Found | Failed | LeftOut]) -> list[str]:
    return [each.name for each in found if isinstance(each, Found)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("s1/*.png", ["a.png", "b.png"]),
        ("s?/a.png", ["s1/a.png", "s2/a.png"]),
        ("s[2]", ["a.png", "deep/c.png"]),
        ("**/*.png", ["s1/a.png", "s1/b.png", "s2/a.png", "s2/deep/c.png"]),
        ("s1/*", ["a.png", "b.png"]),
    ],
)
def test_a_pattern_stands_for_the_pictures_that_match_it(scans: Path, pattern: str, found: list[str]) -> None:
    assert names(find_images([f"{scans}/{pattern}"])) == found


def test_other_files_that_match_a_pattern_are_left_out(scans: Path) -> None:
    others = [each for each in find_images([f"{scans}/s1/*"]) if not isinstance(each, Found)]
    assert others == [LeftOut(scans / "s1/notes.txt", "not an image")]


def test_a_pattern_without_a_match_is_an_input_that_cannot_be_read(scans: Path) -> None:
    (failed,) = find_images([f"{scans}/*.tif"])
    assert failed == Failed(f"{scans}/*.tif", f"{scans}/*.tif: no file or folder matches this pattern")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(scans: Path) -> None:
    Image.new("RGB", (40, 40)).save(scans / "cell[1].png")
    assert list(find_images([f"{scans}/cell[1].png"])) == [Found(f"{scans}/cell[1].png", "cell[1].png")]


def test_names_below_a_folder_are_relative_to_it(scans: Path) -> None:
    assert names(find_images([str(scans / "s2")])) == ["a.png", "deep/c.png"]


def test_a_pattern_of_folders_alone_is_named(scans: Path) -> None:
    (failed,) = find_images([f"{scans}/**/deep"])
    assert isinstance(failed, Failed)
    assert "matches folders alone" in failed.error


def test_a_name_that_is_too_long_is_one_that_cannot_be_read(scans: Path) -> None:
    assert list(find_images([str(scans / ("a" * 300))])) == [Found(str(scans / ("a" * 300)), "a" * 300)]


def test_standard_input_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_STDIN_BYTES", 1 << 20)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr("sys.stdin", endless)
        (failed,) = find_images(["-"])
    said = "standard input has more than 1 MiB: save the image to a file and name that"
    assert failed == Failed("-", said)
