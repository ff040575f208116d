"""How fast `edgeall classify` is beside a short script with the same engine: `make classify-speed ARTIFACT=...`.

The script imports NumPy, Pillow and LiteRT, decodes a JPEG at a reduced scale, resizes it, maps its bytes, runs the
model and prints the score: what a person writes who wants nothing else. Both run on the same two processors, in turns,
each in a process of its own, after a first turn that is not counted; there edgeall checks the engine, if the artifact
has answers for that. Scores must be equal to the last bit.

- One picture: the time from start to end of the process.
- A folder: pictures a second, beside two processes of the script with half of the pictures each.

Intervals are of 95 %, by resampling the turns. The pictures are drawn smears, 2592 x 1944 pixels, JPEG quality 90.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeall import artifact, files
from edgeall.artifact import Artifact
from edgeall.datasets.smear import draw_smear

SIZE = (2592, 1944)
"""Width and height of ALL-IDB1's larger camera."""
DRAWN = 4
"""Smears that are drawn. The other pictures are these, shifted."""
PROCESSORS = 2
FEW = 50
"""Pictures of the shorter folder. What the longer one takes more is without the start."""

TIMED = (sys.executable, "-I", "-S", str(Path(__file__).with_name("timed_processes.py")))

_CHANGED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Variables that make Python compile modules at each start, or write each piece of a line: not as users have it."""

SCRIPT = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
engine = Interpreter(sys.argv[1], num_threads=1)
engine.allocate_tensors()
[given], [made] = engine.get_input_details(), engine.get_output_details()
values, (scale, zero) = np.arange(256) * {scale!r} + {offset!r}, given["quantization"]
if scale:
    limits = np.iinfo(given["dtype"])
    values = np.clip(np.rint(values / scale) + zero, limits.min, limits.max)
table = values.astype(given["dtype"])
for name in sys.argv[2:]:
    with Image.open(name) as picture:
        picture.draft("RGB", ({double}, {double}))
        square = picture.resize(({size}, {size}), Image.Resampling.BILINEAR)
    engine.set_tensor(given["index"], table[np.asarray(square)][None])
    engine.invoke()
    print(engine.get_tensor(made["index"])[0].tolist(), flush=True)
"""

SERIAL = """
import sys, time
from edgeall.cli.main import main
status = main(sys.argv[1:])
print(time.process_time(), time.thread_time(), file=sys.stderr)
sys.exit(status)
"""


@dataclass(frozen=True)
class Turn:
    """What a command took, of one process or several at once.

    Attributes:
        elapsed, processor: seconds.
        peak: of the largest process, resident bytes.
        lines: of standard output, those of the first process first.
        told: last line of standard error of the first process.
    """

    elapsed: float
    processor: float
    peak: int
    lines: tuple[str, ...]
    told: str


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifact", type=Path, help="a TFLite artifact")
    parser.add_argument("--pictures", type=int, default=300, metavar="N", help="in the folder (default: 300)")
    parser.add_argument(
        "--starts", type=int, default=40, metavar="N", help="turns of one picture (default: 40)"
    )
    parser.add_argument(
        "--folders", type=int, default=10, metavar="N", help="turns of the folder (default: 10)"
    )
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])
    with tempfile.TemporaryDirectory(prefix="edgeall-speed-") as scratch:
        table = measured(
            artifact.read(args.artifact), Path(scratch), args.pictures, args.starts, args.folders
        )
    if args.out is None:
        print(table)
    else:
        files.write_text(args.out, table)
    return 0


def measured(model: Artifact, folder: Path, count: int, starts: int, folders: int) -> str:
    """The Markdown text."""
    pictures = draw(folder / "pictures", count)
    script = folder / "script.py"
    script.write_text(script_for(model), encoding="utf-8")
    plain = [sys.executable, str(script), str(model.path)]
    command = Path(sys.executable).with_name("edgeall")
    edgeall = [str(command), "classify", "--model", str(model.path), "--json", "--force"]
    half = count // 2

    one = in_turns(starts, lambda: took([*plain, *pictures[:1]]), lambda: took([*edgeall, *pictures[:1]]))
    whole = in_turns(
        folders,
        lambda: took([*plain, *pictures[:half]], [*plain, *pictures[half:]]),
        lambda: took([*edgeall, str(folder / "pictures")]),
    )
    few = took([*edgeall, *pictures[:FEW]])
    check(model, *whole[0])
    share = serial_share(folder, model, pictures)
    rows = [
        ("one picture, elapsed time", ratio(one, lambda turn: turn.elapsed), "at most 1.15"),
        ("one picture, processor time", ratio(one, lambda turn: turn.processor), ""),
        ("one picture, peak memory", ratio(one, lambda turn: turn.peak), "at most 1.3"),
        (f"{count} pictures, rate", ratio(whole, lambda turn: 1 / turn.elapsed), "at least 0.95"),
        (f"{count} pictures, processor time", ratio(whole, lambda turn: turn.processor), ""),
        (
            f"{count} pictures, peak memory, of one of the two",
            ratio(whole, lambda turn: turn.peak),
            "at most 1.3",
        ),
    ]
    metadata, peak = model.metadata, max(turn.peak for _, turn in whole)
    lines = [
        "# How fast `edgeall classify` is",
        "",
        f"{metadata.provenance.backbone}, {metadata.precision}, in LiteRT, on {PROCESSORS} processors; pictures of "
        f"{SIZE[0]} x {SIZE[1]} pixels. Made by `make classify-speed`: {starts} turns of one picture, {folders} of "
        f"{count}.",
        "",
        "Figures of edgeall, those of the script being 1. All scores were equal.",
        "",
        "| | ratio | 95 % interval | goal |",
        "| --- | ---: | --- | --- |",
        *(
            f"| {name} | {middle:.2f} | {low:.2f} to {high:.2f} | {goal} |"
            for name, (middle, low, high), goal in rows
        ),
        "",
        f"The thread that hands out the answers takes {share:.1%} of the processor time of {count - FEW} more "
        "pictures (goal: at most 1 %); the others work at the same time. Peak memory after "
        f"{count} pictures is {peak / few.peak:.2f} of that after {FEW}.",
    ]
    return "\n".join(lines) + "\n"


def draw(folder: Path, count: int) -> list[str]:
    """Paths of `count` JPEG files, all different."""
    folder.mkdir()
    smears = [draw_smear(np.random.default_rng(seed), seed % 2 == 1, SIZE).pixels for seed in range(DRAWN)]
    paths = []
    for number in range(count):
        shifted = np.roll(smears[number % DRAWN], (37 * number, 91 * number), axis=(0, 1))
        paths.append(str(folder / f"{number:04d}.jpg"))
        Image.fromarray(shifted).save(paths[-1], quality=90)
    return paths


def script_for(model: Artifact) -> str:
    """The script for a model; exits for one that takes more than the script does."""
    pixels = model.metadata.pixels
    if (
        model.metadata.format != "tflite"
        or (pixels.channel_order, pixels.fit, pixels.filter) != ("RGB", "stretch", "bilinear")
        or len({*pixels.scale}) + len({*pixels.offset}) > 2
    ):
        sys.exit(f"{model.path}: the script is for TFLite models with equal channels, such as MobileNetV2")
    return SCRIPT.format(
        scale=pixels.scale[0], offset=pixels.offset[0], size=pixels.size, double=2 * pixels.size
    ).lstrip()


def took(*commands: Sequence[str]) -> Turn:
    """What commands took that begin at once; exits where one fails."""
    asked = json.dumps(commands)
    environment = {key: os.environ[key] for key in os.environ if key not in _CHANGED}
    done = subprocess.run(  # noqa: S603
        TIMED, input=asked, capture_output=True, text=True, check=True, env=environment
    )
    answer = json.loads(done.stdout)
    for command, status, errors in zip(commands, answer["status"], answer["errors"], strict=True):
        if status:
            sys.exit(f"{' '.join(command)}: status {status}\n{errors[-2000:]}")
    lines = tuple(line for output in answer["output"] for line in output.splitlines())
    told = (answer["errors"][0].splitlines() or [""])[-1]
    return Turn(answer["elapsed"], answer["processor"], answer["peak"], lines, told)


def in_turns(count: int, script: Callable[[], Turn], edgeall: Callable[[], Turn]) -> list[tuple[Turn, Turn]]:
    """Turns of both, one after the other, each first in every second turn."""
    script(), edgeall()
    pairs = []
    for turn in range(count):
        if turn % 2:
            second, first = edgeall(), script()
        else:
            first, second = script(), edgeall()
        pairs.append((first, second))
    return pairs


def ratio(pairs: Sequence[tuple[Turn, Turn]], figure: Callable[[Turn], float]) -> tuple[float, float, float]:
    """The median of edgeall's figure by that of the script, and its interval."""
    values = np.array([[figure(script), figure(edgeall)] for script, edgeall in pairs])
    drawn = np.random.default_rng(0).integers(0, len(values), (10_000, len(values)))
    medians = np.median(values[drawn], axis=1)
    low, high = np.percentile(medians[:, 1] / medians[:, 0], [2.5, 97.5])
    middle = np.median(values, axis=0)
    return float(middle[1] / middle[0]), float(low), float(high)


def check(model: Artifact, script: Turn, edgeall: Turn) -> None:
    """Exit where a score of edgeall is not that of the script."""
    decision = model.metadata.decision
    tensors = model.metadata.tensors
    for line, answer in zip(script.lines, edgeall.lines, strict=True):
        raw = np.array([json.loads(line)], np.float32)
        if tensors is not None and tensors.output.scale:
            raw = (raw - tensors.output.zero_point) * np.float32(tensors.output.scale)
        classes = np.concatenate([1 - raw, raw], axis=1) if raw.shape[1] == 1 else raw
        score, given = min(float(decision.scores(classes)[0]), 1.0), json.loads(answer)
        if score != given["score"]:
            sys.exit(f"{given['path']}: edgeall's score is {given['score']}, the script's {score}")


def serial_share(folder: Path, model: Artifact, pictures: Sequence[str]) -> float:
    """Share of the processor time that the thread needs which hands out the answers; without the start."""
    program = folder / "serial.py"
    program.write_text(SERIAL.lstrip(), encoding="utf-8")
    command = [sys.executable, str(program), "classify", "--model", str(model.path), "--json", "--force"]
    few, all_ = (
        np.array(took([*command, *names]).told.split(), float) for names in (pictures[:FEW], pictures)
    )
    process, thread = all_ - few
    return float(thread / process)


if __name__ == "__main__":
    sys.exit(main())
