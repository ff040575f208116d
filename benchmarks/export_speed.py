"""What nine artifacts of a run cost by one `edgeall export`, and by nine: `make export-speed [RUN=...]`.

Three formats by float32, float16 and INT8 (calibrated alone, so that all ways make the same). Each way starts from a
fresh copy of the run. Besides elapsed time, which other work on the machine stretches, the processor's seconds are
counted: of the command and all that it started. Without a run, one is made: MobileNetV2 at 96 pixels, drawn smears.

The bare converter calls represent nine separate scripts: each loads the Keras model, exports what its converter reads
and converts it, without checking what came out.
"""

import argparse
import json
import os
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

from edgeall import artifact, files, runs
from edgeall.exporting import calibration_images, load_recipe, source_models
from edgeall.exporting.exporter import exporter

RECIPES = [
    f"{format}-{kind}" for format in ("tflite", "onnx", "openvino") for kind in ("fp32", "fp16", "int8")
]
EDGEALL = (sys.executable, "-m", "edgeall")
NINE = ("--int8", "--fp16", "--int8-method", "ptq")


@dataclass(frozen=True)
class Cost:
    """Elapsed and processor seconds, and the recipes of what was made anew."""

    elapsed: float
    processor: float
    made: tuple[str, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.elapsed + other.elapsed, self.processor + other.processor, self.made + other.made)


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="a run folder; default: one is made")
    parser.add_argument("--out", type=Path, help="Markdown file; default: standard output")
    parser.add_argument("--bare", nargs=2, metavar=("RUN", "RECIPE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bare:
        convert_bare(Path(args.bare[0]), args.bare[1])
        return 0
    with tempfile.TemporaryDirectory(prefix="edgeall-speed-") as scratch:
        folder = Path(scratch)
        table = measured(make_run(folder) if args.run is None else args.run, folder)
    if args.out is None:
        print(table)
    else:
        files.write_text(args.out, table)
    return 0


def measured(given: Path, folder: Path) -> str:
    """The Markdown text."""
    run = copied(given, folder / "together")
    together = export(run, *NINE)
    again = export(run, *NINE)
    own = folder / "calibration"
    for member in runs.load(run).split.val[:40]:
        target = own / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(runs.load(run).data.root / member.name, target)
    other = export(run, *NINE, "--calibration", str(own), "--overwrite")
    alone = Cost(0, 0)
    for recipe in RECIPES:
        alone += export(copied(given, folder / recipe), "--recipe", recipe, "--int8-method", "ptq")
    bare = Cost(0, 0)
    for recipe in RECIPES:
        bare += replace(took([sys.executable, __file__, "--bare", str(run), recipe])[0], made=(recipe,))
    rows: list[tuple[str, Cost]] = [
        ("nine artifacts by one `edgeall export`", together),
        ("nine `edgeall export --recipe ...`, each alone", alone),
        ("nine bare converter calls, nothing checked", bare),
        ("the same export again, nothing changed", again),
        ("the same with another calibration set", other),
    ]
    about = runs.load(run)
    lines = [
        "# What an export costs",
        "",
        f"{about.backbone} at {about.pixels.size} pixels, {len(os.sched_getaffinity(0))} cores: "
        "read the figures as ratios. Made by `python benchmarks/export_speed.py`.",
        "",
        "| | s | of one export | processor s | of one export | made anew |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {name} | {cost.elapsed:.1f} | {cost.elapsed / together.elapsed:.2f} | {cost.processor:.1f} | "
            f"{cost.processor / together.processor:.2f} | {', '.join(cost.made) or 'nothing'} |"
            for name, cost in ((name, whole(cost)) for name, cost in rows)
        ),
    ]
    return "\n".join(lines) + "\n"


def whole(cost: Cost) -> Cost:
    """The cost, with "all nine" in place of nine recipes."""
    return replace(cost, made=("all nine",)) if len(cost.made) == len(RECIPES) else cost


def export(run: Path, *options: str) -> Cost:
    """One command; a failed gate (status 1) is not an error here."""
    cost, words = took([*EDGEALL, "export", str(run), *options, "--json"], (0, 1))
    made = [each["recipe"] for each in json.loads(words)["artifacts"] if not each["cached"]]
    return replace(cost, made=tuple(made))


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


def make_run(folder: Path) -> Path:
    """MobileNetV2 with random weights and a trained head, at 96 pixels, on drawn smears."""
    took([*EDGEALL, "data", "synth", str(folder / "smears"), "--size", "320x240"])
    settings = ("--backbone", "mobilenetv2", "--input-size", "96", "--epochs", "0", "--head-epochs", "20")
    where = ("--out", str(folder / "runs"), "--name", "mobilenetv2")
    took([*EDGEALL, "train", str(folder / "smears"), *settings, *where])
    return folder / "runs" / "mobilenetv2"


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
        assert np.load(made.reference).size


if __name__ == "__main__":
    sys.exit(main())
