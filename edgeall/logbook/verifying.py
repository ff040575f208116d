"""Whether a log holds: the first entry that does not, and why."""

from datetime import UTC, datetime, timedelta

from edgeall import documents
from edgeall.logbook import chain, storage
from edgeall.logbook.book import Logbook, read_body
from edgeall.logbook.entries import ArchiveEntry, Head, RemovalEntry, stamp
from edgeall.logbook.storage import Row
from edgeall.values import dataclass

_OUT_OF_ORDER = timedelta(minutes=1)
"""Several threads decide, so that an entry can be earlier than the one before it by what a picture takes."""


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        entries: number of entries that hold, up to the first that does not.
        removed: number of these whose content was removed.
        first: number of the first entry; above 1 where earlier ones were archived.
        head: the last entry that holds.
        broken: number of the first entry that does not hold; None where all do.
        why: it does not; empty where all do.
        remarks: what is unusual and no damage, such as a clock that was set back.
    """

    entries: int
    removed: int
    first: int
    head: Head
    broken: int | None
    why: str
    remarks: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.broken is None


def verify(log: Logbook, noted: Head | None = None) -> Verification:
    """Check every entry of a log: its number, its content against its commitment, and its place in the chain.

    Noticed are entries that were changed, taken out, moved or put in. Entries that are missing at the beginning must be
    in an archive that an entry tells of. Fingerprints of pictures that are not decided again must be those that the
    last removal or archive tells of. Entries that were cut off at the end are noticed where the log's own note of its
    head was left, or where `noted` is one of them. Who rewrites the file can compute a whole new chain: that is noticed
    only by a head that was noted down elsewhere.

    Args:
        noted: a head that was noted down earlier; its hash may be the beginning of one.

    Raises:
        LogError: the file cannot be read.
    """
    walk = _Walk(noted)
    with log.reading() as database:
        # One view of the log, whatever is appended meanwhile.
        database.execute("BEGIN")
        try:
            header = storage.header(database)
            if header is None:
                return _empty("the log's header is missing or damaged")
            if header.base_seq == 0 and header.base_hash != chain.first(header.id):
                return _empty("the beginning of the chain is not that of this log")
            walk.begin(header.base_seq, header.base_hash)
            for row in storage.rows(database, "ORDER BY seq"):
                if not (walk.take(row) if isinstance(row, Row) else walk.fail(row, "it is damaged")):
                    break
            else:
                walk.end(header.head_seq, header.head_hash, storage.digest_of_known(database))
                if walk.why == "" and (
                    problem := _damage(database.execute("PRAGMA integrity_check(1)").fetchone()[0])
                ):
                    walk.fail(walk.seq, problem)
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
    return walk.outcome()


def _damage(word: str) -> str:
    return "" if word == "ok" else f"the file is damaged ({word})"


def _empty(why: str) -> Verification:
    return Verification(0, 0, 1, Head(0, ""), 1, why, ())


def _time(text: str) -> datetime | None:
    """A time with its zone; None where the text is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else time


class _Walk:
    """The state of a check, from entry to entry."""

    def __init__(self, noted: Head | None) -> None:
        self._noted = noted
        self.seq, self._hash, self._base = 0, b"", 0
        self.why, self._broken = "", 0
        self._gaps, self._told = set[int](), set[int]()
        self._base_hash, self._archived = b"", set[tuple[int, str]]()
        self._known: RemovalEntry | ArchiveEntry | None = None
        self._time, self._remarks = datetime.min.replace(tzinfo=UTC) + _OUT_OF_ORDER, list[str]()

    def begin(self, seq: int, hash_: bytes) -> None:
        """After the archived entries."""
        self.seq, self._hash, self._base, self._base_hash = seq, hash_, seq, hash_
        self._compare()

    def take(self, row: Row) -> bool:
        """Check one entry; False where it does not hold."""
        seq, kind, salt, body, committed, hash_ = row
        if seq != self.seq + 1:
            return self.fail(self.seq + 1, f"it is missing: entry {seq} follows {self.seq}")
        if body is None or salt is None:
            if kind != "picture" or body is not None or salt is not None:
                return self.fail(seq, "its content is gone, and it is no picture's")
            self._gaps.add(seq)
        elif chain.commitment(salt, body) != committed:
            return self.fail(seq, "its content is not what was committed to: it was changed")
        if chain.link(self._hash, seq, kind, committed) != hash_:
            return self.fail(seq, "it is not chained to the entry before: it was changed, moved or put in")
        if body is not None and not self._read(seq, kind, body):
            return False
        self.seq, self._hash = seq, hash_
        return self._compare()

    def _read(self, seq: int, kind: str, body: str) -> bool:
        try:
            entry = read_body(kind, body)
        except documents.DocumentError as error:
            return self.fail(seq, f"its content is no entry ({error})")
        time = _time(entry.time)
        if time is None:
            return self.fail(seq, f"its time is none ({entry.time[:40]!r})")
        if time < self._time - _OUT_OF_ORDER:
            self._remarks.append(
                f"entry {seq}: the clock was set back, from {stamp(self._time)} to {entry.time}"
            )
        self._time = time
        if isinstance(entry, RemovalEntry | ArchiveEntry):
            self._known = entry
        if isinstance(entry, RemovalEntry):
            self._told.update(entry.entries)
        if isinstance(entry, ArchiveEntry):
            self._archived.add((entry.last, entry.head))
            self._remarks.append(
                f"entries up to {entry.last} are in {entry.file}, which ends with {entry.head}"
            )
        return True

    def _compare(self) -> bool:
        noted = self._noted
        if noted is not None and noted.seq == self.seq and not self._hash.hex().startswith(noted.hash):
            return self.fail(self.seq, "its hash is not the one that was noted down: the log was rewritten")
        return True

    def end(self, seq: int, hash_: bytes, known: str) -> None:
        """Check what only shows when all entries were seen; `known`: `storage.digest_of_known`."""
        untold = sorted(self._gaps - self._told)
        noted = self._noted
        if (seq, hash_) != (self.seq, self._hash):
            self.fail(self.seq + 1, f"it is missing: the log notes {seq} as its last entry")
        elif noted is not None and noted.seq > self.seq:
            self.fail(self.seq + 1, f"it is missing: entry {noted.seq} was noted down")
        elif self._base and (self._base, self._base_hash.hex()) not in self._archived:
            self.fail(self._base, "it and all before are missing, and no entry says that they were archived")
        elif untold:
            self.fail(untold[0], "its content is gone, and no entry says that it was removed")
        elif known != storage.NONE_KNOWN:
            self._check_known(known)
        if not self.why and noted is not None and noted.seq < self._base:
            self._remarks.append(
                f"entry {noted.seq}, which was noted down, is archived: verify the archive by it"
            )

    def _check_known(self, known: str) -> None:
        """Compare fingerprints. Archives have none, and where there are none nothing is left out."""
        told = self._known
        if told is not None and told.known is None:
            self._remarks.append(
                "fingerprints of removed and archived pictures are not checked: an earlier edgeall wrote them"
            )
        elif told is None or told.known != known:
            self.fail(
                max(self.seq, 1),
                "a fingerprint of removed or archived pictures was put in or taken out, and no entry says so",
            )

    def fail(self, seq: int, why: str) -> bool:
        self._broken, self.why = seq, why
        return False

    def outcome(self) -> Verification:
        return Verification(
            self.seq - self._base,
            len(self._gaps),
            self._base + 1,
            Head(self.seq, self._hash.hex()),
            self._broken if self.why else None,
            self.why,
            tuple(self._remarks),
        )
