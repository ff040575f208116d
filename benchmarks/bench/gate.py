"""Ratios that must not grow, in less than a minute: `make bench-gate`.

Limits are twice what was measured or more, so that a busy machine passes and a fault of another order does not. What is
compared takes turns, and is measured by the processor's time, which other programs stretch less than the clock's. A
check fails where the whole interval is above its limit, twice in a row.

Nothing is trained or downloaded: the models and results are those of the newest sample in `tests/stability`.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from classify_speed import script_for, took
from threadpoolctl import threadpool_limits

from bench import samples
from bench.pages import with_interval
from bench.ratios import ratio
from bench.section import Goal
from bench.sections.growth import results
from edgeall import artifact, recommending, reporting
from edgeall.datasets import duplicates
from edgeall.recommending.constraints import Constraints
from edgeall.results import load
from edgeall.runtimes import open_session

ROUNDS = 6
INFERENCES = 3000
START = "one picture by classify, beside a script: processor time"
MEMORY = "one picture by classify, beside a script: peak memory"
SESSION = "an inference by a session, beside the bare interpreter: processor time"
NEAR = "finding duplicates among 8 times as many pictures, by 8 times the processor time of few"
REPORTS = "report of 8 times as many artifacts, by 8 times the processor time of few"
LIMITS = {START: 2.0, MEMORY: 2.0, SESSION: 3.0, NEAR: 4.0, REPORTS: 3.0}

Pairs = tuple[list[float], list[float]]
"""Figures of edgeall, and of what they are compared with, a round after the other."""


Measure = Callable[[Path], dict[str, Pairs]]
"""Figures by what is compared, measured in a folder of its own."""


def main() -> int:
    """Print a line a ratio; status 1 where one failed."""
    with tempfile.TemporaryDirectory(prefix="edgeall-gate-") as scratch:
        # What another program did to one measurement, it seldom does to the next.
        passed = [_passes(check, Path(scratch)) or _passes(check, Path(scratch)) for check in CHECKS]
    return 0 if all(passed) else 1


def _passes(check: Measure, folder: Path) -> bool:
    started, passed = time.monotonic(), True
    for what, (ours, others) in check(folder).items():
        found, limit = ratio(ours, others), LIMITS[what]
        missed = Goal(most=limit).outcome(found) == "missed"
        passed = passed and not missed
        print(
            f"{'FAILED' if missed else 'passed'}: {what}: {with_interval(found)}, at most {limit:g}",
            flush=True,
        )
    print(f"  {time.monotonic() - started:.0f} s", flush=True)
    return passed


def _processes(folder: Path) -> dict[str, Pairs]:
    """`edgeall classify` of one picture, and the script that does nothing else."""
    place = samples.tiny(folder)
    model = artifact.read(place / "runs" / "cells" / "exports" / "cells_tflite-fp32.tflite")
    script = folder / "script.py"
    script.write_text(script_for(model), encoding="utf-8")
    picture = str(place / "pictures" / "all.png")
    command = [str(Path(sys.executable).with_name("edgeall")), "classify", "--json", "--force", picture]
    ways = (
        lambda: took([*command, "--model", str(model.path)], good=(0, 1)),
        lambda: took([sys.executable, str(script), str(model.path), picture]),
    )
    for way in ways:
        way()
    turns = [tuple(way() for way in ways) for _ in range(ROUNDS)]
    return {
        what: ([figure(ours) for ours, _ in turns], [figure(other) for _, other in turns])
        for what, figure in ((START, lambda turn: turn.processor), (MEMORY, lambda turn: turn.peak))
    }


def _session(folder: Path) -> dict[str, Pairs]:
    """An inference by a session, and by the bare interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    path = samples.tiny(folder) / "runs" / "cells" / "exports" / "cells_tflite-fp32.tflite"
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    [given], [made] = interpreter.get_input_details(), interpreter.get_output_details()
    tensor = np.zeros(given["shape"], given["dtype"])

    def bare() -> None:
        interpreter.set_tensor(given["index"], tensor)
        interpreter.invoke()
        interpreter.get_tensor(made["index"])

    with open_session(artifact.read(path), threads=1) as session:
        found = _in_turns(
            lambda: _processor(lambda: session.infer(tensor), INFERENCES),
            lambda: _processor(bare, INFERENCES),
        )
    return {SESSION: found}


def _near_pairs(folder: Path) -> dict[str, Pairs]:
    """The search for near-duplicates among eight times as many pictures, by eight times the time."""
    rng = np.random.default_rng(0)
    # Of low frequencies, as pictures are.
    few = rng.normal(128, 30, (4000, 8, 8)).astype(np.float32)
    thumbnails = few.repeat(4, axis=1).repeat(4, axis=2)
    records = [_Thumbnail(thumbnail) for thumbnail in thumbnails]
    # On a busy machine, threads of a product that wait for each other would count as processor time.
    with threadpool_limits(1):
        return {NEAR: _growth(lambda count: duplicates.near_pairs(records[:count]), 500, 4000)}


@dataclass(frozen=True)
class _Thumbnail:
    """All that the search for near-duplicates reads of a picture."""

    thumbnail: "np.typing.NDArray[np.float32]"


def _reports(folder: Path) -> dict[str, Pairs]:
    """Report and recommendation of eight times as many artifacts, by eight times the time."""

    def work(count: int) -> None:
        [bench] = load([results(folder, count)])
        reporting.markdown([bench])
        recommending.recommend(bench, Constraints(), None)

    work(12)
    return {REPORTS: _growth(work, 12, 96)}


def _growth(work: Callable[[int], object], few: int, many: int) -> Pairs:
    times = many / few
    return _in_turns(
        lambda: _processor(lambda: work(many), 1), lambda: times * _processor(lambda: work(few), 1)
    )


def _in_turns(ours: Callable[[], float], others: Callable[[], float]) -> Pairs:
    pairs = [(ours(), others()) for _ in range(ROUNDS)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def _processor(work: Callable[[], object], times: int) -> float:
    """Seconds of this process, all threads."""
    started = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - started


CHECKS: tuple[Measure, ...] = (_processes, _session, _near_pairs, _reports)
