"""Old entries go into a log of their own, which the log still ends on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from log_made import STATION, log_of, picture
from test_verifying import tampered

from edgeall.errors import FileError, UsageError
from edgeall.logbook import (
    ArchiveEntry,
    Head,
    Logbook,
    LogError,
    archive,
    archiving,
    find_path,
    remove,
    verify,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log_of(tmp_path / "log.db", 10).close()
    return tmp_path / "log.db"


NINE_MINUTES_IN = "2026-11-01T08:09"


def test_both_logs_hold_and_the_log_goes_on_from_the_archive(path: Path, tmp_path: Path) -> None:
    with Logbook.open(path) as log:
        noted = log.head
        entry = archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
        assert (entry.last, entry.entries, entry.file) == (8, 8, "old.db")
        assert [record.seq for record in log.after(0)] == [9, 10, 11]
        assert isinstance(log.recent(1)[0].entry, ArchiveEntry)
        found = verify(log, noted)
        assert (found.holds, found.first, found.entries) == (True, 9, 3)
        assert found.remarks == (f"entries up to 8 are in old.db, which ends with {entry.head}",)
        log.append([picture(11)])
        assert verify(log).holds
    with Logbook.open(tmp_path / "old.db", read_only=True) as old:
        assert verify(old, Head(8, entry.head)).holds
        assert old.head == Head(8, entry.head)
        assert [record.seq for record in old.after(0)] == [*range(1, 9)]
    assert not list(tmp_path.glob("old.db-*"))
    assert (tmp_path / "old.db").stat().st_mode & 0o077 == 0


def test_an_archive_is_private_before_it_is_in_its_place(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers on people are in it."""
    seen, move = list[int](), Path.replace

    def moved(self: Path, target: Path) -> Path:
        seen.append(self.stat().st_mode & 0o077)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", moved)
    with Logbook.open(path) as log:
        archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
    assert seen == [0]


def test_archives_follow_each_other(path: Path, tmp_path: Path) -> None:
    with Logbook.open(path) as log:
        archive(log, "2026-11-01T08:05", tmp_path / "one.db")
        second = archive(log, NINE_MINUTES_IN, tmp_path / "two.db")
        assert (second.last, second.entries) == (8, 4)
        assert verify(log).holds
    with Logbook.open(tmp_path / "two.db", read_only=True) as two:
        found = verify(two)
        # Its own four, and the log's entry on the archive before.
        assert (found.holds, found.first, found.entries) == (True, 5, 5)


def test_an_archive_between_two_tells_what_it_follows(path: Path, tmp_path: Path) -> None:
    """The log's entry on the archive before lies after all that it holds."""
    with Logbook.open(path) as log:
        first = archive(log, "2026-11-01T08:05", tmp_path / "one.db")
        archive(log, NINE_MINUTES_IN, tmp_path / "two.db")
        with Logbook.open(tmp_path / "two.db", read_only=True) as two:
            told = two.of_kind("archive")
            assert [(record.seq, record.entry) for record in told] == [(9, first)]
        archive(log, "2027-01-01", tmp_path / "three.db")
        assert verify(log).holds
    with Logbook.open(tmp_path / "three.db", read_only=True) as three:
        assert verify(three).holds


def test_archived_files_are_known_and_changed_ones_are_not(path: Path, tmp_path: Path) -> None:
    with Logbook.open(path) as log:
        archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
        one = picture(1)
        assert one.sha256 is not None
        assert log.knows_file("/scans", one.path, one.size or 0, one.mtime_ns or 0, STATION)
        assert not log.knows_file("/scans", one.path, 5, one.mtime_ns or 0, STATION)
        assert log.knows_content("/scans", one.path, one.sha256) == "archived"
        assert log.knows_content("/scans", "elsewhere.jpg", one.sha256) is None


def test_an_archive_tells_of_what_was_removed_before_and_can_lose_more(path: Path, tmp_path: Path) -> None:
    with Logbook.open(path) as log:
        remove(log, [2, 10], "path", reason="asked for")
        archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
        assert verify(log).holds
    with Logbook.open(tmp_path / "old.db") as old:
        told = old.recent(1)[0].entry
        assert (getattr(told, "entries", None), getattr(told, "reason", None)) == ((2,), "asked for")
        remove(old, find_path(old, "slide/003.jpg"), "path")
        found = verify(old)
        assert (found.holds, found.removed) == (True, 2)


def test_the_archive_stops_at_the_first_later_entry(path: Path, tmp_path: Path) -> None:
    with Logbook.open(path) as log:
        # The clock was set back before this one.
        log.append([picture(11, time="1970-01-01T00:00:00.000000+00:00"), picture(12)])
        assert archive(log, NINE_MINUTES_IN, tmp_path / "old.db").last == 8


def test_nothing_is_lost_where_an_archive_cannot_be_made(path: Path, tmp_path: Path) -> None:
    (tmp_path / "taken.db").write_text("mine")
    (tmp_path / "file").write_text("no folder")
    with Logbook.open(path) as log:
        head = log.head
        with pytest.raises(UsageError, match="exists already"):
            archive(log, NINE_MINUTES_IN, tmp_path / "taken.db")
        with pytest.raises(UsageError, match="not from before 2020-01-01"):
            archive(log, "2020-01-01", tmp_path / "old.db")
        with pytest.raises(FileError):
            archive(log, NINE_MINUTES_IN, tmp_path / "file" / "old.db")
        assert log.head == head
        assert len(log.after(0)) == 10
    assert (tmp_path / "taken.db").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "log.db", "taken.db"]


@pytest.mark.parametrize("name", ["log.db", "link.db"])
def test_a_log_is_not_replaced_by_its_archive(path: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "link.db").symlink_to(path)
    with Logbook.open(path) as log:
        with pytest.raises(UsageError, match="is the log itself: name another file with -o"):
            archive(log, NINE_MINUTES_IN, tmp_path / name, overwrite=True)
        log.append([picture(11)])
    with Logbook.open(path) as log:
        assert [record.seq for record in log.after(0)] == [*range(1, 12)]
        assert verify(log).holds


def test_a_log_that_does_not_hold_is_not_archived(path: Path, tmp_path: Path) -> None:
    tampered(path, "UPDATE entries SET body = replace(body, 'negative', 'positive') WHERE seq = 4")
    with Logbook.open(path) as log, pytest.raises(LogError, match="entry 4 does not hold"):
        archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
    assert not (tmp_path / "old.db").exists()


# -- what another process does while the archive is written


@pytest.fixture
def meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Logbook], object]], None]:
    """Has another process do something to the log when the archive is written."""

    def arrange(act: Callable[[Logbook], object]) -> None:
        write = archiving._write

        def written(log: Logbook, part: Path, last: int) -> int:
            count = write(log, part, last)
            monkeypatch.setattr(archiving, "_write", write)
            with Logbook.open(path) as other:
                act(other)
            return count

        monkeypatch.setattr(archiving, "_write", written)

    return arrange


def test_a_picture_that_is_removed_meanwhile_is_in_no_archive(
    path: Path, tmp_path: Path, meanwhile: Callable[[Callable[[Logbook], object]], None]
) -> None:
    meanwhile(lambda other: remove(other, find_path(other, "slide/003.jpg"), "path"))
    with Logbook.open(path) as log:
        with pytest.raises(LogError, match=r"were removed while .* nothing is archived; archive again"):
            archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
        assert not list(tmp_path.glob("old.db*"))
        assert verify(log).holds
        assert archive(log, NINE_MINUTES_IN, tmp_path / "old.db").last == 8


def test_two_that_archive_at_once_lose_nothing(
    path: Path, tmp_path: Path, meanwhile: Callable[[Callable[[Logbook], object]], None]
) -> None:
    meanwhile(lambda other: archive(other, NINE_MINUTES_IN, tmp_path / "old.db"))
    with Logbook.open(path) as log:
        with pytest.raises(LogError, match="another process archived it"):
            archive(log, NINE_MINUTES_IN, tmp_path / "old.db")
        assert verify(log).holds
        assert [record.seq for record in log.after(0)] == [9, 10, 11]
    with Logbook.open(tmp_path / "old.db", read_only=True) as old:
        assert verify(old).holds
        assert old.head.seq == 8
