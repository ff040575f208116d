"""What `verify` notices, entry by entry, and what it cannot notice."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from log_made import log_of, picture

from edgeall.logbook import (
    Head,
    Logbook,
    LogError,
    Verification,
    archive,
    chain,
    find_path,
    remove,
    stamp,
    verify,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log_of(tmp_path / "log.db", 10).close()
    return tmp_path / "log.db"


def tampered(path: Path, *statements: str) -> None:
    """Change a log behind its triggers, as an editor of SQLite files can."""
    database = sqlite3.connect(path)
    triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        database.execute(statement)
    for _, sql in triggers:
        database.execute(sql)
    database.commit()
    database.close()


def verified(path: Path, noted: Head | None = None) -> Verification:
    with Logbook.open(path) as log:
        return verify(log, noted)


def test_a_sound_log_holds(path: Path) -> None:
    found = verified(path)
    assert (found.holds, found.entries, found.removed, found.first, found.remarks) == (True, 10, 0, 1, ())
    assert found.head.seq == 10
    assert verified(path, found.head).holds
    assert verified(path, Head(10, found.head.hash[:16])).holds


def test_an_empty_log_holds(tmp_path: Path) -> None:
    Logbook.open(tmp_path / "log.db", create=True).close()
    found = verified(tmp_path / "log.db")
    assert (found.holds, found.entries, found.head.seq) == (True, 0, 0)


_SWAP = (
    "UPDATE entries SET seq = 100 WHERE seq = 4",
    "UPDATE entries SET seq = 4 WHERE seq = 5",
    "UPDATE entries SET seq = 5 WHERE seq = 100",
)
_COPY = "INSERT INTO entries (seq, kind, salt, body, commitment, hash) SELECT {}, kind, salt, body, commitment, hash "


@pytest.mark.parametrize(
    ("statements", "first", "why"),
    [
        (["UPDATE entries SET body = replace(body, 'negative', 'positive') WHERE seq = 4"], 4, "was changed"),
        (["UPDATE entries SET salt = zeroblob(32) WHERE seq = 4"], 4, "was changed"),
        (["UPDATE entries SET commitment = zeroblob(32) WHERE seq = 4"], 4, "was changed"),
        (["UPDATE entries SET kind = 'change' WHERE seq = 4"], 4, "not chained"),
        (["UPDATE entries SET hash = zeroblob(32) WHERE seq = 4"], 4, "not chained"),
        (
            ["UPDATE entries SET body = NULL, salt = NULL WHERE seq = 4"],
            4,
            "no entry says that it was removed",
        ),
        (["UPDATE entries SET body = NULL WHERE seq = 4"], 4, "no picture's"),
        (["DELETE FROM entries WHERE seq = 4"], 4, "it is missing"),
        (["DELETE FROM entries WHERE seq = 1"], 1, "it is missing"),
        (["DELETE FROM entries WHERE seq > 7"], 8, "it is missing: the log notes 10"),
        (["DELETE FROM entries"], 1, "it is missing"),
        (_SWAP, 4, "not chained"),
        ([_COPY.format(11) + "FROM entries WHERE seq = 4"], 11, "not chained"),
        (["UPDATE log SET head_seq = 9"], 11, "it is missing"),
        (["UPDATE log SET base_hash = zeroblob(32)"], 1, "beginning of the chain"),
        (["DELETE FROM log"], 1, "header is missing"),
        (
            [
                "UPDATE log SET (base_seq, base_hash) = (SELECT seq, hash FROM entries WHERE seq = 4)",
                "DELETE FROM entries WHERE seq <= 4",
            ],
            4,
            "no entry says that they were archived",
        ),
    ],
)
def test_the_first_entry_that_does_not_hold_is_named(
    path: Path, statements: list[str], first: int, why: str
) -> None:
    tampered(path, *statements)
    found = verified(path)
    assert (found.holds, found.broken) == (False, first)
    assert why in found.why


def rewritten(path: Path, last: int, change: Callable[[str], str] = lambda body: body) -> None:
    """Change entry 4, cut the log off after `last`, and compute the chain anew, as who knows its rules can."""
    database = sqlite3.connect(path)
    rows = database.execute(
        "SELECT seq, kind, salt, body FROM entries WHERE seq <= ? ORDER BY seq", (last,)
    ).fetchall()
    (before,) = database.execute("SELECT base_hash FROM log").fetchone()
    database.close()
    statements = [f"DELETE FROM entries WHERE seq > {last}"]
    for seq, kind, salt, body in rows:
        text = change(body) if seq == 4 else body
        committed = chain.commitment(salt, text)
        before = chain.link(before, seq, kind, committed)
        quoted = text.replace("'", "''")
        statements.append(
            f"UPDATE entries SET body = '{quoted}', commitment = x'{committed.hex()}', hash = x'{before.hex()}' "
            f"WHERE seq = {seq}"
        )
    statements.append(f"UPDATE log SET head_seq = {last}, head_hash = x'{before.hex()}'")
    tampered(path, *statements)


def test_a_chain_that_was_computed_anew_shows_by_a_noted_head_alone(path: Path) -> None:
    noted = verified(path).head
    rewritten(path, 10, lambda body: body.replace("negative", "positive"))
    assert verified(path).holds
    found = verified(path, noted)
    assert (found.broken, found.why) == (
        10,
        "its hash is not the one that was noted down: the log was rewritten",
    )


def test_a_tail_that_was_cut_off_cleanly_shows_by_a_noted_head_alone(path: Path) -> None:
    noted = verified(path).head
    rewritten(path, 7)
    assert verified(path).holds
    found = verified(path, noted)
    assert (found.broken, found.why) == (8, "it is missing: entry 10 was noted down")


def test_an_earlier_head_is_still_in_a_log_that_went_on(path: Path) -> None:
    noted = verified(path).head
    with Logbook.open(path) as log:
        log.append([picture(number) for number in range(11, 20)])
        remove(log, find_path(log, "slide/003.jpg"), "path")
    assert verified(path, noted).holds


def test_an_entry_of_another_log_does_not_fit(path: Path, tmp_path: Path) -> None:
    log_of(tmp_path / "other.db", 10).close()
    tampered(
        path,
        f"ATTACH '{tmp_path / 'other.db'}' AS other",
        "DELETE FROM main.entries WHERE seq = 1",
        _COPY.format(1) + "FROM other.entries WHERE seq = 1",
    )
    assert verified(path).broken == 1


def test_a_clock_that_was_set_back_is_a_remark(path: Path) -> None:
    with Logbook.open(path) as log:
        log.append([picture(11, time=stamp(datetime(1970, 1, 1, tzinfo=UTC))), picture(12)])
    found = verified(path)
    assert found.holds
    (remark,) = found.remarks
    assert remark.startswith("entry 11: the clock was set back, from 2026-11-01T08:10")


def test_a_gap_cannot_be_hidden_by_a_later_entry_that_names_another(path: Path) -> None:
    with Logbook.open(path) as log:
        remove(log, [2], "path")
    assert verified(path).holds
    tampered(path, "UPDATE entries SET body = NULL, salt = NULL WHERE seq = 5")
    assert verified(path).broken == 5


# -- fingerprints: a picture that has one is not decided again


def hidden(path: Path, number: int) -> None:
    """Put in the fingerprint of a picture that was never removed, as who can read the log's key can."""
    with Logbook.open(path) as log, log.reading() as database:
        mark = chain.fingerprint(log.header(database).key, "removed", str(picture(number).sha256))
    tampered(path, f"INSERT INTO known VALUES (x'{mark.hex()}')")


@pytest.mark.parametrize("removed_before", ["nothing", "slide/003.jpg", "unreadable.jpg"])
def test_a_fingerprint_that_was_put_in_to_hide_a_picture_is_noticed(path: Path, removed_before: str) -> None:
    with Logbook.open(path) as log:
        log.append([picture(20, path="unreadable.jpg", sha256=None, answer=None, error="gone")])
        if removed_before != "nothing":
            remove(log, find_path(log, removed_before), "path")
        head = log.head.seq
    assert verified(path).holds
    hidden(path, 11)
    with Logbook.open(path) as log:
        assert log.append([picture(11)]) == []
    found = verified(path)
    assert (found.holds, found.broken) == (False, head)
    assert "fingerprint" in found.why


def test_a_fingerprint_that_was_put_in_stays_noticed_after_more_entries(path: Path) -> None:
    hidden(path, 11)
    with Logbook.open(path) as log:
        log.append([picture(12)])
    assert not verified(path).holds


def test_a_fingerprint_that_was_taken_out_is_noticed(path: Path) -> None:
    with Logbook.open(path) as log:
        remove(log, find_path(log, "slide"), "path")
    assert verified(path).holds
    tampered(path, "DELETE FROM known WHERE fingerprint = (SELECT min(fingerprint) FROM known)")
    assert "fingerprint" in verified(path).why


def test_fingerprints_of_an_earlier_edgeall_are_remarked_until_the_next_removal(path: Path) -> None:
    with Logbook.open(path) as log:
        entry = remove(log, find_path(log, "slide/003.jpg"), "path")
        with log.writing() as database:
            log.append_within(database, [replace(entry, entries=(3,), known=None)])
        found = verify(log)
        assert found.holds
        assert any("fingerprints" in remark for remark in found.remarks)
        remove(log, find_path(log, "slide/004.jpg"), "path")
        assert verify(log).remarks == ()


# -- a head that is archived since tells nothing of what stayed


@pytest.fixture
def archived(path: Path, tmp_path: Path) -> Head:
    """A head of the log at `path` that was noted down; the first five entries are archived since."""
    with Logbook.open(path) as log:
        (record,) = log.after(2, 1)
        archive(log, "2026-11-01T08:06", tmp_path / "old.db")
    return Head(record.seq, record.hash)


def test_an_archived_head_is_a_remark(path: Path, archived: Head) -> None:
    found = verified(path, archived)
    assert found.holds
    assert "entry 3, which was noted down, is archived: verify the archive by it" in found.remarks


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE entries SET body = NULL, salt = NULL WHERE seq = 8", "no entry says that it was removed"),
        ("DELETE FROM known WHERE fingerprint = (SELECT min(fingerprint) FROM known)", "fingerprint"),
    ],
)
def test_what_stayed_in_a_log_is_checked_whole_by_an_archived_head_too(
    path: Path, archived: Head, statement: str, why: str
) -> None:
    tampered(path, statement)
    found = verified(path, archived)
    assert not found.holds
    assert why in found.why
    assert not any("noted down" in remark for remark in found.remarks)


def test_a_text_without_measure_is_not_read(path: Path) -> None:
    tampered(path, "UPDATE entries SET body = json_quote(hex(zeroblob(20000000))) WHERE seq = 4")
    with Logbook.open(path) as log, pytest.raises(LogError, match="damaged") as told:
        verify(log)
    assert "\n" not in str(told.value)
