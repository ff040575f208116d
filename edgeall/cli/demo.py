"""`edgeall demo`: all steps on synthetic smears, with the commands that a user would run."""

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edgeall.cli.display import STEP, Display
from edgeall.errors import EdgeallError


@dataclass(frozen=True)
class _Step:
    """One command of the demo.

    Attributes:
        done: exists once the command has succeeded; None for a command that skips finished work itself.
    """

    argv: tuple[str, ...]
    done: Path | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="folder to write (default: ./demo)"
    )
    parser.add_argument(
        "--weights",
        choices=("random", "imagenet"),
        default="random",
        help="initial weights; imagenet is downloaded (default: %(default)s, seeded)",
    )
    parser.epilog = "The same command resumes an interrupted demo."


def run(args: argparse.Namespace, display: Display) -> int:
    """Run the commands one by one; returns 1 where an artifact failed or exceeded its tolerance."""
    from edgeall import files, reporting, results

    started = time.monotonic()
    steps = _steps(args.out, args.weights)
    statuses = [_run(step, f"[{number}/{len(steps)}]", display) for number, step in enumerate(steps, start=1)]
    found = sorted(args.out.glob("runs/*/bench/laptop.json"))
    benches = results.load([file for file in found if not files.is_hidden(file.parent.parent)])
    report = args.out / "report.md"
    files.write_text(report, reporting.markdown(benches))
    display.emit(reporting.to_json(benches))
    display.show(reporting.Terminal(benches))
    display.note("")
    display.note(
        f"Done in {(time.monotonic() - started) / 60:.1f} minutes. Written: {report}; models, artifacts and raw "
        f"timings: {args.out / 'runs'}."
    )
    display.note(
        f"Try: edgeall classify {args.out / 'data' / 'im'} "
        f"--model {_runs(args.out, args.weights)['mobilenetv2'] / 'exports'}/*_tflite-fp32.tflite"
    )
    return max(statuses)


def _steps(out: Path, weights: str) -> list[_Step]:
    data, runs = out / "data", _runs(out, weights)
    folders = tuple(map(str, runs.values()))
    return [
        _Step(("data", "synth", str(data)), done=data),
        *(
            _Step(
                (
                    *("train", str(data), "--backbone", backbone, "--weights", weights),
                    # Enough for synthetic smears, and fast on two cores.
                    *("--epochs", "3", "--views", "4"),
                    *("--out", str(run.parent), "--name", run.name),
                ),
                done=run,
            )
            for backbone, run in runs.items()
        ),
        _Step(("export", *folders, "--int8")),
        # One thread and three rounds. The default, both thread counts and five rounds, takes three times as long.
        _Step(("bench", *folders, "--device", "laptop", "--threads", "1", "--quick")),
    ]


def _runs(out: Path, weights: str) -> dict[str, Path]:
    return {name: out / "runs" / f"{name}-{weights}" for name in ("mobilenetv2", "densenet201")}


def _run(step: _Step, label: str, display: Display) -> int:
    """Run one command in its own process, so that its memory is free for the next."""
    shown = f"{label} edgeall {shlex.join(step.argv)}"
    if step.done is not None and step.done.exists():
        display.note(f"{shown}: done before")
        return 0
    display.note(shown)
    process = subprocess.run(  # noqa: S603 - our own command, no shell
        [sys.executable, "-m", "edgeall", *step.argv],
        env=os.environ | {STEP: label},
        # Standard output is reserved for the demo's result.
        stdout=sys.stderr.fileno() if step.argv[0] != "bench" else subprocess.DEVNULL,
        check=False,
    )
    if process.returncode not in (0, 1):
        raise EdgeallError(
            f"the demo stopped at 'edgeall {step.argv[0]}', whose message is above; finished steps are kept"
        )
    return process.returncode
