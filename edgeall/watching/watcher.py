"""The watcher: finds finished pictures, decides each once, and records the decisions."""

import dataclasses
import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from edgeall.errors import UsageError
from edgeall.field import Classifier, Found
from edgeall.files import AnyPath
from edgeall.logbook import ChangeEntry, Logbook, LogWaitError, PictureEntry, Record
from edgeall.logbook.entries import Clock, path_text, plain_text, stamp, system_clock
from edgeall.logbook.recording import Content, entry_of, station_of, subject_of
from edgeall.values import dataclass
from edgeall.watching.arrivals import Arrival, Arrivals, FolderAway, Identity
from edgeall.watching.claim import Claim, claimed
from edgeall.watching.reading import AWAY, MOST_BYTES, TooLarge, Unfinished, read_once

COMMIT_SECONDS = 1.0
"""Longest time between commits while pictures are decided. What is not committed is decided again after a crash. The
first commits of many pictures follow sooner, so that a watcher that never lives for a second gets on too."""
AHEAD = 32
"""Pictures that are decided at most while the log is flushed to a slow disk. What is kept of each is its entry."""
SHARE = 0.05
"""Most of a processor that looking at a large folder takes: looks are further apart there. The first look, which asks
the log for every file, does not count."""
AGAIN_SECONDS = 30.0
"""Until a file that cannot be opened, or for which there is too little memory, is tried again."""
ATTEMPTS = 3
"""How often a watch that ends by itself (`once`) tries a file that cannot be read and may be readable later."""
WAIT_SECONDS = 5.0
"""Between attempts to write a log whose disk is full, or which another process writes."""


_AWAY, _WAITING = "away", "waiting"


@dataclass(frozen=True)
class Notice:
    """Something that a person should know, in one line."""

    text: str


@dataclass(frozen=True)
class _Decided:
    """What became of one arrival.

    Attributes:
        entry: None where nothing is to be recorded.
        again: seconds until the file is tried again; None where it is not.
    """

    arrival: Arrival
    entry: PictureEntry | None = None
    again: float | None = None
    notice: Notice | None = None


def watch(
    folder: AnyPath,
    classifier: Classifier,
    log: Logbook,
    *,
    settle: float = 2.0,
    every: float = 1.0,
    once: bool = False,
    stop: Event | None = None,
    clock: Clock = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Record | Notice]:
    """Decide each picture below a folder once, as it arrives, and yield each entry when it is in the log.

    A picture is known by its bytes. A file that changes is decided again. A file with the bytes of an earlier one gets
    that one's answer, where model, engine, kit and settings are the same: they would give the same bits. A file that
    cannot be read is recorded with the error, and tried again when it, or the station, has changed.

    A folder that goes away is waited for, and so is a full disk.

    Args:
        settle: seconds during which a file must not change to be finished.
        every: seconds between looks; more where the folder is large.
        once: end when every file that is there is decided, recorded as one that cannot be read, or was tried in vain
            `ATTEMPTS` times, which a notice tells.
        stop: ends the watch, after the pictures that are in work are recorded.

    Raises:
        UsageError: no such folder, it is watched already, or, with `once`, it cannot be listed.
        MissingExtraError, EngineError, SelftestError: as of `classify`.
        LogError: the log cannot be written, for another reason than a full disk.
        LogWaitError: the log could not be written, and `stop` was set.
    """
    place = Path(os.path.realpath(folder))
    if not place.is_dir():
        raise UsageError(f"{os.fspath(folder)}: no such folder")
    with claimed(place, log.path) as claim:
        classifier.begin()
        watcher = _Watcher(place, claim, classifier, log, settle, once, stop or Event(), clock, monotonic)
        yield from watcher.run(every)


class _Watcher:
    def __init__(
        self,
        folder: Path,
        claim: Claim,
        classifier: Classifier,
        log: Logbook,
        settle: float,
        once: bool,
        stop: Event,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._folder, self._name = folder, path_text(folder)
        self._claim, self._classifier, self._log = claim, classifier, log
        self._once, self._stop, self._clock, self._monotonic = once, stop, clock, monotonic
        self._station = station_of(classifier)
        self._arrivals = Arrivals(folder, settle, self._is_known, monotonic)
        self._pending: list[PictureEntry | ChangeEntry] = []
        self._committed = monotonic()
        self._told = set[str]()
        self._attempts = Counter[Arrival]()

    def run(self, every: float) -> Iterator[Record | Notice]:
        self._note_change()
        yield from self._commit()
        pause = None
        while not self._stop.is_set():
            began, arrived = time.thread_time(), list[Arrival]()
            try:
                arrived = self._arrivals.look()
                yield from self._is_over(_AWAY, f"{self._folder} is back")
            except FolderAway as away:
                if self._once:
                    raise UsageError(f"{self._folder}: cannot be listed ({away.reason})") from None
                yield from self._tell(
                    _AWAY, f"{self._folder} is away ({away.reason}): waiting until it is back"
                )
            for below, why in self._arrivals.unlisted.items():
                place, later = self._folder / below, "" if self._once else "; it is tried again"
                yield from self._tell(str(place), f"{place}: cannot be listed ({why}){later}")
            pause = every if pause is None else max(every, (time.thread_time() - began) / SHARE)
            for batch in self._batches(arrived):
                yield from self._decide_all(batch)
            if self._once and not arrived and not self._arrivals.waiting:
                return
            self._stop.wait(pause)

    def _batches(self, arrived: list[Arrival]) -> Iterator[list[Arrival]]:
        """The arrivals; last, and each alone, those that may have ended the watcher before: all others are recorded."""
        suspects = [arrival for arrival in arrived if self._claim.suspects(path_text(arrival.name))]
        others = [arrival for arrival in arrived if arrival not in suspects]
        yield from filter(None, [others, *([arrival] for arrival in suspects)])

    def _is_known(self, name: str, identity: Identity) -> bool:
        return self._log.knows_file(
            self._name, path_text(name), identity.size, identity.mtime_ns, self._station
        )

    def _note_change(self) -> None:
        """Record the station, where it is not that of the last time."""
        before = self._log.last_station("watch", self._name)
        if before == self._station:
            return
        now = vars(self._station)
        changed = tuple(name for name in now if before is None or now[name] != getattr(before, name))
        self._pending.append(
            ChangeEntry(stamp(self._clock()), "watch", self._name, self._station, changed),
        )

    def _decide_all(self, arrived: list[Arrival]) -> Iterator[Record | Notice]:
        began = self._committed = self._monotonic()
        going_on = (arrival for arrival in arrived if not self._stop.is_set())
        for decided in self._classifier.in_order(self._decide, going_on, AHEAD):
            if decided.notice is not None:
                yield from self._tell(decided.notice.text, decided.notice.text)
            yield from self._again(decided)
            if decided.entry is not None:
                self._pending.append(decided.entry)
            now = self._monotonic()
            if now - self._committed >= min(COMMIT_SECONDS, (now - began) / 2):
                yield from self._commit()
        yield from self._commit()

    def _again(self, decided: _Decided) -> Iterator[Notice]:
        """Have a file tried again where that is wanted; a watch that ends by itself does not do so for ever."""
        arrival = decided.arrival
        if decided.again is None or (self._once and decided.entry is not None):
            return
        # A file that is being written is another arrival each time.
        self._attempts[arrival] += self._once
        if self._attempts[arrival] < ATTEMPTS:
            self._arrivals.again(arrival, decided.again)
        else:
            text = f"{arrival.path}: not decided, it was tried {ATTEMPTS} times: run the same command again"
            yield from self._tell(text, text)

    def _decide(self, arrival: Arrival) -> _Decided:
        """Read a picture once, and decide it; in a thread."""
        if self._stop.is_set():
            return _Decided(arrival)
        path = path_text(arrival.name)
        with self._claim.working_on(path):
            try:
                return self._decide_on(arrival, path)
            except MemoryError:
                notice = Notice(f"{arrival.path}: not decided, for lack of memory; it is tried again")
                return _Decided(arrival, again=AGAIN_SECONDS, notice=notice)

    def _decide_on(self, arrival: Arrival, path: str) -> _Decided:
        try:
            content = read_once(arrival)
        except Unfinished:
            return _Decided(arrival, again=0.0)
        except TooLarge:
            why = f"{arrival.path}: larger than the {MOST_BYTES >> 20} MiB that are read at once"
            return _Decided(arrival, self._unread(path, arrival.identity, why))
        except OSError as error:
            why = f"{arrival.path}: cannot be read ({error.strerror or error})"
            if error.errno in AWAY:
                gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
                return _Decided(
                    arrival, again=0.0, notice=None if gone else Notice(f"{why}; it is tried again")
                )
            return _Decided(arrival, self._unread(path, arrival.identity, why), again=AGAIN_SECONDS)
        last = self._log.last_of(self._name, path)
        if last is not None and last.sha256 == content.sha256 and last.answer is not None:
            return _Decided(arrival)
        known = self._log.knows_content(self._name, path, content.sha256)
        if known is not None:
            told = (
                Notice("pictures that were removed from the log are left alone")
                if known == "removed"
                else None
            )
            return _Decided(arrival, notice=told)
        return _Decided(arrival, self._entry(arrival, path, content))

    def _entry(self, arrival: Arrival, path: str, content: Content) -> PictureEntry:
        earlier = self._log.same_content(content.sha256, self._station)
        if earlier is not None and isinstance(earlier.entry, PictureEntry):
            return dataclasses.replace(
                earlier.entry,
                time=stamp(self._clock()),
                source="watch",
                folder=self._name,
                path=path,
                mtime_ns=content.mtime_ns,
                subject=subject_of(path),
            )
        result = self._classifier.answer(Found(arrival.path, arrival.name, content.data))
        return entry_of(
            content, result, self._station, path=path, folder=self._name, source="watch", clock=self._clock
        )

    def _unread(self, path: str, identity: Identity, why: str) -> PictureEntry:
        return PictureEntry(
            time=stamp(self._clock()),
            source="watch",
            folder=self._name,
            path=path,
            sha256=None,
            size=identity.size,
            mtime_ns=identity.mtime_ns,
            station=self._station,
            answer=None,
            error=plain_text(why),
            subject=subject_of(path),
        )

    def _commit(self) -> Iterator[Record | Notice]:
        """Append what is pending, and wait where the log cannot be written now."""
        while self._pending:
            try:
                records = self._log.append(self._pending)
            except LogWaitError as error:
                if self._stop.is_set():
                    raise
                yield from self._tell(_WAITING, f"{error}; waiting, no picture is lost")
                self._stop.wait(WAIT_SECONDS)
                continue
            self._pending = []
            yield from self._is_over(_WAITING, f"{self._log.path}: written again")
            yield from records
        self._committed = self._monotonic()

    def _tell(self, what: str, text: str) -> Iterator[Notice]:
        """A notice, once until it is over."""
        if what not in self._told:
            self._told.add(what)
            yield Notice(text)

    def _is_over(self, what: str, text: str) -> Iterator[Notice]:
        if what in self._told:
            self._told.discard(what)
            yield Notice(text)
