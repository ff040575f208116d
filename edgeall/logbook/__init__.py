"""The log of a field station: an append-only record of every decision, chained by hash, in one SQLite file."""

from edgeall.logbook.archiving import archive
from edgeall.logbook.book import Logbook, default_path
from edgeall.logbook.entries import (
    ArchiveEntry,
    ChangeEntry,
    Entry,
    Head,
    Kind,
    PictureEntry,
    Record,
    RemovalEntry,
    Station,
    path_text,
    stamp,
    system_clock,
)
from edgeall.logbook.exporting import export
from edgeall.logbook.removing import find_path, find_subject, remove
from edgeall.logbook.storage import LogError, LogWaitError
from edgeall.logbook.verifying import Verification, verify

__all__ = [
    "ArchiveEntry",
    "ChangeEntry",
    "Entry",
    "Head",
    "Kind",
    "LogError",
    "LogWaitError",
    "Logbook",
    "PictureEntry",
    "Record",
    "RemovalEntry",
    "Station",
    "Verification",
    "archive",
    "default_path",
    "export",
    "find_path",
    "find_subject",
    "path_text",
    "remove",
    "stamp",
    "system_clock",
    "verify",
]
