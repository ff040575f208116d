"""Moves the first entries of a log into a file of their own, which is a log too."""

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edgeall.errors import UsageError
from edgeall.files import AnyPath, refuse_overwrite, replacing
from edgeall.logbook import chain, storage
from edgeall.logbook.book import Logbook
from edgeall.logbook.entries import ArchiveEntry, Clock, RemovalEntry, stamp, system_clock
from edgeall.logbook.verifying import verify

_COLUMNS = "seq, kind, salt, body, commitment, hash"


def archive(
    log: Logbook, before: str, path: AnyPath, *, overwrite: bool = False, clock: Clock = system_clock
) -> ArchiveEntry:
    """Move the entries before a time into a new log at `path`.

    The archive is written and checked before the log loses anything. The log then has an entry with the archive's last
    hash, which its own first entry is chained to. The last entry of each log stays in it. Files of archived pictures
    are not decided again.

    Args:
        before: a time as `stamp` writes it, or its beginning, such as "2026-11-29". All entries before the first one of
            this time or later are moved, whatever the clock said.

    Raises:
        UsageError: the file exists, and not `overwrite`; it is the log itself; or there is no entry before this time.
        LogError: the log does not hold, or cannot be written; or another process removed or archived
            entries meanwhile.
        FileError: the archive cannot be written.
    """
    path = Path(path)
    refuse_overwrite(path, overwrite)
    log.refuse_itself(path)
    if (found := verify(log)).broken is not None:
        raise storage.LogError(
            f"{log.path}: entry {found.broken} does not hold ({found.why}): nothing is archived"
        )
    base, last, head = *_first_and_last(log, before), log.head.seq
    # As the log: answers on people, for this user alone.
    with replacing(path, mode=0o600) as part:
        part.unlink()
        count = _write(log, part, last)
    with log.writing() as database:
        if log.header(database).base_seq != base:
            raise storage.LogError(
                f"{log.path}: another process archived it while {path} was written: that is left, and the log as it is"
            )
        if any(_removals_after(log, last, head)):
            path.unlink()
            raise storage.LogError(
                f"{log.path}: pictures were removed while {path} was written, which may hold them: it is deleted, and "
                "nothing is archived; archive again"
            )
        (hash_,) = database.execute("SELECT hash FROM entries WHERE seq = ?", (last,)).fetchone()
        _remember(database, log.header(database).key, last)
        known = storage.digest_of_known(database)
        entry = ArchiveEntry(stamp(clock()), path.name, last, hash_.hex(), count, known)
        log.append_within(database, [entry])
        database.execute("UPDATE log SET base_seq = ?, base_hash = ?", (last, hash_))
        database.execute("DELETE FROM entries WHERE seq <= ?", (last,))
    return entry


def _first_and_last(log: Logbook, before: str) -> tuple[int, int]:
    """What the first entry is chained to, and the last entry before the first one of the time or later."""
    with log.reading() as database:
        header = log.header(database)
        (later,) = database.execute("SELECT min(seq) FROM entries WHERE time >= ?", (before,)).fetchone()
    last = (header.head_seq if later is None else int(later)) - 1
    if last <= header.base_seq:
        raise UsageError(f"{log.path}: its first entry is not from before {before}: nothing is archived")
    return header.base_seq, last


def _write(log: Logbook, part: Path, last: int) -> int:
    """Write the entries up to `last` as a log, in one file, and check it; returns their number."""
    with Logbook.open(part, create=True) as made:
        with log.reading() as database, made.writing() as copy:
            header = log.header(database)
            (hash_,) = database.execute("SELECT hash FROM entries WHERE seq = ?", (last,)).fetchone()
            rows = database.execute(f"SELECT {_COLUMNS} FROM entries WHERE seq <= ? ORDER BY seq", (last,))  # noqa: S608
            count = copy.executemany(
                f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                rows,
            ).rowcount
            copy.execute(
                "UPDATE log SET id = ?, base_seq = ?, base_hash = ?, head_seq = ?, head_hash = ?",
                (header.id, header.base_seq, header.base_hash, last, hash_),
            )
            made.append_within(
                copy, [*_removals_after(log, last, last), *_archive_before(log, header.base_seq, last)]
            )
        if (found := verify(made)).broken is not None:
            raise storage.LogError(f"{part}: the archive does not hold ({found.why}): nothing is archived")
        with made.reading() as copy:
            # One file alone, that can be read where nothing can be written.
            copy.execute("PRAGMA journal_mode = DELETE")
    return count


def _removals_after(log: Logbook, last: int, after: int) -> Iterator[RemovalEntry]:
    """Removals after an entry of the contents of entries up to `last`: the archive has to tell of them too."""
    for record in log.of_kind("removal", after):
        if isinstance(record.entry, RemovalEntry):
            gone = tuple(seq for seq in record.entry.entries if seq <= last)
            if gone:
                yield dataclasses.replace(record.entry, entries=gone)


def _archive_before(log: Logbook, base: int, last: int) -> Iterator[ArchiveEntry]:
    """The entry on the archive before, where it stays in the log: without it, the new archive lacks its beginning."""
    for record in log.of_kind("archive", last):
        if isinstance(record.entry, ArchiveEntry) and record.entry.last == base:
            yield record.entry


def _remember(database: sqlite3.Connection, key: bytes, last: int) -> None:
    """Keep fingerprints of the archived pictures, by which their files are known."""
    rows = database.execute(
        "SELECT folder, path, json_extract(body, '$.size'), json_extract(body, '$.mtime_ns'), sha256 FROM entries "
        "WHERE seq <= ? AND kind = 'picture' AND sha256 IS NOT NULL AND folder IS NOT NULL",
        (last,),
    ).fetchall()
    for folder, path, size, mtime_ns, sha256 in rows:
        for mark in (("file", folder, path, size, mtime_ns), ("archived", folder, path, sha256)):
            database.execute("INSERT OR IGNORE INTO known VALUES (?)", (chain.fingerprint(key, *mark),))
