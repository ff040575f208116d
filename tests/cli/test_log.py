"""`edgeall log`: what its verbs print, and how they end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image  # noqa: F401

from edgeall.cli.main import main
from edgeall.logbook import Logbook, PictureEntry, Station


@pytest.fixture
def log(tmp_path: Path) -> Path:
    station = Station(
        "m.tflite", "a" * 64, "tflite", "int8", "e", "1", {"edgeall": "0"}, "Linux", 1, False, False
    )
    answer = {"decision": "negative", "score": 0.25}
    with Logbook.open(tmp_path / "log.db", create=True) as book:
        book.append(
            PictureEntry(
                *(
                    f"2026-11-2{number}T08:00:00.000000+00:00",
                    "watch",
                    "/scans",
                    name,
                    str(number) * 64,
                    10,
                    1,
                ),
                *(station, answer, None, subject),
            )
            for number, (name, subject) in enumerate(
                [("a.png", None), ("UID_7_1_1_all.bmp", "7"), ("c.png", None)]
            )
        )
    return tmp_path / "log.db"


def test_the_last_pictures_are_shown_in_order(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "show", "--log", str(log), "-n", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 2026-11-21T08:00:00Z UID_7_1_1_all.bmp: negative (0.25)",
        "3 2026-11-22T08:00:00Z c.png: negative (0.25)",
    ]
    assert main(["log", "show", "--log", str(log), "--since", "2026-11-22", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["path"] == "c.png"
    assert main(["log", "show", "--log", str(log), "--search", "zzz"]) == 0
    assert capsys.readouterr().err == "no picture in the log is like that\n"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 100])
def test_many_pictures_are_read_in_pages(
    count: int, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgeall.cli.log._PAGE", 2)
    assert main(["log", "show", "--log", str(log), "-n", str(count)]) == 0
    numbers = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert numbers == [1, 2, 3][-count:]


@pytest.mark.parametrize(
    ("decision", "score", "words"),
    [
        ("refuse", None, "refuse: out of focus; background is pale"),
        ("positive", 0.75, "positive (0.75), doubtful: out of focus; background is pale"),
    ],
    ids=["refused", "forced"],
)
def test_what_is_said_against_a_picture_is_shown(
    log: Path, capsys: pytest.CaptureFixture[str], decision: str, score: float | None, words: str
) -> None:
    with Logbook.open(log) as book:
        first = book.record(1)
        assert first is not None
        assert isinstance(first.entry, PictureEntry)
        answer = {
            "decision": decision,
            "score": score,
            "quality": {"ok": False, "reasons": ["out of focus"]},
            "domain": {"ok": False, "reasons": ["background is pale"]},
        }
        book.append([replace(first.entry, path="d.png", sha256="d" * 64, answer=answer)])
    assert main(["log", "show", "--log", str(log), "-n", "1"]) == 0
    assert capsys.readouterr().out == f"4 2026-11-20T08:00:00Z d.png: {words}\n"


def test_a_log_that_holds_is_status_0_and_tells_its_head(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "verify", "--log", str(log), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["holds"], document["entries"], document["broken"]) == (True, 3, None)
    head = f"{document['head']['seq']}:{document['head']['hash']}"
    assert main(["log", "verify", "--log", str(log), "--head", head[:18]]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"head of the log, to note down: {head}"
    assert err == ""
    assert main(["log", "verify", "--log", str(log)]) == 0
    assert "without a head that was noted down" in capsys.readouterr().err


def test_a_log_that_does_not_hold_is_status_1_and_names_the_entry(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "verify", "--log", str(log), "--head", f"3:{'0' * 64}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err
        == f"edgeall: {log}: entry 3 does not hold: its hash is not the one that was noted down: the log was "
        "rewritten\n"
    )


@pytest.mark.parametrize(
    "head", ["", "3", "3:", "3:12345", "x:" + "0" * 64, "3:" + "g" * 64, "-1:" + "0" * 64]
)
def test_a_head_that_is_none_is_told(log: Path, head: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "verify", "--log", str(log), f"--head={head}"]) == 2
    assert "is no head: write it as edgeall log verify prints it" in capsys.readouterr().err


def test_a_person_is_removed_only_when_that_is_said_twice(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["log", "remove", "--subject", "7", "--log", str(log)]
    assert main(command) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("2 2026-11-21T08:00:00Z UID_7_1_1_all.bmp")
    assert err[-1] == "edgeall: these 1 entries would be removed for good: add --yes to do it"
    assert main([*command, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == [2]
    assert main([*command, "--yes"]) == 2
    assert "nothing is removed" in capsys.readouterr().err
    assert main(["log", "verify", "--log", str(log)]) == 0
    assert "of 1 the content was removed" in capsys.readouterr().out


def test_a_log_is_exported_and_archived(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "export", "--log", str(log), "-o", str(tmp_path / "log.csv")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'log.csv'}: 3 entries\n"
    archive = tmp_path / "old.db"
    assert main(["log", "archive", "--before", "2026-11-22", "--log", str(log), "-o", str(archive)]) == 0
    assert capsys.readouterr().out.startswith(f"{archive}: 2 entries, up to number 2\n")
    for each in (log, archive):
        assert main(["log", "verify", "--log", str(each)]) == 0
    assert (
        main(["log", "archive", "--before", "yesterday", "--log", str(log), "-o", str(tmp_path / "x.db")])
        == 2
    )
    assert "is no day" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [["show"], ["remove", "--path", "a.png"]], ids=["shown", "listed"])
def test_an_archive_that_is_looked_at_stays_byte_for_byte(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    old = tmp_path / "archive" / "old.db"
    main(["log", "archive", "--log", str(log), "--before", "2026-11-22", "-o", str(old)])
    before = old.read_bytes()
    capsys.readouterr()
    main(["log", *asked, "--log", str(old)])
    shown = "".join(capsys.readouterr())
    assert "1 2026-11-20T08:00:00Z a.png: negative (0.25)" in shown
    assert old.read_bytes() == before
    assert [each.name for each in old.parent.iterdir()] == ["old.db"]


def test_a_log_that_is_being_written_is_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Logbook.open(log) as book, book.writing() as database:
        book.append_within(database, [replace(_last(book), path="new.png", sha256="f" * 64)])
        assert main(["log", "show", "--log", str(log), "-n", "1"]) == 0
    assert main(["log", "show", "--log", str(log), "-n", "1"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == ["c.png:", "new.png:"]


def _last(book: Logbook) -> PictureEntry:
    (record,) = book.recent(1)
    assert isinstance(record.entry, PictureEntry)
    return record.entry


def test_the_log_of_the_environment_is_the_default(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEALL_LOG", str(log))
    assert main(["log", "show", "-n", "1"]) == 0
    assert "c.png" in capsys.readouterr().out
