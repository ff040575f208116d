"""The field station behind the page: decides pictures, records each, and reads the log. Calls block; for threads."""

import dataclasses
import os
import stat
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from threading import Lock

import msgspec
from msgspec import UNSET

from edgeall import __version__
from edgeall.artifact.metadata import INTENDED_USE
from edgeall.field import Classifier, Found
from edgeall.field.counts import Grouping, folder_of
from edgeall.logbook import ChangeEntry, Logbook, PictureEntry, Record, stamp, system_clock
from edgeall.logbook.entries import path_of, plain_text
from edgeall.logbook.exporting import csv_lines
from edgeall.logbook.recording import Content, entry_of, station_of
from edgeall.serving import types
from edgeall.serving.keeping import Keeper

PAGE = 500
"""Entries that are read at once."""


class Station:
    """A classifier that has begun, and its log.

    Attributes:
        reader: the log once more, by which it is read for clients: a long search keeps no decision waiting.
        notice: the last thing that a person should know of the watched folder; None where there is none.
    """

    def __init__(
        self,
        classifier: Classifier,
        log: Logbook,
        reader: Logbook,
        *,
        caveats: tuple[str, ...] = (),
        watched: Path | None = None,
        keep: Path | None = None,
    ) -> None:
        self.classifier, self.log, self.reader, self.watched = classifier, log, reader, watched
        self._caveats, self._keeper = caveats, None if keep is None else Keeper(keep)
        self._station = station_of(classifier)
        self._changed = Lock()
        self.notice: str | None = None

    def begin(self) -> None:
        """Record what answers, where that has changed since the last time.

        Raises:
            LogError: the log cannot be written.
        """
        before = self.log.last_station("serve", None)
        if before == self._station:
            return
        now = vars(self._station)
        changed = tuple(name for name in now if before is None or now[name] != getattr(before, name))
        self.log.append([ChangeEntry(stamp(system_clock()), "serve", None, self._station, changed)])

    def about(self, upload_bytes: int) -> types.Station:
        """What the page says of the station."""
        artifact, station = self.classifier.artifact, self._station
        decision, test = artifact.metadata.decision, artifact.metadata.test
        calibration = artifact.metadata.calibration
        return types.Station(
            version=__version__,
            model=station.model,
            artifact=station.artifact,
            format=station.format,
            precision=station.precision,
            engine=f"{station.engine} {station.engine_version}",
            labels=list(decision.labels),
            positive=list(decision.positive),
            threshold=decision.threshold,
            refer=None if decision.refer is None else list(decision.refer),
            calibrated=None if calibration is None else calibration.method != "none",
            cells=station.cells,
            force=station.force,
            tested="" if test is None else test.in_words,
            caveats=list(self._caveats),
            watched=None if self.watched is None else self.watched.name,
            notice=self.notice,
            keeps_pictures=self._keeper is not None,
            upload_bytes=upload_bytes,
            head=self.reader.head.seq,
            use=INTENDED_USE,
        )

    def decide(self, name: str, data: bytes) -> types.Decided:
        """Decide a picture, and record the answer before it is given.

        Raises:
            LogWaitError: the record cannot be written now. There is no answer then.
            LogError: the log cannot be written.
            FileError: the picture was to be kept, and cannot be.
            MemoryError, EngineClosed: as of `Classifier.answer`. Nothing is recorded.
        """
        content = Content.of(data)
        result = self.classifier.answer(Found(name, name, content.data))
        entry = entry_of(content, result, self._station, path=plain_text(name), folder=None, source="serve")
        if self.log.knows_content("", entry.path, content.sha256) == "removed":
            return _decided(None, entry)
        if self._keeper is not None and entry.answer is not None:
            self._keeper.keep(content, name)
        (record,) = self.log.append([entry])
        return decided(record)

    def history(self, search: types.Search) -> types.History:
        """Pictures in the log, the latest first."""
        found = list(islice(self._found(search), search.count + 1))
        entries = [decided(record) for record in found[: search.count]]
        return types.History(entries, len(found) > search.count)

    def csv(self, search: types.Search) -> Iterator[str]:
        """All that a search finds, the latest first, as lines of `edgeall log export`; `PAGE` of them at once."""
        lines = csv_lines(self._found(search))
        while some := "".join(islice(lines, PAGE)):
            yield some

    def _found(self, search: types.Search) -> Iterator[Record]:
        """Records that a search finds, the latest first, whatever its count."""

        def pages() -> Iterator[Record]:
            before = None if search.before is UNSET else search.before
            while page := self.reader.search(
                search.text or None, decision=search.decision or None, before=before, count=PAGE
            ):
                yield from page
                before = page[-1].seq

        return takewhile(lambda record: record.seq > search.after, pages())

    def summary(self, asked: types.Grouped) -> types.Summary:
        """Counts by folder or person, of the pictures after an entry.

        Each counts once: also one that was sent again. One of a watched folder that has changed counts by its last
        answer. Folders are named as below the watched folder, or as clients sent them; where this is the name of
        several, those of watched folders are named in full.
        """
        grouping = Grouping(asked.by, self.classifier.artifact.metadata)
        below = dict[str | None, str]()
        for record in self.since(asked.after):
            entry = record.entry
            if (
                isinstance(entry, PictureEntry)
                and entry.station.gives_the_same(self._station)
                and not self.reader.has_later(record.seq, entry)
            ):
                path = entry.path if entry.folder is None else f"{entry.folder}/{entry.path}"
                grouping.add(Found(path, path), entry.result)
                if asked.by == "folder":
                    below[folder_of(path)] = folder_of(entry.path)
        taken = Counter(below.values())
        groups = [
            dataclasses.replace(group, name=below[group.name])
            if group.name in below and taken[below[group.name]] == 1
            else group
            for group in grouping.groups()
        ]
        groups.sort(key=lambda group: (group.name is None, group.name or ""))
        return types.Summary([msgspec.convert(group.to_dict(), types.Group) for group in groups])

    def since(self, seq: int) -> Iterator[Record]:
        """All records after an entry, in order."""
        while page := self.reader.after(seq, PAGE):
            yield from page
            seq = page[-1].seq

    def new_pictures(self, seq: int) -> tuple[int, list[types.Decided]]:
        """Pictures among the next records after an entry, and the number of the last of these records."""
        page = self.reader.after(seq, PAGE)
        pictures = [decided(record) for record in page if isinstance(record.entry, PictureEntry)]
        return (page[-1].seq if page else seq), pictures

    def answered(self, seq: int) -> bool:
        """Whether this station's model gave the answer of an entry, and not one before it."""
        record = self.reader.record(seq)
        entry = None if record is None else record.entry
        return isinstance(entry, PictureEntry) and entry.station.artifact == self._station.artifact

    def picture(self, seq: int) -> tuple[str, bytes] | None:
        """Name and bytes of a picture of the watched folder; None where it is not there any more, or has changed."""
        record = self.reader.record(seq)
        entry = None if record is None else record.entry
        if not isinstance(entry, PictureEntry) or entry.sha256 is None:
            return None
        data = _bytes_of(entry)
        return None if data is None else (entry.path, data)


def _bytes_of(entry: PictureEntry) -> bytes | None:
    """The bytes that an entry is on, where they are still in its file."""
    if entry.folder is None or entry.size is None:
        return None
    try:
        # What has become a pipe since must not be waited for.
        handle = os.open(
            path_of(f"{entry.folder}/{entry.path}"),
            os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0),
        )
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            data = file.read(entry.size + 1)
    except (OSError, ValueError):
        return None
    return data if Content.of(data).sha256 == entry.sha256 else None


def decided(record: Record) -> types.Decided:
    """A record of a picture, as the API has it."""
    assert isinstance(record.entry, PictureEntry)
    return _decided(record.seq, record.entry)


def _decided(seq: int | None, entry: PictureEntry) -> types.Decided:
    picture = field = None
    if entry.answer is not None and "cells" in entry.answer:
        field = msgspec.convert(entry.answer, types.FieldAnswer)
    elif entry.answer is not None:
        picture = msgspec.convert(entry.answer, types.PictureAnswer)
    return types.Decided(
        seq=seq,
        time=entry.time,
        source=entry.source,
        folder=entry.folder,
        path=entry.path,
        sha256=entry.sha256,
        artifact=entry.station.artifact,
        same_as=entry.same_as,
        subject=entry.subject,
        picture=picture,
        field=field,
        error=entry.error,
    )
