"""Which files are finished, and which are pictures at all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from edgeall.watching.arrivals import Arrivals, FolderAway


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def look(tmp_path: Path, clock: Clock) -> Callable[[], list[str]]:
    """Names of files that are finished at a look, a second after the one before; "known.png" needs no decision."""
    arrivals = Arrivals(tmp_path, 2.0, lambda name, identity: name == "known.png", clock)

    def once() -> list[str]:
        found = [arrival.name for arrival in arrivals.look()]
        clock.seconds += 1.0
        return found

    return once


def draw(path: Path, colour: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(path)
    return path


def test_a_file_is_finished_once_it_has_not_changed_for_a_while(
    tmp_path: Path, look: Callable[[], list[str]]
) -> None:
    path = draw(tmp_path / "a.png")
    assert look() == look() == []
    assert look() == ["a.png"]
    assert look() == look() == look() == []
    path.write_bytes(path.read_bytes() + b"more")
    assert look() == look() == []
    assert look() == ["a.png"]


def test_a_file_that_grows_is_waited_for(tmp_path: Path, look: Callable[[], list[str]]) -> None:
    content = draw(tmp_path / "whole.png").read_bytes()
    (tmp_path / "whole.png").unlink()
    path = tmp_path / "a.png"
    for end in range(5, len(content), 20):
        path.write_bytes(content[:end])
        assert look() == []
    path.write_bytes(content)
    assert [*look(), *look()] == []
    assert look() == ["a.png"]


def test_a_file_of_equal_size_and_another_time_is_another(
    tmp_path: Path, look: Callable[[], list[str]]
) -> None:
    path = draw(tmp_path / "a.png")
    assert [*look(), *look(), *look()] == ["a.png"]
    os.utime(path, ns=(1, 1))
    assert [*look(), *look()] == []
    assert look() == ["a.png"]


def test_times_in_the_future_or_the_past_say_nothing(tmp_path: Path, look: Callable[[], list[str]]) -> None:
    for name, seconds in [("future.png", 2**33), ("past.png", 0)]:
        os.utime(draw(tmp_path / name), (seconds, seconds))
    assert [*look(), *look()] == []
    assert look() == ["past.png", "future.png"]


def test_pictures_are_known_by_name_or_content(tmp_path: Path, look: Callable[[], list[str]]) -> None:
    for name in (
        "a.png",
        "b/c/d.PNG",
        "noext",
        ".hidden.png",
        ".folder/a.png",
        "__MACOSX/a.png",
        "known.png",
    ):
        made = draw(tmp_path / f"{name}.png")
        made.rename(tmp_path / name)
    draw(tmp_path / "x.png").rename(tmp_path / "x.png.part")
    draw(tmp_path / "x.png").rename(tmp_path / "x.JPG.TMP")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    assert [*look(), *look()] == []
    assert sorted(look()) == ["a.png", "b/c/d.PNG", "empty.jpg", "noext"]


def test_pipes_and_links_to_folders_are_left_alone(tmp_path: Path, look: Callable[[], list[str]]) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "absent")
    draw(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    assert [*look(), *look()] == []
    assert sorted(look()) == ["a.png", "link.png"]


def test_older_files_come_first(tmp_path: Path, look: Callable[[], list[str]]) -> None:
    for seconds, name in enumerate(["c.png", "a.png", "b.png"]):
        os.utime(draw(tmp_path / name), (seconds, seconds))
    look(), look()
    assert look() == ["c.png", "a.png", "b.png"]


def test_a_folder_that_is_away_is_told_and_nothing_is_forgotten(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "scans"
    arrivals = Arrivals(folder, 0.0, lambda name, identity: False, clock)
    draw(folder / "a.png")
    arrivals.look()
    folder.rename(tmp_path / "gone")
    for _ in range(2):
        with pytest.raises(FolderAway, match="No such file or directory"):
            arrivals.look()
    (tmp_path / "gone").rename(folder)
    draw(folder / "b.png")
    assert [each.name for each in arrivals.look()] == ["b.png"]


def test_a_folder_below_that_cannot_be_listed_is_told_and_not_forgotten(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals = Arrivals(tmp_path, 0.0, lambda name, identity: False, clock)
    draw(tmp_path / "below" / "a.png")
    assert len(arrivals.look()) == 1
    assert arrivals.unlisted == {}
    real = os.scandir

    def closed(path: Path) -> object:
        if path.name == "below":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert arrivals.look() == []
    assert arrivals.unlisted == {"below": "Permission denied"}
    monkeypatch.setattr(os, "scandir", real)
    assert arrivals.look() == []
    assert arrivals.unlisted == {}
