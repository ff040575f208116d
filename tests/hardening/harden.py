"""All campaigns, one kind after the other: `python tests/hardening/harden.py [--full] [--minutes N] [KIND ...]`.

Without `--full`, a sample in 30 minutes. With it, the figures of SECURITY.md; an interrupted call goes on where it was.
Progress is kept in `.hardening/`, which Git ignores; `--again` begins anew.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "stability"), str(PROJECT)]

from campaign import Kind, Progress, child, run  # noqa: E402

KINDS = {
    "pictures": "damaged_pictures.DamagedPictures",
    "artifacts": "damaged_artifacts.DamagedArtifacts",
    "steps": "stopped_steps.StoppedSteps",
    "boards": "hostile_boards.HostileBoards",
    "disks": "full_disks.FullDisks",
    "kills": "random_kills.RandomKills",
    "links": "cut_links.CutLinks",
    "documents": "damaged_documents.DamagedDocuments",
    "keras": "damaged_keras.DamagedKeras",
}
"""Classes by the name of a kind; each is imported in the process that needs it."""


def kind_of(name: str) -> type[Kind]:
    """The class by the name of a kind, or by its module and name."""
    module, _, cls = KINDS.get(name, name).partition(".")
    found: type[Kind] = getattr(importlib.import_module(module), cls)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"{', '.join(KINDS)} (default: all)")
    parser.add_argument("--full", action="store_true", help="the figures of SECURITY.md, in hours")
    parser.add_argument("--minutes", type=float, help="stop after so many (default: 30, with --full none)")
    parser.add_argument(
        "--slower",
        type=float,
        default=1.0,
        metavar="N",
        help="the machine does other work: N times as patient",
    )
    parser.add_argument("--again", action="store_true", help="forget what was tried")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".hardening", help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        name, start, count, folder = args.child
        place = Path(folder) / f"{name}-work"
        place.mkdir(parents=True, exist_ok=True)
        child(kind_of(name), place, int(start), int(count))
        return 0
    folder = args.folder / ("full" if args.full else "sample")
    names = args.kinds or list(KINDS)
    if args.again or not args.full:
        for name in names:
            (folder / f"{name}.json").unlink(missing_ok=True)
            shutil.rmtree(folder / f"{name}-work", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _prepare(args.folder)
    minutes = args.minutes or (float("inf") if args.full else 30)
    end, done = time.monotonic() + 60 * minutes, []
    for number, name in enumerate(names):
        kind = kind_of(name)
        # What one kind leaves of its time, the next ones have.
        until = time.monotonic() + (end - time.monotonic()) / (len(names) - number)
        progress = run(name, kind, folder, kind.full if args.full else kind.sample, until, args.slower)
        print(_line(name, progress, kind), flush=True)
        done.append(progress)
    print(_summary(dict(zip(names, done, strict=True))))
    for progress in done:
        for finding in progress.findings:
            print(f"{progress.path.stem} {finding}")
    return 1 if any(progress.findings for progress in done) else 0


def _prepare(folder: Path) -> None:
    """The small network, made once, in a process of its own, because TensorFlow takes a lot of memory."""
    models = folder / "models"
    if "EDGEALL_TEST_MODELS" not in os.environ:
        if not (models / "mobile" / "model.json").is_file():
            print("making the small networks, a minute or two", flush=True)
            command = [sys.executable, "-m", "small_models", str(models)]
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(sys.path[:4]),
                "TF_ENABLE_ONEDNN_OPTS": "1",
            }
            subprocess.run(command, check=True, capture_output=True, env=environment)
        os.environ["EDGEALL_TEST_MODELS"] = str(models)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:4])


def _line(name: str, progress: Progress, kind: type[Kind]) -> str:
    if progress.missing:
        return f"{name}: not tried: {progress.missing}"
    parts = sum(count for word, count in progress.outcomes.items() if word != "FINDING")
    each = f" with {parts} {kind.parts}" if kind.parts else ""
    outcomes = ", ".join(f"{count} {word}" for word, count in sorted(progress.outcomes.items()))
    return (
        f"{name}: {progress.tried} of {kind.full} tried{each}, {len(progress.findings)} findings; largest process "
        f"{progress.largest_mb:.0f} MB, longest trial {progress.longest_seconds:.1f} s, longest without progress "
        f"{progress.longest_silence:.1f} s ({outcomes})"
    )


def _summary(done: dict[str, Progress]) -> str:
    bounded = [name for name in done if kind_of(name).bounded]
    memory = max((done[name].largest_mb for name in bounded), default=0.0)
    return (
        f"all: {sum(each.tried for each in done.values())} tried, "
        f"{sum(len(each.findings) for each in done.values())} findings; longest without progress "
        f"{max(each.longest_silence for each in done.values()):.1f} s; largest process of "
        f"{', '.join(bounded) or 'none whose memory is bounded'}: {memory:.0f} MB"
    )


if __name__ == "__main__":
    raise SystemExit(main())
