"""A person is removed from the log: nothing of theirs is left in its files, their place is marked, the chain holds."""

import sqlite3
from pathlib import Path

import pytest
from log_made import log_of, picture

from edgeall.errors import UsageError
from edgeall.logbook import Logbook, RemovalEntry, find_path, find_subject, remove, verify
from edgeall.logbook.storage import LogError

NAME = "UID_4711_1_1_all.bmp"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with log_of(tmp_path / "log.db", 10) as log:
        log.append(
            [
                picture(11, path=f"first/{NAME}", subject="4711"),
                picture(12),
                picture(11, path="copy.bmp"),
                picture(13, path=f"second/{NAME}", subject="4711", answer=None, error=f"{NAME}: truncated"),
            ]
        )
    return tmp_path / "log.db"


def everything(path: Path) -> bytes:
    """All bytes of a log's files."""
    return b"".join(
        each.read_bytes() for each in sorted(path.parent.glob(f"*{path.name}*")) if each.is_file()
    )


def test_a_person_s_pictures_are_removed_with_equal_ones(path: Path) -> None:
    with Logbook.open(path) as log:
        assert find_subject(log, "4711") == [11, 13, 14]
        entry = remove(log, find_subject(log, "4711"), "subject", reason="asked for on paper")
        assert [record.seq for record in log.after(0) if record.entry is None] == [11, 13, 14]
        assert log.recent(1)[0].entry == entry
        assert (entry.entries, entry.by, entry.reason) == ((11, 13, 14), "subject", "asked for on paper")
        found = verify(log)
        assert (found.holds, found.removed, found.entries) == (True, 3, 15)
        assert find_subject(log, "4711") == []
        assert log.search("4711") == []


def test_nothing_of_the_person_is_left_in_the_files(path: Path) -> None:
    person = picture(11)
    assert person.sha256 is not None
    traces = [NAME.encode(), b"4711", person.sha256.encode(), bytes.fromhex(person.sha256)]
    with Logbook.open(path) as log:
        database = sqlite3.connect(path)
        salts = [salt for (salt,) in database.execute("SELECT salt FROM entries WHERE seq IN (11, 13, 14)")]
        database.close()
        assert all(trace in everything(path) for trace in [*traces[:3], *salts])
        remove(log, find_subject(log, "4711"), "subject")
        assert [trace for trace in [*traces, *salts] if trace in everything(path)] == []
        assert picture(12).path.encode() in everything(path)


def test_what_was_removed_is_known_again_by_its_bytes_alone(path: Path) -> None:
    person, stranger = picture(11), picture(12)
    assert person.sha256 is not None
    assert stranger.sha256 is not None
    with Logbook.open(path) as log:
        remove(log, find_subject(log, "4711"), "subject")
        assert log.knows_content("/scans", "anywhere.bmp", person.sha256) == "removed"
        assert log.knows_content("/scans", "anywhere.bmp", stranger.sha256) is None


def test_a_picture_that_was_being_decided_meanwhile_is_not_taken(path: Path) -> None:
    with Logbook.open(path) as log:
        remove(log, find_subject(log, "4711"), "subject")
        assert log.append([picture(11, path="late.bmp")]) == []
        # A person may show it again on purpose.
        assert len(log.append([picture(11, folder=None, source="serve", path="late.bmp")])) == 1


@pytest.mark.parametrize(
    ("named", "entries"),
    [
        ("slide/003.jpg", [3]),
        ("/scans/slide/003.jpg", [3]),
        ("second", [14]),
        ("/scans/second/", [14]),
        ("copy.bmp", [11, 13]),
        ("slide", [*range(1, 11), 12]),
        ("slid", []),
        ("slide/00_.jpg", []),
        ("%", []),
    ],
)
def test_a_path_is_a_picture_or_all_below_a_folder(path: Path, named: str, entries: list[int]) -> None:
    with Logbook.open(path) as log:
        assert find_path(log, named) == entries


def test_only_pictures_can_be_removed_and_only_what_is_there(path: Path) -> None:
    with Logbook.open(path) as log:
        remove(log, [1], "path")
        head = log.head
        for entries, why in [
            ([], "nothing is removed"),
            ([15], "is no picture's"),
            ([2, 99], "is no picture's"),
        ]:
            with pytest.raises(UsageError, match=why):
                remove(log, entries, "path")
        assert log.head == head
        assert log.record(2) is not None
        assert find_path(log, "slide/002.jpg") == [2]


def test_a_reader_that_holds_a_copy_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeall.logbook.storage._BUSY_SECONDS", 0.01)
    with Logbook.open(path) as log, Logbook.open(path) as reader:
        log.append([picture(20)])
        with reader.reading() as database:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM entries").fetchone()
            with pytest.raises(
                LogError, match=r"a copy is in log\.db-wal while other programs have the log open"
            ):
                remove(log, [1], "path")
            database.execute("ROLLBACK")
        assert isinstance(log.recent(1)[0].entry, RemovalEntry)
    assert b"slide/001.jpg" not in everything(path)
