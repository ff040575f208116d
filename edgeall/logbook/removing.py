"""Removes a person's pictures from a log. Their entries stay as marked gaps, and the chain holds."""

from typing import Literal

from edgeall.errors import UsageError
from edgeall.logbook import chain
from edgeall.logbook.book import Logbook
from edgeall.logbook.entries import Clock, RemovalEntry, stamp, system_clock
from edgeall.logbook.storage import LogError, digest_of_known


def find_subject(log: Logbook, subject: str) -> list[int]:
    """Numbers of the entries of a person's pictures, by their names, and of equal pictures under other names."""
    return _with_equal_ones(log, "subject = ?", (subject,))


def find_path(log: Logbook, path: str) -> list[int]:
    """Numbers of the entries of a picture, or of all below a folder, and of equal pictures under other names.

    Args:
        path: absolute, or below a watched folder.
    """
    below = path.rstrip("/") + "/"
    # Not LIKE, for which "_" stands for any letter.
    condition = "path IN (?1, ?2) OR file IN (?1, ?2) OR instr(path, ?3) = 1 OR instr(file, ?3) = 1"
    return _with_equal_ones(log, condition, (path, path.rstrip("/"), below))


def _with_equal_ones(log: Logbook, condition: str, parameters: tuple[str, ...]) -> list[int]:
    named = f"SELECT seq, sha256 FROM entries WHERE kind = 'picture' AND body IS NOT NULL AND ({condition})"  # noqa: S608
    sql = f"""WITH named AS ({named})
        SELECT seq FROM named UNION SELECT seq FROM entries
        WHERE kind = 'picture' AND sha256 IN (SELECT sha256 FROM named) ORDER BY 1"""  # noqa: S608
    with log.reading() as database:
        return [seq for (seq,) in database.execute(sql, parameters)]


def remove(
    log: Logbook,
    entries: list[int],
    by: Literal["subject", "path"],
    reason: str = "",
    clock: Clock = system_clock,
) -> RemovalEntry:
    """Remove the contents of entries of pictures, and append an entry that says which.

    The pictures are not decided again where they still lie in a watched folder: the log keeps a fingerprint of each,
    keyed, from which only who has the picture can tell that it was there.

    Raises:
        UsageError: no entries, or some that are no pictures.
        LogError: the log cannot be written. It is as before.
    """
    if not entries:
        raise UsageError(f"{log.path}: no picture in this log is of that {by}: nothing is removed")
    with log.writing() as database:
        key = log.header(database).key
        for seq in entries:
            found = database.execute("SELECT kind, sha256 FROM entries WHERE seq = ?", (seq,)).fetchone()
            if found is None or found[0] != "picture":
                raise UsageError(f"{log.path}: entry {seq} is no picture's, and stays")
            if found[1] is not None:
                mark = chain.fingerprint(key, "removed", found[1])
                database.execute("INSERT OR IGNORE INTO known VALUES (?)", (mark,))
            database.execute("UPDATE entries SET body = NULL, salt = NULL WHERE seq = ?", (seq,))
        known = digest_of_known(database)
        entry = RemovalEntry(stamp(clock()), by, tuple(entries), reason, known)
        log.append_within(database, [entry])
    _empty_write_ahead_log(log)
    return entry


def _empty_write_ahead_log(log: Logbook) -> None:
    """What was removed is in the write-ahead log until that is emptied, which readers can delay."""
    with log.reading() as database:
        (busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise LogError(
            f"{log.path}: the pictures are removed, but a copy is in {log.path.name}-wal while other programs have the "
            "log open: end those"
        )
