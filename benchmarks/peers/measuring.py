"""The comparison: each INT8 model of each run beside edgeall's and beside float32 of its format."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench import environments
from bench.ratios import ratio
from bench.rounds import Figures, Rounds

from edgeall import artifact, runs, runtimes, statistics
from edgeall.errors import EdgeallError
from edgeall.statistics import Estimate

from . import comparing, quantizing
from .comparing import Faith, Test
from .judging import TEST, Judge, files_of, open_bare
from .table import Peer, peers_of
from .trained import FORMATS, path_of

ROUNDS, QUICK_ROUNDS = 12, 6
TURN, TURNS = 0.02, 3
"""Seconds of processor time that are timed at once, at least; and how often in a round."""
OURS, FLOAT, PEER = "edgeall", "float32", "peer"


@dataclass(frozen=True)
class Times:
    """Ratios of processor time, one thread, with their intervals over rounds; and medians in milliseconds."""

    ratio: Estimate
    milliseconds: float
    other: float
    rounds: int


@dataclass(frozen=True)
class Entry:
    """An INT8 model, or the reason why there is none.

    Attributes:
        case: name of the runs that it is of, such as "mobilenetv2 at 224 pixels".
        peer: None of edgeall's own.
        note: how it was made, or why it was not.
        seconds: that it took to make; None where that is not known.
        megabytes: of its files.
        float_operators: computed in float, of `operators`, by the engine's own account.
        faith: None where there is no model.
        to_float: its time by that of float32 in its format.
        ours_to_float: edgeall's, in the same rounds; None of edgeall's own.
        to_peer: edgeall's time by its own; None of edgeall's own.
        tests: of edgeall against it, by "test" and "shifted".
        path: of the first run's model; None where there is none.
    """

    case: str
    backbone: str
    format: artifact.Format
    peer: Peer | None
    note: str
    seconds: float | None = None
    megabytes: float | None = None
    float_operators: int | None = None
    operators: int | None = None
    faith: Faith | None = None
    to_float: Times | None = None
    ours_to_float: Times | None = None
    to_peer: Times | None = None
    tests: Mapping[str, Test] | None = None
    path: Path | None = None

    @property
    def title(self) -> str:
        return "edgeall" if self.peer is None else self.peer.title


@dataclass(frozen=True)
class Case:
    """Runs of one backbone, whose pictures are judged together. Times are of the first.

    Attributes:
        defaults: they are compared with vendors' defaults alone.
    """

    name: str
    runs: tuple[runs.Run, ...]
    defaults: bool = False


@dataclass(frozen=True)
class Comparison:
    """What a comparison works with.

    Attributes:
        folder: for answers; `rounds` are beside them.
        shared: for environments of peers, and their models.
        quick: vendors' defaults alone, in few rounds.
    """

    folder: Path
    shared: Path
    rounds: Rounds
    quick: bool
    say: Callable[[str], None]

    def entries(self, cases: Sequence[Case]) -> list[Entry]:
        """All models of all cases; tests are corrected for the number of all.

        Models are timed when all of them are made, so that a machine need be idle from then on alone.
        """
        judged = [(case, self._of_case(case)) for case in cases]
        found = [entry for case, entries in judged for entry in self._timed(case, entries)]
        tests = {
            (str(index), name): test
            for index, entry in enumerate(found)
            for name, test in (entry.tests or {}).items()
        }
        corrected = comparing.adjusted(tests)
        return [
            replace(entry, tests={name: corrected[str(index), name] for name in entry.tests})
            if entry.tests
            else entry
            for index, entry in enumerate(found)
        ]

    def _of_case(self, case: Case) -> list[Entry]:
        """Without times."""
        judges = [Judge(run, self.folder / f"answers-{run.name}.jsonl") for run in case.runs]
        found = []
        for format in FORMATS:
            ours = self._own(case, judges, format)
            assert ours.faith is not None
            found.append(ours)
            for peer in peers_of(format, self.quick or case.defaults):
                found.append(self._peers(case, judges, format, peer, ours.faith))
        return found

    def _timed(self, case: Case, entries: Sequence[Entry]) -> list[Entry]:
        """The entries of a case with their times. Those of edgeall's own models are beside the vendor's default."""
        run = case.runs[0]
        image = Judge(run, self.folder / f"answers-{run.name}.jsonl").image
        timed, beside = dict[int, Entry](), dict[artifact.Format, Times]()
        for index, entry in enumerate(entries):
            if entry.peer is None or entry.path is None:
                continue
            found = self._measure(case, entry.format, entry.path, image)
            to_float = _times(found, OURS, FLOAT)
            timed[index] = replace(
                entry,
                to_float=_times(found, PEER, FLOAT),
                ours_to_float=to_float,
                to_peer=_times(found, OURS, PEER),
            )
            if entry.peer.default:
                beside[entry.format] = to_float
        return [
            replace(entry, to_float=beside.get(entry.format))
            if entry.peer is None
            else timed.get(index, entry)
            for index, entry in enumerate(entries)
        ]

    def _own(self, case: Case, judges: Sequence[Judge], format: artifact.Format) -> Entry:
        paths = [path_of(run, format, "int8") for run in case.runs]
        method = artifact.read(paths[0]).metadata.quantization.get("method", "?")
        return self._judged(case, judges, format, None, paths, str(method))

    def _peers(
        self, case: Case, judges: Sequence[Judge], format: artifact.Format, peer: Peer, ours: Faith
    ) -> Entry:
        environment = environments.provide(*peer.environment, self.shared / "environments", self.say)
        made = []
        for run in case.runs:
            material = quantizing.prepare(run, self.shared / "peers", None, self.say)
            made.append(quantizing.quantize(peer, format, material, environment, self.say))
            if made[-1].path is None:
                return Entry(case.name, run.backbone, format, peer, made[-1].note, seconds=made[-1].seconds)
        paths = [each.path for each in made if each.path is not None]
        try:
            entry = self._judged(case, judges, format, peer, paths, made[0].note)
        except EdgeallError as error:
            return Entry(case.name, case.runs[0].backbone, format, peer, str(error), seconds=made[0].seconds)
        assert entry.faith is not None
        return replace(
            entry,
            seconds=made[0].seconds,
            tests={
                TEST: comparing.paired(ours.kept, entry.faith.kept),
                "shifted": comparing.paired(ours.shifted, entry.faith.shifted),
            },
        )

    def _judged(
        self,
        case: Case,
        judges: Sequence[Judge],
        format: artifact.Format,
        peer: Peer | None,
        paths: Sequence[Path],
        note: str,
    ) -> Entry:
        found = []
        for judge, path in zip(judges, paths, strict=True):
            given = judge.model(path, format)
            positive = statistics.is_positive(judge.run.class_indices(TEST), judge.run.decision)
            found.append(comparing.faith(judge.run, positive, judge.keras(), given))
        first = judges[0].model(paths[0], format)
        return Entry(
            case.name,
            case.runs[0].backbone,
            format,
            peer,
            note,
            path=paths[0],
            megabytes=megabytes(paths[0]),
            float_operators=first.float_operators,
            operators=first.operators,
            faith=comparing.pooled(found),
        )

    def _measure(
        self, case: Case, format: artifact.Format, path: Path, image: Any
    ) -> dict[str, list[Figures]]:
        """Processor time of edgeall's model, of float32 and of the peer's, in turn."""

        def own(kind: artifact.Precision) -> runtimes.Session:
            return runtimes.open_session(artifact.read(path_of(run, format, kind)), threads=1)

        run = case.runs[0]
        ways = {
            OURS: partial(_turn, partial(own, "int8"), image),
            FLOAT: partial(_turn, partial(own, "float32"), image),
            PEER: partial(_turn, partial(open_bare, path, format, run), image),
        }
        # The name of the peer's folder has the digest of what made its model.
        return self.rounds.measure(f"{case.name}, {path.parent.name}", self._count, ways)

    @property
    def _count(self) -> int:
        return QUICK_ROUNDS if self.quick else ROUNDS


def _times(figures: Mapping[str, Sequence[Figures]], first: str, second: str) -> Times:
    seconds = [[each["seconds"] for each in figures[who]] for who in (first, second)]
    medians = [1000 * median(each) for each in seconds]
    return Times(ratio(*seconds), medians[0], medians[1], len(seconds[0]))


def _turn(opened: Callable[[], runtimes.Session], image: Any) -> Figures:
    """Processor time of an inference, the median of `TURNS`, in a session of its own.

    A session's memory lies where it happens to: of two sessions of one model, one can be a tenth slower all the time.
    An interval over rounds of one session would not hold that.
    """
    with opened() as session:
        tensor = session.prepare(image)
        calls = max(1, math.ceil(TURN / max(_seconds(session, tensor, 3), 1e-6)))
        return {"seconds": median(_seconds(session, tensor, calls) for _ in range(TURNS))}


def _seconds(session: runtimes.Session, tensor: Any, calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        session.infer(tensor)
    return (time.process_time() - started) / calls


def megabytes(path: Path) -> float:
    """Of a model's files."""
    return sum(each.stat().st_size for each in files_of(path)) / 1e6
