"""The SQLite file of a log: its tables, how it is opened, and its errors in words."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from edgeall.errors import EdgeallError
from edgeall.logbook import chain
from edgeall.logbook.network_shares import share_of
from edgeall.pixels.opening import special_file

APPLICATION_ID = 0x65_64_67_6C
"""Of the file's header: "edgl"."""
SCHEMA = 1
OLDEST_SQLITE = (3, 37)
"""The first with STRICT tables. Debian 12 and Raspberry Pi OS of 2023 have 3.40."""

MOST_BYTES = 32 << 20
"""Longest value of a log that is read or written."""

_BUSY_SECONDS = 30.0
"""How long one process waits for another that is writing."""

# By name. What is searched is computed from the body, so that it cannot contradict it, and goes where the body goes.
_TABLES = {
    "entries": """CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  salt BLOB,
  body TEXT,
  commitment BLOB NOT NULL,
  hash BLOB NOT NULL,
  time TEXT AS (json_extract(body, '$.time')) VIRTUAL,
  folder TEXT AS (json_extract(body, '$.folder')) VIRTUAL,
  path TEXT AS (json_extract(body, '$.path')) VIRTUAL,
  file TEXT AS (json_extract(body, '$.folder') || '/' || json_extract(body, '$.path')) VIRTUAL,
  sha256 TEXT AS (json_extract(body, '$.sha256')) VIRTUAL,
  subject TEXT AS (json_extract(body, '$.subject')) VIRTUAL,
  decision TEXT AS (json_extract(body, '$.answer.decision')) VIRTUAL
) STRICT""",
    "log": """CREATE TABLE log (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id BLOB NOT NULL,
  key BLOB NOT NULL,
  base_seq INTEGER NOT NULL,
  base_hash BLOB NOT NULL,
  head_seq INTEGER NOT NULL,
  head_hash BLOB NOT NULL
) STRICT""",
    "known": "CREATE TABLE known (fingerprint BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    "by_file": "CREATE INDEX by_file ON entries (file, seq) WHERE file IS NOT NULL",
    "by_content": "CREATE INDEX by_content ON entries (sha256, seq) WHERE sha256 IS NOT NULL",
    "by_subject": "CREATE INDEX by_subject ON entries (subject, seq) WHERE subject IS NOT NULL",
    "contents_may_only_go": """CREATE TRIGGER contents_may_only_go BEFORE UPDATE ON entries
WHEN NEW.seq IS NOT OLD.seq OR NEW.kind IS NOT OLD.kind OR NEW.commitment IS NOT OLD.commitment
  OR NEW.hash IS NOT OLD.hash OR NEW.body IS NOT NULL OR NEW.salt IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END""",
    "archived_ones_may_go": """CREATE TRIGGER archived_ones_may_go BEFORE DELETE ON entries
WHEN OLD.seq > (SELECT base_seq FROM log)
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END""",
}


class Header(NamedTuple):
    """The one row of the table `log`: what the chain begins with, the key of fingerprints, and the last entry."""

    id: bytes
    key: bytes
    base_seq: int
    base_hash: bytes
    head_seq: int
    head_hash: bytes


class Row(NamedTuple):
    """A row of the table `entries`."""

    seq: int
    kind: str
    salt: bytes | None
    body: str | None
    commitment: bytes
    hash: bytes


class LogError(EdgeallError):
    """A log cannot be read, is damaged, or is no log."""


class LogWaitError(LogError):
    """A log cannot be written now: its disk is full, or another process writes. Nothing was appended."""


def connect(path: Path, *, create: bool, read_only: bool = False) -> sqlite3.Connection:
    """Open the log at `path`.

    Raises:
        LogError: it is missing and not `create`; another program's file, or damaged; a folder or special file; of a
            later edgeall; or it cannot be opened, or only without a write-ahead log, as on network shares.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise LogError(
            f"a log needs SQLite {needed}, and this Python has {sqlite3.sqlite_version}: use another Python"
        )
    if (kind := special_file(path)) or os.path.isdir(path):  # noqa: PTH112
        raise LogError(f"{path} is {kind or 'a folder'}, not a log: name another file with --log")
    exists = os.path.exists(path)  # noqa: PTH110, of which pathlib's raises errors
    if not exists and not create:
        raise LogError(f"{path}: there is no log here: name one with --log, or begin one with edgeall watch")
    if not read_only and (share := share_of(path.parent)):
        raise LogError(
            f"{path} is on a network share ({share}): name a file on a disk of this machine with --log"
        )
    if not exists:
        with in_words(path), suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Answers on people: for this user alone.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    mode = "ro" if read_only else "rw"
    with in_words(path):
        database = sqlite3.connect(
            f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    try:
        with in_words(path):
            _set_up(database, path, create, read_only)
    except BaseException:
        database.close()
        raise
    return database


def _set_up(database: sqlite3.Connection, path: Path, create: bool, read_only: bool) -> None:
    # A file from elsewhere must not run functions of its own: nothing but the list of tables is read before it is
    # compared. JSON functions count as untrusted up to SQLite 3.41 at least, so that this cannot be left to SQLite.
    if create and not _tables(database):
        _begin(database, path)
    if _number(database, "application_id") != APPLICATION_ID:
        raise LogError(f"{path} is a file of another program, not a log: name another file with --log")
    if (schema := _number(database, "user_version")) > SCHEMA:
        raise LogError(f"{path}: a log of a later edgeall (schema {schema}): update edgeall")
    if _tables(database) != _TABLES:
        raise LogError(f"{path}: its tables are not those of a log: it was altered, or is damaged")
    if not read_only:
        _for_writing(database, path)


def _tables(database: sqlite3.Connection) -> dict[str, str]:
    return dict(database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())


def _begin(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new log, unless another process has made them meanwhile."""
    if _number(database, "application_id") or _number(database, "user_version"):
        return
    _for_writing(database, path)
    with transaction(database):
        if _tables(database):
            return
        for statement in _TABLES.values():
            database.execute(statement)
        log_id = os.urandom(chain.ID_BYTES)
        first = chain.first(log_id)
        row = (log_id, chain.new_salt(), 0, first, 0, first)
        database.execute("INSERT INTO log VALUES (1, ?, ?, ?, ?, ?, ?)", row)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {SCHEMA}")


def _for_writing(database: sqlite3.Connection, path: Path) -> None:
    (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise LogError(
            f"{path}: no write-ahead log can be kept here: name a file on a disk of this machine with --log"
        )
    # Each commit is on the disk before it is reported.
    database.execute("PRAGMA synchronous = FULL")
    # What is removed is overwritten with zeros.
    database.execute("PRAGMA secure_delete = ON")


def header(database: sqlite3.Connection) -> Header | None:
    """The header of a log; None where it is missing or damaged."""
    found = database.execute("SELECT id, key, base_seq, base_hash, head_seq, head_hash FROM log").fetchone()
    types = (bytes, bytes, int, bytes, int, bytes)
    return Header(*found) if found is not None and all(map(isinstance, found, types)) else None


def rows(database: sqlite3.Connection, rest: str, parameters: Sequence[Any] = ()) -> Iterator[Row | int]:
    """Entries, for the end of a SELECT from its WHERE or ORDER on; for one that is damaged, its number.

    The types of columns do not hold in a damaged file.
    """
    # The end comes from this room, never from a user.
    selected = f"SELECT seq, kind, salt, body, commitment, hash FROM entries {rest}"  # noqa: S608
    for row in database.execute(selected, parameters):
        yield Row(*row) if all(map(isinstance, row, _TYPES)) else int(row[0] or 0)


NONE_KNOWN = hashlib.sha256().hexdigest()
"""`digest_of_known` where there are no fingerprints."""


def digest_of_known(database: sqlite3.Connection) -> str:
    """SHA-256 of the fingerprints of removed and archived pictures, in their order, hexadecimal.

    A picture with such a fingerprint is not decided again. Each entry that adds some holds this digest, so that none
    can be put in unseen.
    """
    digest = hashlib.sha256()
    for (fingerprint,) in database.execute("SELECT fingerprint FROM known ORDER BY fingerprint"):
        # The types of columns do not hold in a damaged file.
        digest.update(fingerprint if isinstance(fingerprint, bytes) else b"damaged")
    return digest.hexdigest()


_TYPES = (int, str, bytes | None, str | None, bytes, bytes)


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing; no other process writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


_NO_ROOM = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_FSYNC,
}
_NO_ROOM |= {sqlite3.SQLITE_IOERR_SHMSIZE}


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as `LogError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        why = str(error)
        if code in _NO_ROOM:
            raise LogWaitError(f"{path}: cannot be written ({why}): make room on its disk") from error
        if code == sqlite3.SQLITE_BUSY:
            raise LogWaitError(f"{path}: another process has been writing for long: try again") from error
        if code == sqlite3.SQLITE_NOTADB:
            raise LogError(
                f"{path} is no log, but a file of another kind: name another file with --log"
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_CANTOPEN):
            raise LogError(
                f"{path}: cannot be opened ({why}): look at its permissions and its folder's"
            ) from error
        raise LogError(
            f"{path}: damaged, or its disk is ({why}): keep it, and name another file with --log"
        ) from error
    except UnicodeDecodeError:
        raise LogError(
            f"{path}: damaged (a text in it is no Unicode): keep it, and name another file with --log"
        ) from None
    except UnicodeEncodeError:
        raise LogError(f"{path}: a text cannot be written or searched for: it is no Unicode") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be opened ({error.strerror or error})") from error
