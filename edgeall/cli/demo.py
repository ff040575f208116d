"""`edgeall demo`: the whole journey on synthetic smears, by the very commands that a user would give."""

import argparse
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edgeall.cli.display import LEG, Display
from edgeall.errors import EdgeallError


@dataclass(frozen=True)
class _Leg:
    """One command of the journey. `done`: what is there once it has been done; None where the command itself knows."""

    argv: tuple[str, ...]
    done: Path | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "--out", type=Path, default=Path("demo"), metavar="DIR", help="where it works (default: ./demo)"
    )
    parser.add_argument(
        "--weights",
        choices=("random", "imagenet"),
        default="random",
        help="what training starts from; imagenet is downloaded (default: %(default)s, seeded)",
    )
    parser.epilog = "An interrupted demo goes on where it was when the same command is given again."


def run(args: argparse.Namespace, display: Display) -> int:
    """Give the commands one by one; 1 where an artifact failed or did not keep its tolerance."""
    from edgeall import files, reporting, results

    started = time.monotonic()
    legs = _legs(args.out, args.weights)
    statuses = [_travel(leg, f"[{number}/{len(legs)}]", display) for number, leg in enumerate(legs, start=1)]
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


def _legs(out: Path, weights: str) -> list[_Leg]:
    data, runs = out / "data", _runs(out, weights)
    folders = tuple(map(str, runs.values()))
    return [
        _Leg(("data", "synth", str(data)), done=data),
        *(
            _Leg(
                (
                    *("train", str(data), "--backbone", backbone, "--weights", weights),
                    # Enough for drawn smears, and little enough for two cores.
                    *("--epochs", "3", "--views", "4"),
                    *("--out", str(run.parent), "--name", run.name),
                ),
                done=run,
            )
            for backbone, run in runs.items()
        ),
        _Leg(("export", *folders, "--int8")),
        # One thread and three rounds: the default, both thread counts and five rounds, would take three times as long.
        _Leg(("bench", *folders, "--device", "laptop", "--threads", "1", "--quick")),
    ]


def _runs(out: Path, weights: str) -> dict[str, Path]:
    return {name: out / "runs" / f"{name}-{weights}" for name in ("mobilenetv2", "densenet201")}


def _travel(leg: _Leg, label: str, display: Display) -> int:
    """Run one command as a process of its own, so that what it took of memory is free for the next."""
    shown = f"{label} edgeall {shlex.join(leg.argv)}"
    if leg.done is not None and leg.done.exists():
        display.note(f"{shown}: done before")
        return 0
    display.note(shown)
    process = subprocess.run(  # noqa: S603 - our own command, no shell
        [sys.executable, "-m", "edgeall", *leg.argv],
        env=os.environ | {LEG: label},
        # Standard output is for the demo's own result.
        stdout=sys.stderr.fileno() if leg.argv[0] != "bench" else subprocess.DEVNULL,
        check=False,
    )
    if process.returncode not in (0, 1):
        raise EdgeallError(
            f"the demo stopped at 'edgeall {leg.argv[0]}', whose message is above; what was finished is kept"
        )
    return process.returncode
