"""The log as CSV for people, and as JSON Lines that carry their own proof."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
from log_made import STATION, log_of, picture

from edgeall.errors import UsageError
from edgeall.logbook import ChangeEntry, Logbook, export, find_path, remove, stamp, system_clock
from edgeall.logbook.entries import Capture
from edgeall.logbook.exporting import COLUMNS


@pytest.fixture
def log(tmp_path: Path) -> Logbook:
    log = log_of(tmp_path / "log.db", 3)
    capture = Capture("scan 1", (1.0, 2.0, 3.0), None, None, {"a": 1})
    log.append(
        [
            picture(4, path="=cmd()", capture=capture, subject="7"),
            picture(5, answer=None, error="truncated"),
            ChangeEntry(stamp(system_clock()), "watch", "/scans", STATION, ("model",)),
        ]
    )
    remove(log, find_path(log, "slide/002.jpg"), "path")
    return log


def test_people_get_a_row_an_entry(log: Logbook, tmp_path: Path) -> None:
    assert export(log, tmp_path / "log.csv") == 7
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["kind"] for row in rows] == [
        "picture",
        "removed",
        "picture",
        "picture",
        "picture",
        "change",
        "removal",
    ]
    first, gone, _, scanned, failed, change, _ = rows
    assert (first["path"], first["decision"], first["score"], first["model"]) == (
        *("slide/001.jpg", "negative", "0.01", "model.tflite"),
    )
    assert {name for name, value in gone.items() if value} == {"seq", "kind", "hash"}
    # No spreadsheet program takes it for a formula.
    assert scanned["path"] == "'=cmd()"
    assert (scanned["scan"], scanned["x"], scanned["z"], scanned["subject"]) == ("scan 1", "1.0", "3.0", "7")
    assert (failed["decision"], failed["error"]) == ("", "truncated")
    assert (change["engine"], change["edgeall"]) == ("ai-edge-litert", "0.1.0")


def test_a_name_stays_on_its_line_and_changes_no_terminal(tmp_path: Path) -> None:
    with Logbook.open(tmp_path / "log.db", create=True) as log:
        log.append([picture(1, path="a\x1b[31m\n\u202eb\x00ä 1.png")])
        export(log, tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["path"] == r"a\x1b[31m\n\u202eb\x00ä 1.png"


def test_programs_can_check_the_chain_from_the_file_alone(log: Logbook, tmp_path: Path) -> None:
    assert export(log, tmp_path / "log.jsonl") == 7
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    before = None
    for line in lines:
        committed = bytes.fromhex(line["commitment"])
        if line["body"] is not None:
            assert (
                hashlib.sha256(b"\0" + bytes.fromhex(line["salt"]) + line["body"].encode()).digest()
                == committed
            )
        if before is not None:
            parts = (
                b"\1" + before + line["seq"].to_bytes(8, "big") + line["kind"].encode() + b"\0" + committed
            )
            assert hashlib.sha256(parts).hexdigest() == line["hash"]
        before = bytes.fromhex(line["hash"])
    assert [line["seq"] for line in lines if line["body"] is None] == [2]
    assert before is not None
    assert before.hex() == log.head.hash


def test_a_log_is_not_replaced_by_its_export(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with (
        log_of(path, 3) as log,
        pytest.raises(UsageError, match="is the log itself: name another file with -o"),
    ):
        export(log, path, overwrite=True)
    with Logbook.open(path) as log:
        assert len(log.after(0)) == 3


def test_a_file_is_whole_or_absent(log: Logbook, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export(log, tmp_path / "log.csv")
    with pytest.raises(UsageError, match=r"\.csv or \.jsonl"):
        export(log, tmp_path / "log.xlsx")
    assert (tmp_path / "log.csv").read_text() == "mine"
    assert export(log, tmp_path / "log.csv", overwrite=True) == 7
