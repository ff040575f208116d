"""How fast `edgeall watch` is beside `edgeall classify`, and what memory it takes: `make watch-speed ARTIFACT=...`.

Both run on one processor, in turns, on the same folder of pictures, each in a process of its own. The start of the
process is left out: what counts is the time that all pictures take more than a few. A watcher begins a new log in each
turn; it takes files for finished at once (`--settle 0`), because waiting for a camera is no work. Answers are compared.

Memory is that of one watcher after all pictures: the proportional set size (PSS) of /proc/PID/smaps_rollup, in which
pages that processes share are counted in parts, and the peak of its resident pages.

Intervals are of 95 %, over turns. The pictures are drawn smears, 2592 x 1944 pixels, JPEG quality 90.
"""

import argparse
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.ratios import ratio
from classify_speed import FEW, SIZE, Turn, draw, took

from edgeall import artifact, files
from edgeall.artifact import Artifact
from edgeall.statistics import Estimate

DISTINCT = 20
"""Pictures that are drawn."""
MOST_BYTES = 150_000_000
"""The goal for the PSS of a watcher."""


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="a TFLite artifact")
    parser.add_argument("--pictures", type=int, default=300, metavar="N", help="in the folder (default: 300)")
    parser.add_argument("--turns", type=int, default=6, metavar="N", help="of each command (default: 6)")
    parser.add_argument(
        "--memory", type=int, default=1000, metavar="N", help="pictures before memory is read (default: 1000)"
    )
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory(prefix="edgeall-watch-") as scratch:
        table = measured(artifact.read(args.artifact), Path(scratch), args.pictures, args.turns, args.memory)
    if args.out is None:
        print(table)
    else:
        files.write_text(args.out, table)
    return 0


def measured(model: Artifact, folder: Path, count: int, turns: int, most: int) -> str:
    """The Markdown text."""
    load = os.getloadavg()
    pictures = many(folder, max(count, most))
    linked(folder / "some", pictures[:count])
    linked(folder / "few", pictures[:FEW])
    logs = (folder / f"log{number}.db" for number in itertools.count())
    pairs = [turn(model, folder, logs, first_watch=bool(number % 2)) for number in range(-1, turns)][1:]
    rate = over_turns(pairs, lambda each: 1 / each.elapsed)
    processor = over_turns(pairs, lambda each: each.processor)
    pss, peak = memory(model, folder / "all", next(logs), max(count, most))
    speed = (count - FEW) * len(pairs) / sum(watched.elapsed for _, watched in pairs)
    metadata = model.metadata
    lines = [
        "# How fast `edgeall watch` is",
        "",
        f"{metadata.provenance.backbone}, {metadata.precision}, in LiteRT, on one processor; pictures of "
        f"{SIZE[0]} x {SIZE[1]} pixels. Made by `make watch-speed`: {turns} turns of {count} pictures.",
        "",
        "| | figure | goal |",
        "| --- | ---: | --- |",
        f"| rate, that of `classify` being 1 (95 % interval) | {in_words(rate)} | at least 0.9 |",
        f"| processor time, that of `classify` being 1 | {in_words(processor)} | at most 1.11 |",
        f"| pictures a second | {speed:.1f} | |",
        f"| PSS after {max(count, most)} pictures, MB | {pss / 1e6:.0f} | at most {MOST_BYTES / 1e6:.0f} |",
        f"| peak of resident pages, MB | {peak / 1e6:.0f} | |",
        "",
        f"The machine's load was {load[0]:.1f} when this began and {os.getloadavg()[0]:.1f} when it ended, on "
        f"{os.cpu_count()} processors.",
    ]
    return "\n".join(lines) + "\n"


def many(folder: Path, count: int) -> list[Path]:
    """JPEG files in the folder "all", no two of equal bytes: some that are drawn, with numbers after their ends."""
    drawn = [Path(path).read_bytes() for path in draw(folder / "drawn", DISTINCT)]
    (folder / "all").mkdir()
    paths = [folder / "all" / f"{number:05}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(drawn[number % DISTINCT] + number.to_bytes(4, "big"))
    return paths


def linked(folder: Path, pictures: list[Path]) -> None:
    """A folder with these files under their names."""
    folder.mkdir()
    for path in pictures:
        (folder / path.name).hardlink_to(path)


def over_turns(pairs: Sequence[tuple[Turn, Turn]], figure: Callable[[Turn], float]) -> Estimate:
    """A figure of `watch` by that of `classify`."""
    classified, watched = zip(*((figure(one), figure(other)) for one, other in pairs), strict=True)
    return ratio(watched, classified)


def in_words(figure: Estimate) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def turn(model: Artifact, folder: Path, logs: Iterator[Path], first_watch: bool) -> tuple[Turn, Turn]:
    """What all pictures took more than a few, of `classify` and `watch`; exits where their answers differ."""

    def classify() -> Turn:
        done = [took([*command("classify", model), str(folder / name)]) for name in ("some", "few")]
        answers["classify"] = done[0]
        return more(*done)

    def watch() -> Turn:
        once = ("--once", "--settle", "0", "--every", "0", "--log")
        done = [
            took([*command("watch", model), str(folder / name), *once, str(next(logs))])
            for name in ("some", "few")
        ]
        answers["watch"] = done[0]
        return more(*done)

    answers: dict[str, Turn] = {}
    if first_watch:
        watched, classified = watch(), classify()
    else:
        classified, watched = classify(), watch()
    one, other = (scores(answers[name]) for name in ("classify", "watch"))
    if one != other:
        sys.exit("watch gave other answers than classify")
    return classified, watched


def command(name: str, model: Artifact) -> list[str]:
    edgeall = Path(sys.executable).with_name("edgeall")
    return [str(edgeall), name, "--model", str(model.path), "--json", "--force"]


def scores(turn: Turn) -> dict[str, float]:
    return {each["path"]: each["score"] for each in map(json.loads, turn.lines)}


def memory(model: Artifact, folder: Path, log: Path, count: int) -> tuple[int, int]:
    """PSS and peak of resident bytes of a watcher that has decided `count` pictures."""
    arguments = [*command("watch", model), str(folder), "--settle", "0", "--log", str(log)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for _ in range(count):
            process.stdout.readline()
        place = Path(f"/proc/{process.pid}")
        pss = _kilobytes(place / "smaps_rollup", "Pss")
        peak = _kilobytes(place / "status", "VmHWM")
        process.send_signal(signal.SIGTERM)
    return pss * 1024, peak * 1024


def _kilobytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", path.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None, f"{path} does not tell {name}"
    return int(found[1])


def more(all_: Turn, few: Turn) -> Turn:
    return replace(all_, elapsed=all_.elapsed - few.elapsed, processor=all_.processor - few.processor)


if __name__ == "__main__":
    sys.exit(main())
