"""What exports of a run cost: by `edgeall export`, and by bare converter calls.

    python benchmarks/export_speed.py RUN RECIPE      # one bare converter call, in this process

A bare call stands for a script of its own: it loads the Keras model, exports what its converter reads and converts it,
without checking what came out. `bench/sections/export.py` measures both.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeall import artifact, runs
from edgeall.exporting import calibration_images, load_recipe, source_models
from edgeall.exporting.exporter import exporter

RECIPES = [
    f"{format}-{kind}" for format in ("tflite", "onnx", "openvino") for kind in ("fp32", "fp16", "int8")
]
EDGEALL = (sys.executable, "-m", "edgeall")


@dataclass(frozen=True)
class Cost:
    """Elapsed and processor seconds of a command and all that it started, and the recipes of what was made anew."""

    elapsed: float
    processor: float
    made: tuple[str, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.elapsed + other.elapsed, self.processor + other.processor, self.made + other.made)


def export(run: Path, recipes: Sequence[str], *options: str) -> Cost:
    """One `edgeall export`, INT8 calibrated alone; a failed gate (status 1) is not an error here."""
    chosen = [word for recipe in recipes for word in ("--recipe", recipe)]
    cost, words = took(
        [*EDGEALL, "export", str(run), *chosen, "--int8-method", "ptq", "--json", *options], (0, 1)
    )
    made = [each["recipe"] for each in json.loads(words)["artifacts"] if not each["cached"]]
    return replace(cost, made=tuple(made))


def bare(run: Path, recipes: Sequence[str]) -> Cost:
    """A bare converter call for each recipe, one after the other."""
    cost = Cost(0, 0)
    for recipe in recipes:
        cost += replace(took([sys.executable, __file__, str(run), recipe])[0], made=(recipe,))
    return cost


def took(command: Sequence[str], good: tuple[int, ...] = (0,)) -> tuple[Cost, str]:
    """What a command took and printed; exits where it fails."""
    before, started = _processor(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    cost = Cost(time.monotonic() - started, _processor() - before)
    if done.returncode not in good:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return cost, done.stdout


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def copied(run: Path, target: Path) -> Path:
    """A copy of a run without its exports."""
    place = target / runs.load(run).name
    shutil.copytree(run, place, ignore=shutil.ignore_patterns("exports", "bench"))
    return place


def convert_bare(path: Path, name: str) -> None:
    """One converter call from the Keras model on, in this process, as a script of its own would do it."""
    run, recipe = runs.load(path), load_recipe(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made, images = source_models.Sources(folder, run.pixels), None
        calibration_images.decode(run, "val", run.split.val[:1], made.images())
        if recipe.calibration is not None:
            images = folder / "calibration.npy"
            chosen = calibration_images.select(
                run.split.train, recipe.calibration.images, recipe.calibration.seed
            )
            calibration_images.decode(run, "train", chosen, images)
        format = exporter(recipe.format)
        source_models.write_reference(run, made)
        for need in format.NEEDS:
            source_models.INTERMEDIATES[need](made)
        out = folder / f"converted{artifact.suffix_of(recipe.format)}"
        format.convert(made, recipe, images, out)
        with np.load(made.reference) as answers:
            assert all(answers[name].size for name in answers.files)


if __name__ == "__main__":
    convert_bare(Path(sys.argv[1]), sys.argv[2])
