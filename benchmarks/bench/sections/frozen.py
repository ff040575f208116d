"""A head trained on features that a frozen base computed once, beside training through the base."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from statistics import median

from bench.ratios import ratio
from bench.rounds import Figures
from bench.section import Bench, Goal, Row
from edgeall import training

NAME = "frozen"
TITLE = "A head on a frozen base"
EPOCHS, VIEWS = 50, training.TrainingSettings("mobilenetv2").views
ABOUT = f"""The default head phase computes the features of {VIEWS} augmented views once and trains the head on them for
{EPOCHS} epochs. Keras's `fit` passes every image through the frozen base in every epoch: `train_on_batch` with the same
batches, optimizer and class weights. A round measures one view, one epoch through the base, and all epochs of the head,
in one process, view and epoch in turn first. Times of {VIEWS} views and of {EPOCHS} epochs are multiples of these: they
are not run in full. Neither counts validation images, nor tracing a network.

Were a view to take as long as an epoch, no more than {EPOCHS / VIEWS:g} could be saved.

Goal: at least 10 times as fast."""

SCRIPT = Path(__file__).resolve().parents[2] / "frozen_features.py"


def lacking(options: Mapping[str, Path], shared: Path) -> str | None:
    return None


def basis(options: Mapping[str, Path], quick: bool) -> Mapping[str, str]:
    return {name: metadata.version(name) for name in ("tensorflow-cpu", "keras")}


def measure(bench: Bench) -> Iterator[Row]:
    backbone, size, images, count = (
        ("mobilenetv2", 96, 64, 3) if bench.quick else ("densenet201", 224, 150, 6)
    )
    case = f"{backbone} at {size}, {images} images"
    numbers = itertools.count(bench.rounds.finished(case))

    def once() -> Figures:
        first = ("view", "epoch")[next(numbers) % 2]
        command = [
            *(sys.executable, str(SCRIPT), "--backbone", backbone, "--size", str(size)),
            *("--images", str(images), "--epochs", str(EPOCHS), "--first", first),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        found: Figures = json.loads(done.stdout)
        return found

    found = bench.rounds.measure(case, count, {"both": once})["both"]
    ours = [VIEWS * each["view"] + each["head"] for each in found]
    fit = [EPOCHS * each["epoch"] for each in found]
    one = [each["view"] + each["head"] for each in found]
    title = training.BACKBONES[backbone].title
    speed = Row(
        f"{title} at {size} pixels, {images} images: how many times as fast", median(ours), median(fit), "fit", "s",
        ratio(fit, ours), count, None if bench.quick else Goal(least=10),
        note=f"a view took {median(e['view'] for e in found):.3g} s, an epoch through the base "
        f"{median(e['epoch'] for e in found):.3g} s, all of the head {median(e['head'] for e in found):.3g} s",
    )  # fmt: skip
    yield speed
    yield Row("the same with one view", median(one), median(fit), "fit", "s", ratio(fit, one), count)
