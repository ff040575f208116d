"""What `edgeall classify --scheduler` costs beside `edgeall classify`: `make cluster-speed ARTIFACT=...`.

One worker process that is pinned to a processor is compared with `classify` pinned to the same one, and two, pinned to
one each, with `classify` on both. They take turns on the same folder of pictures. The start is left out: what counts is
the time that all pictures take more than a few. Scheduler and command run on the second processor, or on both. Rows are
compared with the CSV file of `classify`.

Then what a cost model needs, by the processor time of each process, which depends less on what else the machine does:
tasks of a scheduler, listing, writing, counting, and bytes of a row.

Intervals are of 95 %, as in `bench.ratios`. The pictures are drawn cells of 64 pixels,
which are decoded in no time: the larger the pictures, the less a job costs beside them.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from bench.ratios import ratio
from classify_speed import Turn
from local_cluster import SIDE, differing, draw, edgeall, rows_of, scheduler, worker_processes, workers

from edgeall import artifact, files
from edgeall.artifact import Artifact
from edgeall.cluster import connect
from edgeall.cluster.inputs import PART_INPUTS, Input, Part, survey
from edgeall.cluster.job import classify_to_set
from edgeall.cluster.parquet_set import Job, parquet_set
from edgeall.cluster.work import classify_inputs, model_of

FEW = 40
"""Pictures of the shorter folder: as long as a job takes to find the pace of its tasks."""
GOALS = {1: 0.95, 2: 0.90}
TASKS = 2000
LISTED = 20_000


@dataclass
class Pinned:
    """A scheduler, and workers with a processor each."""

    address: str
    scheduler: psutil.Process
    supervisors: list[subprocess.Popen[bytes]]

    def worker_seconds(self) -> float:
        """Processor time of the workers."""
        return sum(_seconds(each) for all_ in self.supervisors for each in worker_processes(all_))


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument(
        "--pictures", type=int, default=2000, metavar="N", help="in the folder (default: 2000)"
    )
    parser.add_argument("--turns", type=int, default=8, metavar="N", help="of each (default: 8)")
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeall-cluster-") as scratch:
        table = measured(artifact.read(args.artifact), Path(scratch), args.pictures, args.turns)
    if args.out is None:
        print(table)
    else:
        files.write_text(args.out, table)
    return 0


def measured(model: Artifact, folder: Path, count: int, turns: int) -> str:
    """The Markdown text."""
    load = os.getloadavg()
    draw(folder / "all", count)
    draw(folder / "few", FEW)
    rows = []
    for processors in GOALS:
        pairs = compared(model, folder, processors, turns)
        speed = (count - FEW) / sorted(one.processor for one, _ in pairs)[len(pairs) // 2]
        rows += [
            (
                f"{processors}: rate",
                *_ratio(pairs, lambda turn: 1 / turn.elapsed),
                f"at least {GOALS[processors]}",
            ),
            (f"{processors}: processor time of the workers", *_ratio(pairs, lambda turn: turn.processor), ""),
        ]
    metadata = model.metadata
    lines = [
        "# What `edgeall classify --scheduler` costs",
        "",
        f"{metadata.provenance.backbone}, {metadata.precision}, {metadata.format}; pictures of {SIDE} x {SIDE} "
        f"pixels. Made by `make cluster-speed`: {turns} turns of {count} pictures.",
        "",
        "Figures on 1 and on 2 worker processes, those of `classify` on as many processors being 1. All rows were "
        "those of `classify -o FILE.csv`.",
        "",
        "| worker processes | ratio | 95 % interval | goal |",
        "| --- | ---: | --- | --- |",
        *(
            f"| {name} | {middle:.3f} | {_interval(low, high)} | {goal} |"
            for name, middle, low, high, goal in rows
        ),
        "",
        f"`classify` takes {1000 / speed:.2f} ms of a processor for a picture.",
        "",
        "| what a job costs | figure |",
        "| --- | ---: |",
        *(f"| {name} | {figure} |" for name, figure in costs(model, folder)),
        "",
        f"The machine's load was {load[0]:.1f} when this began and {os.getloadavg()[0]:.1f} when it ended, on "
        f"{os.cpu_count()} processors.",
    ]
    return "\n".join(lines) + "\n"


def _ratio(
    pairs: Sequence[tuple[Turn, Turn]], figure: Callable[[Turn], float]
) -> tuple[float, float | None, float | None]:
    """The workers' figure by that of `classify`, and its interval."""
    found = ratio([figure(ours) for _, ours in pairs], [figure(alone) for alone, _ in pairs])
    return found.value, found.low, found.high


def _interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def compared(model: Artifact, folder: Path, processors: int, turns: int) -> list[tuple[Turn, Turn]]:
    """Turns of `classify` and of workers; exits where rows differ."""
    own = sorted(os.sched_getaffinity(0))[:2]
    used, rest = set(own[:processors]), set(own[1:])
    verdicts, rows = folder / "verdicts.csv", folder / "rows.parquet"
    with ExitStack() as stack:
        address, process = stack.enter_context(scheduler(folder, affinity=rest))
        beside = [stack.enter_context(workers(address, 1, folder, {each})) for each in sorted(used)]
        cluster = Pinned(address, psutil.Process(process.pid), beside)
        while sum(len(worker_processes(each)) for each in beside) < processors:
            time.sleep(0.1)

        def classified(name: str) -> Turn:
            return took([*_command(model, folder / name), "-o", str(verdicts), "--overwrite"], used)

        def spread(name: str) -> Turn:
            before = cluster.worker_seconds()
            command = [
                *_command(model, folder / name),
                "-o",
                str(rows),
                "--overwrite",
                "--scheduler",
                address,
            ]
            turn = took(command, rest)
            return Turn(turn.elapsed, cluster.worker_seconds() - before, 0, (), "")

        pairs = []
        # The first turn loads the model and is not counted.
        for number in range(turns + 1):
            ways: list[Callable[[str], Turn]] = [classified, spread]
            made = {way: _more(way("few"), way("all")) for way in (ways if number % 2 else ways[::-1])}
            if differing(rows_of(rows), verdicts):
                sys.exit("rows differ from those of classify")
            pairs.append((made[classified], made[spread]))
        return pairs[1:]


def costs(model: Artifact, folder: Path) -> list[tuple[str, str]]:
    """What a cost model needs, in words."""
    figures = []
    with ExitStack() as stack:
        address, process = stack.enter_context(scheduler(folder))
        stack.enter_context(workers(address, 2, folder))
        with connect(address) as cluster:
            cluster.submit(int).result()
            of_scheduler, own, start = (
                _seconds(psutil.Process(process.pid)),
                time.process_time(),
                time.monotonic(),
            )
            for task in cluster.completed([cluster.submit(int) for _ in range(TASKS)]):
                task.result()
            elapsed = time.monotonic() - start
            of_scheduler = _seconds(psutil.Process(process.pid)) - of_scheduler
            own = time.process_time() - own
    figures += [
        ("processor time of the scheduler, a task", f"{1000 * of_scheduler / TASKS:.2f} ms"),
        ("processor time of the command, a task", f"{1000 * own / TASKS:.2f} ms"),
        ("tasks a second, one after the other on 2 workers", f"{TASKS / elapsed:.0f}"),
    ]
    draw(folder / "cells", LISTED)
    own = time.process_time()
    survey([str(folder / "cells")])
    figures.append(
        ("processor time to list a local picture", f"{1e6 * (time.process_time() - own) / LISTED:.1f} µs")
    )
    few = [str(each) for each in sorted((folder / "cells").rglob("*.*"))[: 2 * PART_INPUTS]]
    (folder / "list.txt").write_text("\n".join(few), encoding="utf-8")
    classify_to_set(model, [folder / "list.txt"], folder / "few.parquet", force=True)
    parts = sorted((folder / "few.parquet").glob("part-*"))
    size = sum(each.stat().st_size for each in parts)
    figures.append(("bytes of a row in the set", f"{size / len(few):.0f}"))
    figures.append(
        ("processor time of the command, a row that is received and written", _writing(model, few, folder))
    )
    own = time.process_time()
    classify_to_set(model, [folder / "list.txt"], folder / "few.parquet", force=True)
    figures.append(
        (
            "processor time to list and count a row again",
            f"{1e6 * (time.process_time() - own) / len(few):.0f} µs",
        )
    )
    return figures


def _writing(model: Artifact, paths: Sequence[str], folder: Path) -> str:
    """Of rows that come pickled, as from a worker."""
    with connect(None) as here:
        inputs = tuple(map(Input, paths))
        sent = pickle.dumps(classify_inputs(here.share(model_of(model, 1, True)), inputs))
    job = Job("", model.sha256, "", True, "", len(inputs), len(inputs))
    with parquet_set(folder / "written.parquet", job) as rows:
        own = time.thread_time()
        rows.write(Part(0, inputs), [pickle.loads(sent).table])  # noqa: S301, of the line above
        own = time.thread_time() - own
    return f"{1e6 * own / len(paths):.0f} µs"


def took(command: Sequence[str], affinity: set[int]) -> Turn:
    """What a command took that runs on these processors; exits where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, affinity),
    )
    _, status, used = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: status {process.returncode}")
    return Turn(elapsed, used.ru_utime + used.ru_stime, 0, (), "")


def _command(model: Artifact, pictures: Path) -> list[str]:
    return edgeall("classify", str(pictures), "--model", str(model.path), "--force")


def _more(few: Turn, all_: Turn) -> Turn:
    return Turn(all_.elapsed - few.elapsed, all_.processor - few.processor, 0, (), "")


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
