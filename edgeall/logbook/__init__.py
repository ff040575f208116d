"""The log of a field station: an append-only record of every decision, chained by hash, in one SQLite file."""

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
)
from edgeall.logbook.verifying import Verification

__all__ = [
    "ArchiveEntry",
    "ChangeEntry",
    "Entry",
    "Head",
    "Kind",
    "Logbook",
    "PictureEntry",
    "Record",
    "RemovalEntry",
    "Station",
    "Verification",
    "default_path",
]
