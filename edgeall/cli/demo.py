"""`edgeall demo`: all steps on synthetic cells, with the commands that a user would run."""

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

_PICTURES = ("--cells", "--healthy", "500", "--leukaemia", "500", "--size", "128x128")
"""200 test images: with fewer the intervals would be wide."""

_SIDE = 64
"""Of the input, in pixels. A cell's nucleus and its texture are still seen, and it costs a twelfth of 224."""

_TRAINING: dict[str, dict[str, tuple[str, ...]]] = {
    # All epochs run, because few are given: the last are the settled ones.
    "random": {
        "mobilenetv2": ("--recipe", "scratch", "--epochs", "10", "--patience", "0"),
        "densenet201": ("--recipe", "scratch", "--epochs", "2", "--patience", "0"),
    },
    "imagenet": {
        "mobilenetv2": ("--epochs", "3", "--views", "4"),
        "densenet201": ("--epochs", "3", "--views", "4"),
    },
}
"""Options of `train` by initial weights and backbone: as much as both need, and fast on two cores."""

_REPORT = "report.html"


@dataclass(frozen=True)
class _Step:
    """One command of the demo.

    Attributes:
        done: exists once the command has succeeded; None for a command that skips finished work itself, or is quick.
        shown: whether its standard output is part of what the user sees on standard error.
    """

    argv: tuple[str, ...]
    done: Path | None = None
    shown: bool = True


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
    from edgeall import reporting, results

    started = time.monotonic()
    steps = _steps(args.out, args.weights)
    statuses = [_run(step, f"[{number}/{len(steps)}]", display) for number, step in enumerate(steps, start=1)]
    folders = _runs(args.out, args.weights)
    benches = results.load([folder / "bench" / "laptop.json" for folder in folders.values()])
    display.emit(reporting.to_json(benches))
    display.show(reporting.Terminal(benches, answered=False))
    minutes = (time.monotonic() - started) / 60
    display.note("")
    display.note(
        f"Done in {minutes:.1f} minutes. Written: {args.out / _REPORT}; models, artifacts and raw timings: "
        f"{args.out / 'runs'}."
    )
    display.note(f"Try: edgeall {shlex.join(_classification(args.out, folders['mobilenetv2']))}")
    # The answer comes last, so that it does not scroll away.
    display.show(reporting.Answers(benches))
    return max(statuses)


def _steps(out: Path, weights: str) -> list[_Step]:
    data, runs = out / "cells", _runs(out, weights)
    folders = tuple(map(str, runs.values()))
    return [
        _Step(("data", "synth", str(data), *_PICTURES), done=data),
        *(
            _Step(
                (
                    *("train", str(data), "--backbone", backbone, "--weights", weights),
                    *("--input-size", str(_SIDE), *_TRAINING[weights][backbone]),
                    *("--out", str(run.parent), "--name", run.name),
                ),
                done=run,
            )
            for backbone, run in runs.items()
        ),
        _Step(("export", *folders, "--int8")),
        # One thread and three rounds. The default, both thread counts and five rounds, takes three times as long.
        _Step(("bench", *folders, "--device", "laptop", "--threads", "1", "--quick"), shown=False),
        _Step(("report", *folders, "-o", str(out / _REPORT), "--overwrite")),
    ]


def _runs(out: Path, weights: str) -> dict[str, Path]:
    return {name: out / "runs" / f"{name}-{weights}" for name in _TRAINING[weights]}


def _classification(out: Path, run: Path) -> tuple[str, ...]:
    """Arguments that classify one of the test images with the run's smallest engine."""
    from edgeall import runs

    picture = out / "cells" / runs.load(run).split.test[0].name
    (artifact,) = (run / "exports").glob("*_tflite-fp32.tflite")
    return ("classify", str(picture), "--model", str(artifact))


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
        stdout=sys.stderr.fileno() if step.shown else subprocess.DEVNULL,
        check=False,
    )
    if process.returncode not in (0, 1):
        raise EdgeallError(
            f"the demo stopped at 'edgeall {step.argv[0]}', whose message is above; finished steps are kept"
        )
    return process.returncode
