"""Messages from a device survive the line they travel on; a journal survives a crash."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeall.errors import MeasurementError
from edgeall.measuring.records import End, Figure, Journal, Kept, Message, Record, Start, from_line, to_line


def record(key: str = "k", error: str | None = None) -> Record:
    result = None if error else {"peak_rss_bytes": 5}
    return Record(key, 1, "a" * 64, "memory", 1, 0, result, error, {"before_c": None})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.text(), json_values, max_size=4)
figures = st.builds(
    Figure.of, st.text(), st.sampled_from(["accuracy", "batch"]), st.integers(), st.integers()
)
messages = st.one_of(
    st.builds(Start, st.integers(), documents, st.lists(st.tuples(st.text(), figures)).map(tuple)),
    st.builds(
        Record,
        st.text(),
        st.integers(),
        st.text(),
        st.text(),
        st.integers(),
        st.integers(),
        st.none() | documents,
        st.none() | st.text(),
        documents,
    ),
    st.builds(Kept, st.text()),
    st.builds(End, documents),
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
