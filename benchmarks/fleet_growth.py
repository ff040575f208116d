"""What a bench of many boards costs the workstation: time and memory by number of boards.

Boards are mocks: each answers with the records that this machine's own bench of one small artifact gave, after
`--seconds` in which it would measure. What is real is all that the workstation does for a board: it reads artifact and
images, plans, checks and keeps the records, computes the results and writes them. Each number of boards is benched in a
process of its own, rounds interleaved.

    PYTHONPATH=tests python benchmarks/fleet_growth.py [--out FILE]
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Generator
from pathlib import Path

from edgeall import targets
from edgeall.benching import AT_ONCE, bench, fleet
from edgeall.measuring.plan import BenchSettings, Plan
from edgeall.measuring.records import Message, Record
from edgeall.measuring.runner import run_plan
from edgeall.progress import SILENT, Progress
from edgeall.targets import Address, Board, Profile

SIZES = (1, 10, 100, 400)
SHORT = BenchSettings(
    rounds=2, threads=(1,), warmup_seconds=0.01, min_runs=12, min_seconds=0.02, max_seconds=5
)


class MockBoard:
    """Answers with recorded messages, where a real board would measure."""

    recorded: tuple[Message, ...] = ()
    seconds = 0.0

    def __init__(self, profile: Profile, progress: Progress) -> None:
        return None

    def unreachable(self) -> str | None:
        return None

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        for message in self.recorded:
            if isinstance(message, Record):
                time.sleep(self.seconds / len(self.recorded))
            yield message

    def close(self) -> None:
        return None


class _Recording:
    """This machine, whose messages are kept."""

    def __init__(self, profile: Profile, progress: Progress) -> None:
        return None

    def unreachable(self) -> str | None:
        return None

    def measure(self, plan: Plan, finished: Collection[str]) -> Generator[Message, None, None]:
        MockBoard.recorded = ()
        for message in run_plan(plan, finished):
            MockBoard.recorded += (message,)
            yield message

    def close(self) -> None:
        return None


def measured(folder: Path, boards: int, seconds: float) -> dict[str, float]:
    """Seconds, of the processor too, and the growth of the largest resident memory of a bench of so many boards."""
    paths = sorted((folder / "runs" / "tiny" / "exports").glob("*.onnx"))
    profile = Profile("mock", "ssh", board=Board())
    targets.TARGETS["ssh"] = _Recording
    bench(paths, dataclasses.replace(profile, name="recorded"), SHORT, overwrite=True)
    targets.TARGETS["ssh"], MockBoard.seconds = MockBoard, seconds
    work = {}
    for number in range(boards):
        at = profile.at(Address(f"board-{number}"))
        work[str(number)] = lambda progress, at=at: bench(paths, at, SHORT, overwrite=True, progress=progress)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    for outcome in fleet(work, SILENT):
        assert outcome.error is None, outcome.error
        assert outcome.results == 1
        del outcome
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.monotonic() - started,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "grown_mb": (after.ru_maxrss - before.ru_maxrss) / 1024,
    }


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one board's measuring (default: 1)")
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    if args.boards:
        print(json.dumps(measured(args.folder, args.boards, args.seconds)))
        return 0
    from small_run import draw, make_artifact, make_run

    found: dict[int, list[dict[str, float]]] = {size: [] for size in SIZES}
    for _ in range(args.rounds):
        for size in SIZES:
            with tempfile.TemporaryDirectory(prefix="edgeall-fleet-") as scratch:
                folder = Path(scratch)
                draw(folder / "data", {"healthy": 10, "all": 10})
                make_artifact(make_run(folder / "runs" / "tiny", folder / "data"), "onnx", "float32")
                command = [sys.executable, __file__, "--boards", str(size), "--folder", scratch]
                done = subprocess.run(  # noqa: S603
                    [*command, "--seconds", str(args.seconds)], check=True, capture_output=True, text=True
                )
                found[size].append(json.loads(done.stdout))
    text = table(found, args.seconds)
    if args.out is None:
        print(text)
    else:
        args.out.write_text(text, encoding="utf-8")
    return 0


def table(found: dict[int, list[dict[str, float]]], seconds: float) -> str:
    """The Markdown page: the median of the rounds, and their range."""
    rows = []
    for size, rounds in found.items():
        cells = []
        for key, scale in (("seconds", 1.0), ("processor", 1000 / size), ("grown_mb", 1.0)):
            values = sorted(each[key] * scale for each in rounds)
            cells.append(f"{values[len(values) // 2]:.1f} ({values[0]:.1f}–{values[-1]:.1f})")
        rows.append(f"| {size} | {' | '.join(cells)} |")
    return "\n".join(
        [
            "# A fleet's growth",
            "",
            f"Mock boards that measure for {seconds:g} s each, {AT_ONCE} at once, one small artifact; "
            f"`benchmarks/fleet_growth.py`, median (range) of interleaved rounds: {len(next(iter(found.values())))}.",
            "",
            "| boards | seconds | processor ms a board | growth of resident memory, MB |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
