"""The file of verdicts: whole or absent, and finished by the next call after an interruption."""

import csv
import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from answers_made import answer

from edgeall.errors import FileError, UsageError
from edgeall.field import Failed, Found
from edgeall.field.verdict_file import COLUMNS, VerdictFile, verdict_file

SHA = "a" * 64


@pytest.fixture
def pictures(tmp_path: Path) -> list[Found]:
    found = []
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(name.encode())
        found.append(Found(str(tmp_path / name), name))
    return found


def fill(file: VerdictFile, pictures: list[Found]) -> None:
    decisions = ("positive", "refuse", "negative")
    for found, decision in zip(pictures, decisions, strict=False):
        file.add(answer(found.path, decision, *(["pale", "grey"] if decision == "refuse" else [])), found)


@contextmanager
def interrupted(
    path: Path, sha: str = SHA, *, overwrite: bool = False, **settings: object
) -> Iterator[VerdictFile]:
    """A call that is interrupted at the end of the block."""
    with suppress(KeyboardInterrupt), verdict_file(path, sha, settings, overwrite) as file:
        yield file
        raise KeyboardInterrupt


def test_json_lines_are_those_that_classify_prints(tmp_path: Path, pictures: list[Found]) -> None:
    path = tmp_path / "out" / "verdicts.jsonl"
    with verdict_file(path, SHA, {}) as file:
        fill(file, pictures)
        file.add(Failed("absent.png", "absent.png: no such file"), Found("absent.png", "absent.png"))
        file.finish()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == answer(pictures[0].path, "positive").to_dict()
    assert lines[1]["decision"] == "refuse"
    assert lines[1]["label"] is lines[1]["probability"] is None
    assert lines[3] == {"path": "absent.png", "error": "absent.png: no such file"}
    assert [file.name for file in path.parent.iterdir()] == ["verdicts.jsonl"]


def test_a_csv_file_has_a_row_for_each_answer(tmp_path: Path, pictures: list[Found]) -> None:
    path = tmp_path / "verdicts.csv"
    with verdict_file(path, SHA, {}) as file:
        fill(file, pictures)
        file.add(Failed("absent.png", "absent.png: no such file"), None)
        file.finish()
    with path.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert tuple(rows[0]) == COLUMNS
    assert [row["decision"] for row in rows] == ["positive", "refuse", "negative", ""]
    assert rows[0]["score"] == "0.9"
    assert rows[1] | {"path": ""} == dict.fromkeys(COLUMNS, "") | {
        "decision": "refuse",
        "threshold": "0.5",
        "domain": "pale; grey",
        "notes": "a note",
        "model": "model.tflite",
        "ms": "12.5",
    }
    assert rows[3]["error"] == "absent.png: no such file"


def test_a_name_that_a_spreadsheet_would_compute_is_text(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    with verdict_file(path, SHA, {}) as file:
        for name in ("=1+1.png", "@a.png", "-", "a=b.png", "half\udcff.png"):
            file.add(answer(name, "positive"), None)
        file.finish()
    with path.open(newline="") as text:
        assert [row[0] for row in csv.reader(text)][1:] == [
            "'=1+1.png",
            "'@a.png",
            "-",
            "a=b.png",
            "half\\udcff.png",
        ]


def test_an_interrupted_call_leaves_no_file_and_the_next_takes_its_answers(
    tmp_path: Path, pictures: list[Found]
) -> None:
    path = tmp_path / "verdicts.csv"
    with interrupted(path, force=False) as file:
        fill(file, pictures[:2])
    assert not path.exists()
    with verdict_file(path, SHA, {"force": False}) as file:
        assert file.resumed == 2
        assert file.known(pictures[0]) == answer(pictures[0].path, "positive")
        assert file.known(pictures[1]) == answer(pictures[1].path, "refuse", "pale", "grey")
        assert file.known(pictures[2]) is None


def test_a_picture_that_changed_is_classified_again(tmp_path: Path, pictures: list[Found]) -> None:
    with interrupted(tmp_path / "verdicts.csv", force=False) as file:
        fill(file, pictures)
    Path(pictures[0].path).write_bytes(b"another picture")
    Path(pictures[1].path).unlink()
    with verdict_file(tmp_path / "verdicts.csv", SHA, {"force": False}) as file:
        assert file.known(pictures[0]) is None
        assert file.known(pictures[1]) is None
        assert file.known(pictures[2]) is not None


@pytest.mark.parametrize("change", [{"sha": "b" * 64}, {"force": True}])
def test_answers_of_another_artifact_or_settings_are_kept_until_told_otherwise(
    tmp_path: Path, pictures: list[Found], change: dict[str, object]
) -> None:
    path = tmp_path / "verdicts.csv"
    with interrupted(path, **({"force": False} | change)) as file:  # type: ignore[arg-type]
        fill(file, pictures)
    before = (tmp_path / ".verdicts.csv.unfinished").read_bytes()
    with (
        pytest.raises(UsageError, match="unfinished, by another artifact, other options or another version"),
        verdict_file(path, SHA, {"force": False}),
    ):
        pass
    assert (tmp_path / ".verdicts.csv.unfinished").read_bytes() == before
    with verdict_file(path, SHA, {"force": False}, overwrite=True) as file:
        assert file.resumed == 0
        assert file.known(pictures[0]) is None


def test_answers_of_another_version_are_not_taken(
    tmp_path: Path, pictures: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupted(tmp_path / "verdicts.csv") as file:
        fill(file, pictures)
    monkeypatch.setattr("edgeall.field.verdict_file.__version__", "0.0.1")
    with pytest.raises(UsageError, match="another version"), verdict_file(tmp_path / "verdicts.csv", SHA, {}):
        pass


@pytest.mark.parametrize("content", [b"\xff\xfe\n\xff\n", b"", b"[" * 99999 + b"\n", b"{}\n{}\n"])
def test_a_journal_that_is_something_else_is_begun_anew(
    tmp_path: Path, pictures: list[Found], content: bytes
) -> None:
    (tmp_path / ".verdicts.csv.unfinished").write_bytes(content)
    with verdict_file(tmp_path / "verdicts.csv", SHA, {}) as file:
        assert file.resumed == 0
        fill(file, pictures)
        file.finish()
    assert len((tmp_path / "verdicts.csv").read_text().splitlines()) == 4


def test_a_name_that_is_not_utf_8_is_gone_on_with(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.png")
    Path(path).write_bytes(b"picture")
    found = Found(path, "a\udcff.png")
    with interrupted(tmp_path / "verdicts.csv") as file:
        file.add(answer(path, "positive"), found)
    with verdict_file(tmp_path / "verdicts.csv", SHA, {}) as file:
        assert file.known(found) == answer(path, "positive")


def test_going_on_does_not_repeat_what_the_journal_has(tmp_path: Path, pictures: list[Found]) -> None:
    with interrupted(tmp_path / "verdicts.csv") as file:
        fill(file, pictures)
    before = (tmp_path / ".verdicts.csv.unfinished").read_bytes()
    with interrupted(tmp_path / "verdicts.csv") as file:
        for found in pictures:
            known = file.known(found)
            assert known is not None
            file.add(known, found, known=True)
    assert (tmp_path / ".verdicts.csv.unfinished").read_bytes() == before


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_a_journal_that_was_cut_off_loses_its_last_answer_only(
    tmp_path: Path, pictures: list[Found], cut: int
) -> None:
    path, journal = tmp_path / "verdicts.csv", tmp_path / ".verdicts.csv.unfinished"
    with interrupted(path, force=False) as file:
        fill(file, pictures)
    journal.write_bytes(journal.read_bytes()[:-cut])
    with interrupted(path, force=False) as file:
        assert file.resumed == 2
        file.add(answer(pictures[2].path, "negative"), pictures[2])
    with verdict_file(path, SHA, {"force": False}) as file:
        assert file.resumed == 3


def test_failures_and_standard_input_are_tried_again(tmp_path: Path, pictures: list[Found]) -> None:
    path = tmp_path / "verdicts.csv"
    with interrupted(path) as file:
        file.add(Failed(pictures[0].path, "cannot be read"), pictures[0])
        file.add(answer("-", "positive"), Found("-", "-"))
    with verdict_file(path, SHA, {}) as file:
        assert file.resumed == 0


def test_an_existing_file_is_kept_until_the_new_one_is_whole(tmp_path: Path, pictures: list[Found]) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text("before")
    with pytest.raises(UsageError, match="--overwrite"), verdict_file(path, SHA, {}):
        pass
    with interrupted(path, overwrite=True) as file:
        fill(file, pictures)
    assert path.read_text() == "before"
    with verdict_file(path, SHA, {}, overwrite=True) as file:
        assert file.resumed == 3
        file.finish()
    assert path.read_text().startswith("path,box,decision")


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match=r"folder\.csv is a folder"):
        verdict_file(tmp_path / "folder.csv", SHA, {}, overwrite=True).__enter__()
    with pytest.raises(UsageError, match=r"verdicts\.xlsx: name a \.csv or \.jsonl file"):
        verdict_file(tmp_path / "verdicts.xlsx", SHA, {}).__enter__()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"verdicts\.csv: cannot be written"):
        verdict_file(tmp_path / "file" / "verdicts.csv", SHA, {}).__enter__()


def _hold(
    path: Path, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event"
) -> None:
    with verdict_file(path, SHA, {}):
        held.set()
        done.wait(60)


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "verdicts.csv", held, done))
    process.start()
    try:
        assert held.wait(60)
        with (
            pytest.raises(UsageError, match="being written by another process"),
            verdict_file(tmp_path / "verdicts.csv", SHA, {}),
        ):
            pass
    finally:
        done.set()
        process.join()
