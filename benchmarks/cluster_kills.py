"""The same rows whatever dies: `make cluster-kills ARTIFACT=...`.

Pictures are classified by `edgeall classify -o FILE.csv`, and then into Parquet sets on 1, 2 and 4 worker processes of
a Dask scheduler on this machine. Then on 4 workers again, of which one is killed every few seconds (SIGKILL), at random
times; meanwhile the command itself is killed and given again, and the scheduler is killed and started again. All rows
are compared with the CSV file, to the last bit of each probability. Some pictures are unreadable.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from local_cluster import differing, draw, edgeall, rows_of, running, scheduler, worker_processes, workers

from edgeall import artifact, files

COUNTS = (1, 2, 4)
BETWEEN = (1.0, 7.0)
"""Seconds between two kills, at random."""
CLIENT, SCHEDULER = 15, 30
"""After every so many kills of workers, the command or the scheduler is killed too."""


@dataclass
class Outcome:
    """What came of one set."""

    workers: int
    killed: int = 0
    commands: int = 0
    schedulers: int = 0
    rows: int = 0
    paths: int = 0
    differing: int = 0
    seconds: float = 0.0


def main() -> int:
    """Run all and write the table; status 1 where a row differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--pictures", type=int, default=20_000, metavar="N")
    parser.add_argument(
        "--kills", type=int, default=60, metavar="N", help="of workers, at least (default: 60)"
    )
    parser.add_argument(
        "--workers", type=int, nargs="*", default=COUNTS, help="counts without kills (default: 1 2 4)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="for pictures and sets, which stay there; default: removed"
    )
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = args.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeall-cluster-"))
        )
        draw(folder / "pictures", args.pictures)
        verdicts = folder / "verdicts.csv"
        command = ["classify", str(folder.absolute() / "pictures"), "--model", str(args.artifact), "--force"]
        if not verdicts.exists():
            subprocess.run(  # noqa: S603
                [sys.executable, *edgeall(*command), "-o", str(verdicts)],
                stdout=subprocess.DEVNULL,
                check=False,
            )
        outcomes = [undisturbed(command, count, folder, verdicts) for count in args.workers]
        outcomes.append(disturbed(command, COUNTS[-1], folder, verdicts, args.kills, args.seed))
    text = table(artifact.read(args.artifact), args.pictures, outcomes)
    if args.out is None:
        print(text)
    else:
        files.write_text(args.out, text)
    whole = all(each.differing == 0 and each.rows == each.paths == args.pictures for each in outcomes)
    return 0 if whole else 1


def undisturbed(command: list[str], count: int, folder: Path, verdicts: Path) -> Outcome:
    """A set by `count` workers."""
    rows, start = folder / f"rows-{count}.parquet", time.monotonic()
    with scheduler(folder) as (address, _), workers(address, count, folder):
        arguments = edgeall(*command, "-o", str(rows), "--scheduler", address, "--overwrite")
        subprocess.run([sys.executable, *arguments], check=False)  # noqa: S603
    return compared(Outcome(count, seconds=time.monotonic() - start), rows, verdicts)


def disturbed(command: list[str], count: int, folder: Path, verdicts: Path, kills: int, seed: int) -> Outcome:
    """A set by workers that are killed."""
    rng, rows, start = random.Random(seed), folder / "rows-killed.parquet", time.monotonic()  # noqa: S311
    outcome = Outcome(count)
    with ExitStack() as stack:
        address, process = stack.enter_context(scheduler(folder))
        port = int(address.rpartition(":")[2])
        beside = list[subprocess.Popen[bytes]]()

        def begin() -> subprocess.Popen[bytes]:
            arguments = edgeall(*command, "-o", str(rows), "--scheduler", address)
            return stack.enter_context(running(arguments))

        def supervise() -> None:
            # A worker that is killed while it starts takes its supervisor along, and so does a lost scheduler.
            beside[:] = [each for each in beside if each.poll() is None]
            while len(beside) < count:
                beside.append(stack.enter_context(workers(address, 1, folder)))

        supervise()
        client = begin()
        while client.poll() is None or client.returncode not in (0, 1):
            if client.poll() is not None:
                client = begin()
            time.sleep(rng.uniform(*BETWEEN))
            supervise()
            found = [each for one in beside for each in worker_processes(one)]
            if not found:
                continue
            os.kill(rng.choice(found).pid, signal.SIGKILL)
            outcome.killed += 1
            if outcome.killed % CLIENT == 0 and client.poll() is None:
                client.kill()
                client.wait()
                outcome.commands += 1
            if outcome.killed % SCHEDULER == 0:
                process.kill()
                process.wait()
                outcome.schedulers += 1
                address, process = stack.enter_context(scheduler(folder, port))
            print(f"{outcome.killed} workers killed, {len(list(rows.glob('part-*')))} parts", flush=True)
        if outcome.killed < kills:
            print(f"only {outcome.killed} workers were killed: give more pictures")
    outcome.seconds = time.monotonic() - start
    return compared(outcome, rows, verdicts)


def compared(outcome: Outcome, folder: Path, verdicts: Path) -> Outcome:
    """With the CSV file."""
    rows = rows_of(folder)
    outcome.rows, outcome.paths = len(rows), len({row["path"] for row in rows})
    outcome.differing = differing(rows, verdicts)
    print(outcome, flush=True)
    return outcome


def table(model: artifact.Artifact, pictures: int, outcomes: list[Outcome]) -> str:
    """The Markdown text."""
    lines = [
        "# Rows of `edgeall classify --scheduler` when processes are killed",
        "",
        f"{model.metadata.provenance.backbone}, {model.metadata.precision}, {model.metadata.format}; {pictures} "
        "pictures of 64 x 64 pixels, some unreadable. Made by `make cluster-kills`. Rows are compared with those of "
        "`edgeall classify -o FILE.csv`: path, decision, label, error, reasons, notes, and probability and score to "
        "the last bit.",
        "",
        "| worker processes | workers killed | commands killed | schedulers killed | rows | different paths "
        "| rows that differ | seconds |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {each.workers} | {each.killed} | {each.commands} | {each.schedulers} | {each.rows} | {each.paths} "
        f"| {each.differing} | {each.seconds:.0f} |"
        for each in outcomes
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
