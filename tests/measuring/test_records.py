"""Messages from a device survive the line they travel on; a journal survives a crash."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import changed

from edgeall.errors import MeasurementError
from edgeall.measuring.records import (
    MAX_BYTES,
    AlreadyRecorded,
    EndOfMeasuring,
    FigureKey,
    Journal,
    Message,
    Record,
    Start,
    from_line,
    to_line,
)

THERMAL = {"before_c": None, "after_c": 50.5, "throttled": None, "hot": False}


def record(key: str = "k", error: str | None = None) -> Record:
    result = None if error else {"peak_rss_bytes": 5}
    return Record(key, 1, "a" * 64, "memory", 1, 0, result, error, THERMAL)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text(), json_values, max_size=4)
plain_documents = st.dictionaries(
    st.text().filter(lambda key: key not in ("energy", "card_memory")), json_values
)
figures = st.builds(
    FigureKey.of, st.text(), st.sampled_from(["accuracy", "batch"]), st.integers(), st.integers()
)
messages = st.one_of(
    st.builds(Start, st.integers(), documents, st.lists(st.tuples(st.text(), figures)).map(tuple)),
    st.builds(
        Record,
        st.text(),
        st.integers(),
        st.text(),
        st.just("memory"),
        st.integers(1),
        st.integers(0),
        st.builds(
            lambda more, peak: more | {"peak_rss_bytes": peak}, plain_documents, st.none() | st.integers(1)
        ),
        st.none(),
        st.builds(lambda more: more | THERMAL, documents),
    ),
    st.builds(record, st.text(), st.text(min_size=1)),
    st.builds(AlreadyRecorded, st.text()),
    st.builds(EndOfMeasuring, documents),
)


@given(messages)
def test_a_message_survives_its_line(message: Message) -> None:
    line = to_line(message)
    assert "\n" not in line
    assert from_line(line) == message


@pytest.mark.parametrize(
    "line", ["", "bash: python3: command not found", "{}", '{"type":"record"}', "[1]", "null"]
)
def test_a_line_that_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(MeasurementError, match="no measurement"):
        from_line(line)


def test_a_journal_gives_back_what_was_finished(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "bench" / "laptop.records.jsonl")
    assert journal.read() == {}
    journal.append(record("one"))
    journal.append(record("two"))
    assert journal.read() == {"one": record("one"), "two": record("two")}


def test_a_failure_is_not_kept_because_it_is_to_be_tried_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append(record("one", error="killed"))
    assert journal.read() == {}


@given(cut=st.integers(0, 400))
def test_a_journal_cut_anywhere_keeps_its_whole_lines_and_takes_more(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    journal = Journal(path)
    journal.append(record("one"))
    journal.append(record("two"))
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    # A line that lacks only its line end is whole.
    whole = sum(1 for line in content.splitlines(keepends=True) if content.index(line) + len(line) - 1 <= cut)
    journal.append(record("three"))
    assert list(journal.read()) == [*["one", "two"][:whole], "three"]


ENGINE = {"name": "an-engine", "version": "1"}
SOUND: dict[str, dict[str, Any]] = {
    "accuracy": {
        "names": ["a", "b", "c"],
        "probabilities": [[0.25, 0.75], None, [1.0, 0.0]],
        "unreadable": {"b": "cut short"},
        "engine": ENGINE,
        "placement": {"processor": 3},
        "card": {"name": "a card", "driver": None, "memory_bytes": 5},
        "executed_precision": {"dominant": "int8", "operators": {"int8": 9}, "float_operators": {}, "conversions": 2},
    },
    "memory": {
        "peak_rss_bytes": 5,
        "card_memory": {"bytes": 7, "reason": None},
        "energy": {"joules_per_inference": 0.5, "reason": None},
    },
    "latency": {
        "load_ns": 5, "first_inference_ns": 4, "cold_start_ns": 30, "model_ns": [3, 4], "end_to_end_ns": [6, 8],
        "inputs": 2, "engine": ENGINE, "stages": {"copy_in_ns": [1], "compute_ns": [2], "copy_out_ns": [0]},
    },
    "batch": {"batch_ns": [9, 8], "difference": 0.0, "card_memory": None, "stages": {"reason": "nothing tells"}},
    "instructions": {"instructions": [1000, 1000]},
}  # fmt: skip


@pytest.mark.parametrize("kind", SOUND)
def test_a_record_is_what_its_kind_must_be_or_a_journal_passes_it_over_with_a_word(
    kind: str, tmp_path: Path
) -> None:
    sound = Record("k", 1, "a" * 64, kind, 2, 0, SOUND[kind], None, THERMAL, 1)
    line = to_line(sound)
    assert from_line(line) == sound
    path, passed, tried = tmp_path / "j.jsonl", 0, 0
    for what, document in changed(json.loads(line)):
        path.write_text(json.dumps(document) + "\n" + line.replace('"k"', '"later"') + "\n")
        notes: list[str] = []
        found = Journal(path).read(notes.append)
        tried += 1
        assert found["later"] == dataclasses.replace(sound, key="later"), what
        assert len(found) + len(notes) in (1, 2), what
        if notes:
            passed += 1
            (note,) = notes
            assert note.startswith(f"{path}: line 1 is passed over, and measured again")
            assert len(note.splitlines()) == 1
        else:
            # What is kept is what the line says, or what it leaves out is said to be unknown.
            (kept, *_) = found.values()
            assert json.loads(to_line(kept)) | document == json.loads(to_line(kept)), what
    print(kind, tried, passed)
    assert passed > tried / 2


@pytest.mark.parametrize("row", [[-3, 4], [40, -39], [0.9, 0.9], [0.25], [], [math.nan, 0.5]])
def test_answers_are_probabilities(row: list[float]) -> None:
    result = SOUND["accuracy"] | {"probabilities": [row, None, [1.0, 0.0]]}
    document = {"type": "record", **vars(Record("k", 1, "a", "accuracy", 1, 0, result, None, THERMAL))}
    with pytest.raises(MeasurementError, match="no measurement"):
        from_line(json.dumps(document))


def test_a_journal_that_is_larger_than_any_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(MeasurementError, match="larger than 1024 MiB; remove it, and bench again"):
        Journal(path).read()


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, notes = tmp_path / "journal.jsonl", list[str]()
    path.write_text("x" * 200 + "\n")
    monkeypatch.setattr("edgeall.documents.MAX_BYTES", 100)
    assert Journal(path).read(notes.append) == {}
    assert any("too long" in note for note in notes)
