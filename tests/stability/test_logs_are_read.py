"""Logs that earlier versions wrote hold, and are read and gone on with: `logs/`, a file a schema and its archive."""

import lzma
from pathlib import Path

import pytest

from edgeall.logbook import ChangeEntry, Head, Logbook, PictureEntry, verify

LOGS = Path(__file__).with_name("logs")
HEADS = {
    "1": Head(9, "c8cd2db6dc8cdedab84694462207133411933c6cf3e2ff87e440ce15707c4fa8"),
    # Removals and archives have `known`.
    "1-known": Head(10, "a49da4c1d7e9aab24924c8c05ff452e3c0910aba1ee41e9fbe9213cb2aa7c97e"),
    "1-archive": Head(2, "5df1662101f463f1ef14f26c8606d62f05564b065c9f395af18f9312dc546bb4"),
}


KINDS = {
    "1": ["picture", "picture", "removed", "picture", "picture", "removal", "archive"],
    "1-known": ["picture", "picture", "removed", "picture", "removed", "removal", "archive", "removal"],
    "1-archive": ["change", "picture"],
}


@pytest.fixture(params=HEADS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.db"
    path.write_bytes(lzma.decompress((LOGS / f"{request.param}.db.xz").read_bytes()))
    return path


def test_it_holds(log: Path) -> None:
    with Logbook.open(log, read_only=True) as book:
        found = verify(book, HEADS[log.stem])
    assert found.holds
    assert found.head == HEADS[log.stem]


def test_it_is_read(log: Path) -> None:
    with Logbook.open(log, read_only=True) as book:
        kinds = [record.kind if record.entry else "removed" for record in book.after(0)]
    assert kinds == KINDS[log.stem]


@pytest.mark.parametrize("log", ["1", "1-known"], indirect=True)
def test_its_entries_are_read(log: Path) -> None:
    with Logbook.open(log, read_only=True) as book:
        entry = next(record.entry for record in book.search("all.bmp"))
    assert isinstance(entry, PictureEntry)
    assert (entry.subject, entry.decision, entry.station.model) == ("7", "negative", "model.tflite")
    assert entry.capture is not None
    assert entry.capture.position == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("log", ["1-known"], indirect=True)
def test_fingerprints_are_still_those_of_the_last_removal(log: Path) -> None:
    with Logbook.open(log) as book, book.writing() as database:
        database.execute("INSERT INTO known VALUES (?)", (b"of a picture that nobody removed",))
    with Logbook.open(log, read_only=True) as book:
        assert not verify(book).holds


def test_it_is_gone_on_with(log: Path) -> None:
    with Logbook.open(log) as book:
        change = next(record.entry for record in book.of_kind("picture") if record.entry)
        assert isinstance(change, PictureEntry)
        book.append([ChangeEntry(change.time, "watch", "/scans", change.station, ("model",))])
        assert verify(book, HEADS[log.stem]).holds
