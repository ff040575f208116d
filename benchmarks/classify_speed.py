"""`edgeall classify` beside a short script with the same engine: what both are, and what they took.

The script imports NumPy, Pillow and LiteRT, decodes a JPEG at a reduced scale, resizes it, maps its bytes, runs the
model and prints the score: what a person writes who wants nothing else. Scores must be equal to the last bit.

The pictures are drawn smears, 2592 x 1944 pixels, JPEG quality 90. `bench/sections/classify.py` measures both.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

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


def draw(folder: Path, count: int) -> list[str]:
    """Paths of `count` JPEG files, all different."""
    folder.mkdir(exist_ok=True)
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


def took(*commands: Sequence[str], good: Sequence[int] = (0,)) -> Turn:
    """What commands took that begin at once; exits where one ends with a status that is not good."""
    asked = json.dumps(commands)
    environment = {key: os.environ[key] for key in os.environ if key not in _CHANGED}
    done = subprocess.run(  # noqa: S603
        TIMED, input=asked, capture_output=True, text=True, check=True, env=environment
    )
    answer = json.loads(done.stdout)
    for command, status, errors in zip(commands, answer["status"], answer["errors"], strict=True):
        if status not in good:
            sys.exit(f"{' '.join(command)}: status {status}\n{errors[-2000:]}")
    lines = tuple(line for output in answer["output"] for line in output.splitlines())
    told = (answer["errors"][0].splitlines() or [""])[-1]
    return Turn(answer["elapsed"], answer["processor"], answer["peak"], lines, told)


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
