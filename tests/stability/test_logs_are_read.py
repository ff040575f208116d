"""Logs that earlier versions wrote hold, and are read and gone on with: `logs/`, a file a schema and its archive."""

import lzma
from pathlib import Path

import pytest

from edgeall.logbook import ChangeEntry, Head, Logbook, PictureEntry, verify

LOGS = Path(__file__).with_name("logs")
HEADS = {
    "1": Head(9, "c8cd2db6dc8cdedab84694462207133411933c6cf3e2ff87e440ce15707c4fa8"),
    "1-archive": Head(2, "5df1662101f463f1ef14f26c8606d62f05564b065c9f395af18f9312dc546bb4"),
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
        entry = next(record.entry for record in book.search("all.bmp")) if log.stem == "1" else None
    if log.stem == "1":
        assert kinds == ["picture", "picture", "removed", "picture", "picture", "removal", "archive"]
        assert isinstance(entry, PictureEntry)
        assert (entry.subject, entry.decision, entry.station.model) == ("7", "negative", "model.tflite")
        assert entry.capture is not None
        assert entry.capture.position == (1.0, 2.0, 3.0)
    else:
        assert kinds == ["change", "picture"]


def test_it_is_gone_on_with(log: Path) -> None:
    with Logbook.open(log) as book:
        change = next(record.entry for record in book.of_kind("picture") if record.entry)
        assert isinstance(change, PictureEntry)
        book.append([ChangeEntry(change.time, "watch", "/scans", change.station, ("model",))])
        assert verify(book, HEADS[log.stem]).holds
