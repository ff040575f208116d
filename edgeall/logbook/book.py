"""The log itself: appended to, read and searched. Any number of threads and processes may do so at once."""

import dataclasses
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Literal, Self, cast

from edgeall import documents
from edgeall.errors import UsageError
from edgeall.files import AnyPath
from edgeall.logbook import chain, storage
from edgeall.logbook.entries import (
    KIND_OF,
    TYPE_OF,
    Entry,
    Head,
    Kind,
    PictureEntry,
    Record,
    Station,
)
from edgeall.logbook.storage import Header, LogError, Row

ENVIRONMENT = "EDGEALL_LOG"


def default_path() -> Path:
    """`$EDGEALL_LOG`, or `$XDG_STATE_HOME/edgeall/log.db`."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "edgeall" / "log.db"


class Logbook:
    """An open log.

    >>> with Logbook.open("log.db") as log:  # doctest: +SKIP
    ...     log.append([entry])
    ...     log.recent(20)
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        """See `open`."""
        self.path = path
        self._database = database
        self._lock = RLock()
        self._key = b""

    @classmethod
    def open(cls, path: AnyPath, *, create: bool = False, read_only: bool = False) -> Self:
        """Open the log at `path`.

        Args:
            create: begin a log where there is none.

        Raises:
            LogError: there is none and not `create`, or it is no log, damaged, of a later edgeall, or on a disk where
                no write-ahead log can be kept.
        """
        return cls(Path(path), storage.connect(Path(path), create=create, read_only=read_only))

    def close(self) -> None:
        """Close the file; the log cannot be used any more."""
        with self._lock, storage.in_words(self.path):
            self._database.close()

    # -- appending

    def append(self, entries: Iterable[Entry]) -> list[Record]:
        """Append entries, all or none, and flush them to the disk.

        A picture is left out where the last entry of the same file is of the same bytes, or the same error: two
        processes that decide the same file append one entry. Where an earlier entry of another name has the same bytes
        and the same station, `same_as` names it. A picture of a watched folder that was removed before is left out too.

        Returns:
            The records that were appended, without those that were left out.

        Raises:
            LogWaitError: there is no room, or another process writes for long. The log is as before.
            LogError: it cannot be written; or the content of an entry is no JSON.
        """
        with self.writing() as database:
            return self.append_within(database, entries)

    def append_within(self, database: sqlite3.Connection, entries: Iterable[Entry]) -> list[Record]:
        header = self.header(database)
        seq, before = header.head_seq, header.head_hash
        records = []
        for entry in entries:
            if isinstance(entry, PictureEntry):
                if self._is_repeated(entry) or self._was_removed(entry):
                    continue
                entry = self._with_reference(entry)
            seq += 1
            kind, body, salt = KIND_OF[type(entry)], write_body(entry), chain.new_salt()
            committed = chain.commitment(salt, body)
            before = chain.link(before, seq, kind, committed)
            database.execute(
                "INSERT INTO entries (seq, kind, salt, body, commitment, hash) VALUES (?, ?, ?, ?, ?, ?)",
                (seq, kind, salt, body, committed, before),
            )
            records.append(Record(seq, kind, entry, before.hex()))
        database.execute("UPDATE log SET head_seq = ?, head_hash = ?", (seq, before))
        return records

    def _is_repeated(self, entry: PictureEntry) -> bool:
        last = None if entry.folder is None else self.last_of(entry.folder, entry.path)
        if last is None:
            return False
        if last.answer is not None and entry.sha256 is not None:
            return last.sha256 == entry.sha256
        return (last.sha256, last.error, last.size, last.mtime_ns) == (
            *(entry.sha256, entry.error, entry.size, entry.mtime_ns),
        )

    def _was_removed(self, entry: PictureEntry) -> bool:
        watched = entry.folder is not None and entry.sha256 is not None
        return watched and self._is_known("removed", str(entry.sha256))

    def _with_reference(self, entry: PictureEntry) -> PictureEntry:
        if entry.sha256 is None or entry.answer is None:
            return entry
        earlier = self.same_content(entry.sha256, entry.station)
        return entry if earlier is None else dataclasses.replace(entry, same_as=earlier.seq)

    # -- reading

    @property
    def head(self) -> Head:
        """The last entry; number 0 in an empty log."""
        with self.reading() as database:
            header = self.header(database)
        return Head(header.head_seq, header.head_hash.hex())

    def recent(self, count: int = 20) -> list[Record]:
        """The last entries, the latest first."""
        return self._records("ORDER BY seq DESC LIMIT ?", (count,))

    def after(self, seq: int, count: int = 100) -> list[Record]:
        """The entries after number `seq`, in order: to follow a log live."""
        return self._records("WHERE seq > ? ORDER BY seq LIMIT ?", (seq, count))

    def record(self, seq: int) -> Record | None:
        """One entry by its number."""
        return next(iter(self._records("WHERE seq = ?", (seq,))), None)

    def of_kind(self, kind: Kind, after: int = 0) -> list[Record]:
        """The entries of one kind after number `after`, in order."""
        return self._records("WHERE kind = ? AND seq > ? ORDER BY seq", (kind, after))

    def search(
        self,
        text: str | None = None,
        *,
        decision: str | None = None,
        subject: str | None = None,
        folder: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        count: int = 100,
    ) -> list[Record]:
        """Entries of pictures that have all that is given, the latest first.

        Args:
            text: a part of the path, capital or small letters.
            decision: "positive", "negative", "refer", "refuse"; "error" for pictures that could not be read.
            since, until: times as `stamp` writes them, or their beginnings, such as "2026-11-29"; `until` is not
                included.
            before: entries with smaller numbers alone, for the next page.
        """
        given = {
            "instr(lower(path), lower(?)) > 0": text,
            "subject = ?": subject,
            "folder = ?": folder,
            "time >= ?": since,
            "time < ?": until,
            "seq < ?": before,
            "decision = ?": None if decision == "error" else decision,
        }
        given = {condition: value for condition, value in given.items() if value is not None}
        always = ["kind = 'picture'", "body IS NOT NULL"]
        if decision == "error":
            always.append("json_extract(body, '$.error') IS NOT NULL")
        return self._records(
            f"WHERE {' AND '.join([*always, *given])} ORDER BY seq DESC LIMIT ?",
            (*given.values(), count),
        )

    def last_of(self, folder: str, path: str) -> PictureEntry | None:
        """The last entry of a file; None where there is none, or it was removed or archived."""
        found = self._records("WHERE file = ? ORDER BY seq DESC LIMIT 1", (f"{folder}/{path}",))
        return cast(PictureEntry | None, found[0].entry) if found else None

    def has_later(self, seq: int, entry: PictureEntry) -> bool:
        """Whether a later entry by the same model is of the same file as number `seq`.

        Pictures that are of no watched folder are the same where name and bytes are: many are called image.jpg.
        """
        if entry.folder is None:
            condition = "sha256 = ? AND path = ? AND folder IS NULL"
            file: tuple[str | None, ...] = (entry.sha256, entry.path)
        else:
            condition, file = "file = ?", (f"{entry.folder}/{entry.path}",)
        with self.reading() as database:
            later = database.execute(
                f"SELECT 1 FROM entries WHERE {condition} AND seq > ? "  # noqa: S608, words of this method
                "AND json_extract(body, '$.station.artifact') = ? LIMIT 1",
                (*file, seq, entry.station.artifact),
            ).fetchone()
        return later is not None

    def same_content(self, sha256: str, station: Station) -> Record | None:
        """The first answer to these bytes by the same model, engine, kit and settings."""
        first_ones = "WHERE sha256 = ? AND json_extract(body, '$.same_as') IS NULL ORDER BY seq"
        for record in self._records(first_ones, (sha256,)):
            entry = record.entry
            if isinstance(entry, PictureEntry) and entry.answer and entry.station.gives_the_same(station):
                return record
        return None

    def knows_file(self, folder: str, path: str, size: int, mtime_ns: int, station: Station) -> bool:
        """Whether a file of this size and time of modification needs no decision: it is in the log, or was archived.

        A file that could not be decoded is known to the same station alone, and one that could not be opened to none.
        """
        with self.reading() as database:
            # Not the whole entry: this is asked of every file in a folder.
            last = database.execute(
                "SELECT json_extract(body, '$.size'), json_extract(body, '$.mtime_ns'), "
                "json_extract(body, '$.error') IS NULL, sha256 IS NULL FROM entries WHERE file = ? "
                "ORDER BY seq DESC LIMIT 1",
                (f"{folder}/{path}",),
            ).fetchone()
        if last is None:
            return self._is_known("file", folder, path, size, mtime_ns)
        if last[:2] != (size, mtime_ns) or last[3]:
            return False
        entry = None if last[2] else self.last_of(folder, path)
        return entry is None or entry.station.gives_the_same(station)

    def knows_content(self, folder: str, path: str, sha256: str) -> Literal["removed", "archived"] | None:
        """Whether a picture of these bytes was removed from the log, or archived as this file."""
        if self._is_known("removed", sha256):
            return "removed"
        return "archived" if self._is_known("archived", folder, path, sha256) else None

    def last_station(self, source: str, folder: str | None) -> Station | None:
        """The station of the last change that `source` recorded for `folder`."""
        found = self._records(
            "WHERE kind = 'change' AND folder IS ? "
            "AND json_extract(body, '$.source') = ? ORDER BY seq DESC LIMIT 1",
            (folder, source),
        )
        entry = found[0].entry if found else None
        return None if entry is None else getattr(entry, "station", None)

    # -- for this class and the modules of this room

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for one thread at a time; its errors become `LogError`."""
        with self._lock, storage.in_words(self.path):
            yield self._database

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """As `reading`, in a transaction: all of the block or nothing."""
        with self.reading() as database, storage.transaction(database):
            yield database

    def refuse_itself(self, path: Path) -> None:
        """Raises `UsageError` if `path` is this log's own file, which must not be replaced by what is made of it."""
        with suppress(OSError):  # it is missing, or in a folder that is closed: writing says that better
            if path.samefile(self.path):
                raise UsageError(f"{path} is the log itself: name another file with -o")

    def rows(self, rest: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Rows of entries, for the end of a SELECT.

        Raises:
            LogError: one is damaged.
        """
        with self.reading() as database:
            return list(map(self.sound, storage.rows(database, rest, parameters)))

    def sound(self, row: Row | int) -> Row:
        """A row that is not damaged.

        Raises:
            LogError: it is.
        """
        if isinstance(row, int):
            raise LogError(f"{self.path}: entry {row} is damaged: see edgeall log verify")
        return row

    def entry(self, row: Row) -> Entry | None:
        """The entry of a row; None where its content was removed.

        Raises:
            LogError: it is damaged.
        """
        try:
            return None if row.body is None else read_body(row.kind, row.body)
        except documents.DocumentError as error:
            raise LogError(
                f"{self.path}: entry {row.seq} is damaged ({error}): see edgeall log verify"
            ) from None

    def header(self, database: sqlite3.Connection) -> Header:
        """The header of the log.

        Raises:
            LogError: it is missing or damaged.
        """
        found = storage.header(database)
        if found is None:
            raise LogError(f"{self.path}: its header is damaged: see edgeall log verify")
        return found

    def _records(self, rest: str, parameters: Sequence[Any]) -> list[Record]:
        return [self._record(row) for row in self.rows(rest, parameters)]

    def _record(self, row: Row) -> Record:
        return Record(row.seq, cast(Kind, row.kind), self.entry(row), row.hash.hex())

    def _is_known(self, *parts: str | int) -> bool:
        with self.reading() as database:
            self._key = self._key or self.header(database).key
            mark = chain.fingerprint(self._key, *parts)
            found = database.execute("SELECT 1 FROM known WHERE fingerprint = ?", (mark,)).fetchone()
        return found is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_body(entry: Entry) -> str:
    """The content of an entry as it is committed to: JSON with sorted keys and without spaces.

    Raises:
        LogError: it has a number or text that JSON cannot hold.
    """
    try:
        # Not `dataclasses.asdict`, which would copy every answer.
        text = json.dumps(
            entry, default=vars, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        text.encode()
    except ValueError as error:
        raise LogError(f"an entry cannot be written: {error}") from None
    return text


def read_body(kind: str, body: str) -> Entry:
    """An entry from its content.

    Raises:
        DocumentError: the content is not that of an entry of this kind.
    """
    if kind not in TYPE_OF:
        raise documents.DocumentError(f"an entry of an unknown kind, {kind!r}")
    entry: Entry = documents.build(TYPE_OF[kind], documents.parse(body))
    return entry
