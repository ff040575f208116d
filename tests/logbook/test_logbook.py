"""The log takes entries in order, each picture once, and finds them again."""

import json
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from log_made import STATION, answer, log_of, other, picture

from edgeall.logbook import ChangeEntry, Logbook, LogError, PictureEntry, stamp, system_clock, verify
from edgeall.logbook.network_shares import share_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def test_entries_are_numbered_from_1_and_read_back_as_they_were(path: Path) -> None:
    entries = [
        picture(1),
        ChangeEntry(stamp(system_clock()), "watch", "/scans", STATION, ("model",)),
        picture(2),
    ]
    with Logbook.open(path, create=True) as log:
        assert log.head.seq == 0
        appended = log.append(entries)
        assert [record.seq for record in appended] == [1, 2, 3]
        assert [record.entry for record in appended] == entries
        assert log.after(0) == appended
        assert log.recent(2) == appended[:0:-1]
        assert log.record(2) == appended[1]
        assert log.record(4) is None
        assert (log.head.seq, log.head.hash) == (3, appended[-1].hash)
    with Logbook.open(path) as again:
        assert again.after(0) == appended


def test_what_a_program_reads_of_a_record_is_json(path: Path) -> None:
    with log_of(path, 1) as log:
        document = json.loads(json.dumps(log.recent(1)[0].to_dict()))
    assert (document["seq"], document["kind"], document["path"]) == (1, "picture", "slide/001.jpg")
    assert document["answer"]["decision"] == "negative"


def test_the_answer_of_an_entry_is_the_classification(path: Path) -> None:
    with log_of(path, 1) as log:
        (record,) = log.recent(1)
    assert isinstance(record.entry, PictureEntry)
    assert record.entry.result.to_dict() == {"path": "/scans/slide/001.jpg", **answer(0.01)}


def test_the_same_bytes_of_a_file_are_taken_once(path: Path) -> None:
    with log_of(path, 2) as log:
        assert log.append([picture(1), picture(1, mtime_ns=5)]) == []
        changed = picture(1, sha256="c" * 64)
        back = picture(1)
        assert [record.entry for record in log.append([changed, changed])] == [changed]
        # Bytes that come back are recorded, and the first answer to them is referred to.
        (record,) = log.append([back])
        assert isinstance(record.entry, PictureEntry)
        assert record.entry.same_as == 1


def test_equal_bytes_under_another_name_refer_to_the_first(path: Path) -> None:
    with log_of(path, 1) as log:
        copies = [picture(1, path="a.jpg"), picture(1, path="b.jpg")]
        assert [getattr(record.entry, "same_as", 0) for record in log.append(copies)] == [1, 1]
        # Another station can give another answer, whatever its model's file is called.
        newer = picture(1, path="c.jpg", station=other(artifact="b" * 64))
        renamed = picture(1, path="d.jpg", station=other(model="renamed.tflite"))
        assert [getattr(record.entry, "same_as", 0) for record in log.append([newer, renamed])] == [None, 1]


def test_an_error_is_taken_once_and_gives_way_to_an_answer(path: Path) -> None:
    failed = picture(1, answer=None, error="truncated")
    unread = picture(2, answer=None, error="Permission denied", sha256=None)
    with Logbook.open(path, create=True) as log:
        assert len(log.append([failed, failed, unread, unread])) == 2
        assert len(log.append([picture(1), picture(2)])) == 2
        # No answer is taken back by an error on the same bytes.
        assert log.append([failed]) == []


def test_a_picture_from_elsewhere_is_taken_each_time(path: Path) -> None:
    uploaded = picture(1, folder=None, path="cell.jpg", source="serve", mtime_ns=None)
    with Logbook.open(path, create=True) as log:
        first, second = log.append([uploaded, uploaded])
    assert isinstance(second.entry, PictureEntry)
    assert second.entry.same_as == first.seq


def test_a_picture_that_came_again_has_a_later_entry(path: Path) -> None:
    changed = picture(1, sha256="c" * 64, size=5)
    sent = picture(2, folder=None, path="image.jpg")
    another = picture(3, folder=None, path="image.jpg")
    by_another_model = replace(sent, station=other(artifact="b" * 64))
    with Logbook.open(path, create=True) as log:
        records = log.append([picture(1), changed, sent, another, sent, by_another_model])
        later = [log.has_later(record.seq, record.entry) for record in records]  # type: ignore[arg-type]
    assert later == [True, False, True, False, False, False]


def test_a_file_that_needs_no_decision_is_known(path: Path) -> None:
    unreadable = picture(2, answer=None, error="truncated")
    with Logbook.open(path, create=True) as log:
        log.append([picture(1), unreadable])

        def known(entry: PictureEntry, size: int = 0, station: object = STATION) -> bool:
            assert entry.size is not None
            assert entry.mtime_ns is not None
            return log.knows_file("/scans", entry.path, entry.size + size, entry.mtime_ns, station)  # type: ignore[arg-type]

        assert known(picture(1))
        assert known(picture(1), station=other(engine_version="9"))
        assert not known(picture(1), size=1)
        assert not known(picture(3))
        assert known(unreadable)
        assert not known(unreadable, station=other(engine_version="9"))


def test_pictures_are_searched_for(path: Path) -> None:
    with log_of(path, 99) as log:
        log.append(
            [
                picture(100, path="UID_7_1_1_all.bmp", subject="7"),
                picture(101, answer=None, error="truncated"),
            ]
        )

        def found(text: str | None = None, **conditions: object) -> list[int]:
            return [record.seq for record in log.search(text, **conditions)]  # type: ignore[arg-type]

        assert found("SLIDE/04") == [49, 48, 47, 46, 45, 44, 43, 42, 41, 40]
        # What stands for any letter elsewhere is itself here.
        assert found("uid_7%") == found("0_") == []
        assert found(decision="positive", count=2) == [100, 99]
        assert found(decision="error") == [101]
        assert found(subject="7") == [100]
        assert found(folder="/elsewhere") == []
        assert found(since="2026-11-01T09:38", until="2026-11-01T09:39:30") == [99, 98]
        assert found("slide", before=3) == [2, 1]


def test_names_that_are_no_text_are_kept_apart(path: Path) -> None:
    from edgeall.logbook import path_text
    from edgeall.logbook.entries import path_of

    names = [b"a\xff.jpg", rb"a\xff.jpg", "ä.jpg".encode(), b"a\n.jpg"]
    texts = [path_text(name.decode("utf-8", "surrogateescape")) for name in names]
    assert texts == [r"a\xff.jpg", r"a\\xff.jpg", "ä.jpg", "a\n.jpg"]
    assert [os.fsencode(path_of(text)) for text in texts] == names
    with Logbook.open(path, create=True) as log:
        assert len(log.append([picture(1, path=text) for text in texts])) == 4
        assert verify(log).holds


def test_threads_and_connections_append_to_one_chain(path: Path) -> None:
    with Logbook.open(path, create=True) as one, Logbook.open(path, create=True) as two:

        def append(log: Logbook, start: int) -> None:
            for number in range(start, start + 40):
                log.append([picture(number), picture(1000)])

        threads = [
            threading.Thread(target=append, args=(log, n * 40)) for n, log in enumerate([one, two, one, two])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert two.head.seq == 161
        assert verify(one).holds


def test_entries_are_appended_all_or_none(path: Path) -> None:
    with log_of(path, 1) as log:
        with pytest.raises(LogError, match="cannot be written"):
            log.append([picture(2), picture(3, answer=answer(ms=float("nan")))])
        with pytest.raises(LogError, match="no Unicode"):
            log.append([picture(4, path="half \ud800")])
        assert log.head.seq == 1
        log.append([picture(2)])
        assert verify(log).holds


def test_an_entry_cannot_be_changed_or_deleted_by_mistake(path: Path) -> None:
    log_of(path, 3).close()
    database = sqlite3.connect(path)
    for mistake in (
        "UPDATE entries SET body = '{}' WHERE seq = 2",
        "UPDATE entries SET seq = 9 WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 3",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="entries are never"):
            database.execute(mistake)
    database.close()


def test_only_its_user_reads_a_log(path: Path) -> None:
    log_of(path, 1).close()
    assert path.stat().st_mode & 0o077 == 0


MOUNTS = r"""
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:45 / {place}/share rw shared:5 - nfs4 server:/x rw
31 22 0:46 / {place}/with\040space rw - cifs //server/x rw
32 30 8:2 / {place}/share/disk rw - ext4 /dev/sdb1 rw
33 22 0:47 / {place}/over rw - nfs server:/y rw
34 22 0:48 / {place}/over rw - tmpfs tmpfs rw
damaged line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        *((".", None), ("share", "nfs4"), ("share/below", "nfs4"), ("shared", None), ("with space", "cifs")),
        *(("share/disk", None), ("over", None)),
    ],
)
def test_a_network_share_is_recognised(tmp_path: Path, folder: str, kind: str | None) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS.format(place=tmp_path.resolve()))
    assert share_of(tmp_path / folder, tmp_path / "mountinfo") == kind
    assert share_of(tmp_path, tmp_path / "absent") is None


def test_no_log_is_kept_on_a_network_share(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeall.logbook.storage.share_of", lambda folder: "nfs4")
    with pytest.raises(LogError, match=r"is on a network share \(nfs4\)"):
        Logbook.open(path, create=True)
    assert not path.exists()


def test_an_older_sqlite_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeall.logbook.storage.OLDEST_SQLITE", (99, 0))
    with pytest.raises(LogError, match=r"a log needs SQLite 99\.0, and this Python has 3\."):
        Logbook.open(path, create=True)


def test_a_log_of_a_process_that_was_killed_is_read(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with log_of(path, 3) as log:
        for name in ("log.db", "log.db-wal"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
        head = log.head
    with Logbook.open(copy / "log.db", read_only=True) as read:
        assert (verify(read).holds, read.head) == (True, head)


def test_a_log_is_begun_only_where_that_is_meant(path: Path) -> None:
    with pytest.raises(LogError, match="there is no log here"):
        Logbook.open(path)
    assert not path.exists()
