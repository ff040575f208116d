"""A campaign of one kind: many small trials, each made from its number alone, in processes that are watched.

What breaks a promise is a finding, with the number that shows it again. Nothing that was tried is kept in a file.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

SILENT_SECONDS, PREPARING_SECONDS = 60.0, 360.0
MAX_MEMORY_MB = 600


class Broken(AssertionError):
    """A promise does not hold."""


class Missing(Exception):
    """This machine lacks what the trials need."""


def promise(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def one_line(message: str) -> None:
    """What every message for the user is: one line, and not empty."""
    promise(message.strip() and len(message.splitlines()) == 1, f"not one line: {message!r}"[:300])


class Kind(ABC):
    """Trials of one kind.

    Attributes:
        quick, sample, full: how many are tried by `make test`, `make hardening` and `make hardening FULL=1`.
        bounded: whether the memory of its processes is bounded by `MAX_MEMORY_MB`.
        parts: what a trial has several of; its outcome is one word for each.
        silent_seconds: longest time without progress: of a trial, or between two calls of `alive` in it.
    """

    quick: int
    sample: int
    full: int
    bounded = False
    parts = ""
    silent_seconds = SILENT_SECONDS
    alive: Callable[[], None] = staticmethod(lambda: None)
    """To be called where a trial has made progress."""

    def __init__(self, place: Path) -> None:
        """`place`: an empty folder for what the trials need."""
        self.place = place

    def close(self) -> None:  # noqa: B027 - most kinds have nothing to end
        """End what was started for all trials."""

    @abstractmethod
    def one(self, seed: int) -> str | list[str]:
        """A trial; returns what came of it in a word or two, or of each of its parts.

        Raises:
            Broken: a promise does not hold; any other exception is a finding too.
        """


@dataclass
class Progress:
    """How far a campaign is; kept in a JSON file, so that a later call goes on."""

    path: Path
    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    largest_mb: float = 0.0
    longest_seconds: float = 0.0
    longest_silence: float = 0.0
    missing: str = ""

    @classmethod
    def of(cls, path: Path) -> "Progress":
        if not path.is_file():
            return cls(path)
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, **kept | {"outcomes": Counter(kept["outcomes"])})

    def keep(self) -> None:
        document = {name: value for name, value in vars(self).items() if name != "path"}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(document, indent=1), encoding="utf-8")
        part.replace(self.path)


CHUNK = 500
"""Trials of one process at most."""

MOST_FINDINGS = 20
"""After so many a campaign ends with its process: they have one cause."""


def run(
    name: str, kind: type[Kind], folder: Path, wanted: int, until: float, slower: float = 1.0
) -> Progress:
    """Try what is left of `wanted` trials, until a time of `time.monotonic`.

    `slower`: limits of time are so many times as long, on a machine that does other work.
    """
    progress = Progress.of(folder / f"{name}.json")
    kept = time.monotonic()
    while (
        not progress.missing
        and len(progress.findings) < MOST_FINDINGS
        and progress.tried < wanted
        and time.monotonic() < until
    ):
        count = min(CHUNK, wanted - progress.tried)
        for seed, outcome, seconds in _watched(name, kind, folder, progress, count, until, slower):
            progress.tried = seed + 1
            progress.longest_seconds = max(progress.longest_seconds, seconds)
            if isinstance(outcome, str | list):
                progress.outcomes.update([outcome] if isinstance(outcome, str) else outcome)
            else:
                progress.outcomes["FINDING"] += 1
                progress.findings.append({"seed": seed, **outcome})
            if time.monotonic() > kept + 10:
                progress.keep()
                kept = time.monotonic()
        progress.keep()
    return progress


def _watched(
    name: str, kind: type[Kind], folder: Path, progress: Progress, count: int, until: float, slower: float
) -> Iterator[tuple[int, Any, float]]:
    """(seed, outcome, seconds) of trials in a process of their own, which is ended when it falls silent."""
    script = Path(__file__).with_name("harden.py")
    command = [sys.executable, script, "--child", name, str(progress.tried), str(count), str(folder)]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    last, silent, ready, stopped = progress.tried - 1, False, False, False
    begun = heard = time.monotonic()
    memory = 0.0

    def kill() -> None:
        nonlocal silent
        silent = True
        process.kill()

    # The first one waits for what the trials need to be made.
    preparing, silence = PREPARING_SECONDS * slower, kind.silent_seconds * slower
    watch = threading.Timer(preparing, kill)
    watch.start()
    for line in process.stdout:
        watch.cancel()
        told, now = json.loads(line), time.monotonic()
        memory = max(memory, told.get("memory_mb", 0.0))
        if ready:
            progress.longest_silence = max(progress.longest_silence, now - heard)
        if "missing" in told:
            progress.missing = told["missing"]
        if "seed" in told:
            last = told["seed"]
            yield last, told["outcome"], now - begun
        heard = time.monotonic()
        if "alive" not in told:
            ready, begun = True, heard
        if heard > until:
            process.terminate()
            stopped = True
            break
        watch = threading.Timer(silence if ready else preparing, kill)
        watch.start()
    watch.cancel()
    process.stdout.close()
    process.wait()
    progress.largest_mb = max(progress.largest_mb, memory)
    if not ready and not stopped:
        raise RuntimeError(f"{name}: the trials cannot be made; see {folder / f'{name}.log'}")
    if silent or (process.returncode and not stopped):
        progress.longest_silence = max(progress.longest_silence, time.monotonic() - heard)
        how = f"no progress in {silence:g} s" if silent else f"ended with {process.returncode}"
        yield last + 1, {"why": how}, time.monotonic() - heard
    if kind.bounded and memory > MAX_MEMORY_MB:
        progress.findings.append({"seed": last, "why": f"{memory:.0f} MB"})


def child(kind: type[Kind], place: Path, start: int, count: int) -> None:
    """Trials `start` to `start + count`, told on standard output, a line each."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def alive() -> None:
        print(json.dumps({"alive": True}), file=told, flush=True)

    kind.alive = staticmethod(alive)
    try:
        trials = kind(place)
    except Missing as error:
        print(json.dumps({"missing": str(error)}), file=told, flush=True)
        return
    print(json.dumps({"ready": True}), file=told, flush=True)

    def end(number: int, frame: FrameType | None) -> NoReturn:
        trials.close()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    try:
        for seed in range(start, start + count):
            outcome = outcome_of(trials, seed)
            print(
                json.dumps({"seed": seed, "outcome": outcome, "memory_mb": _peak_mb()}), file=told, flush=True
            )
    except Missing as error:
        print(json.dumps({"missing": str(error)}), file=told, flush=True)
    finally:
        trials.close()


def _peak_mb() -> float:
    """Largest memory of this process so far; 0 where Linux does not tell. That of `getrusage` counts its parent's."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def outcome_of(trials: Kind, seed: int) -> str | list[str] | dict[str, str]:
    """What a trial came to: a word, or one of each of its parts, or a finding."""
    try:
        return trials.one(seed)
    except Broken as error:
        return {"why": str(error)[:500]}
    except Missing:
        raise
    except BaseException as error:
        where = "".join(traceback.format_exception(error)[-4:])
        return {"why": f"{type(error).__name__}: {error}"[:300], "where": where[-1500:]}
