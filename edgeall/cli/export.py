"""`edgeall export`: exports runs to artifacts."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall import runs
from edgeall.artifact import FORMATS, Precision
from edgeall.cli import outcome as words
from edgeall.cli.display import Display
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.exporting import Exported, ExportOutcome, Options, Recipe
    from edgeall.exporting.calibration_images import GivenImages
    from edgeall.exporting.pooling import PooledParity
    from edgeall.runs import Run

Pooled = Mapping[Path, Sequence["PooledParity"]]
"""Pooled parity of each recipe over the images of all folds, by the folder of the folds."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="*",
        type=Path,
        help="folders (or names under ./runs) of runs, of ensembles, or of folds (NAME.folds), whose validation "
        "images are pooled as well (default: all runs in ./runs)",
    )
    parser.add_argument(
        "--int8", action="store_true", help="also export INT8 artifacts, calibrated on training images"
    )
    parser.add_argument(
        "--int8-method",
        default="auto",
        metavar="METHOD",
        help="ptq: the format's own calibration alone; qat: quantization-aware training from labels alone; auto "
        "(default): the format's own calibration and the one INT8 model for all formats are compared, by the gate and "
        "then by time, and where the latter fails and none passes it is trained",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="DIR",
        help="images to calibrate INT8 on, instead of the runs' training images",
    )
    parser.add_argument(
        "--also",
        type=Path,
        metavar="DIR",
        help="unlabelled pictures from where the model will be used, on which INT8 is also compared with float",
    )
    parser.add_argument("--fp16", action="store_true", help="also export float16 artifacts")
    parser.add_argument(
        "--format", default=",".join(FORMATS), help="formats, separated by commas (default: %(default)s)"
    )
    parser.add_argument(
        "--recipe",
        action="append",
        metavar="NAME|FILE",
        help="a recipe by name or TOML file, instead of --int8, --fp16 and --format; can be repeated",
    )
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="also write the sensitivity of each layer of each run to INT8, as CSV and a plot in its exports/",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the runs' images, if it was moved"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="parallel conversions (default: by cores and memory)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace artifacts made from other inputs")
    parser.epilog = (
        "Exit status: 0 every artifact passed its gate or is unproven, 1 one failed it or could not be made, 2 none "
        "was made."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Export, and name each artifact that could not be made or failed its gate; 1 if there are any."""
    from edgeall import exporting

    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least 1")
    if args.data is not None and not args.data.is_dir():
        raise UsageError(f"--data {args.data}: no such folder")
    recipes = _recipes(args)
    if args.calibration is not None and not any(recipe.calibration for recipe in recipes):
        raise UsageError("--calibration is for INT8 artifacts: add --int8, or an INT8 recipe")
    if args.also is not None and not any(recipe.precision == "int8" for recipe in recipes):
        raise UsageError("--also is for INT8 artifacts: add --int8, or an INT8 recipe")
    named = {path: _runs_of(path) for path in map(runs.folder_of, args.runs)}
    every = [run for members in named.values() for run in members]
    found = list({run.path.resolve(): run for run in every}.values()) or runs.find()
    size = max(run.pixels.size for run in found)
    calibration = _pictures(args.calibration, size, "--calibration", display)
    also = _pictures(args.also, size, "--also", display)
    options = exporting.Options(args.overwrite, args.data, calibration, args.int8_method, also)
    outcome = exporting.export_runs(found, recipes, options, jobs=args.jobs, progress=display)
    folds = {path: members for path, members in named.items() if runs.is_folds(path)}
    pooled = {path: _pooled(path, members, outcome, recipes) for path, members in folds.items()}
    written = _sensitivity(found, options, display) if args.sensitivity else []
    display.emit(
        {
            "artifacts": [_usable_here(exported.to_dict()) for exported in outcome.exported],
            "failures": [vars(failure) for failure in outcome.failures],
            "pooled": [
                {"folder": os.path.normpath(path)} | each.to_dict()
                for path, parities in pooled.items()
                for each in parities
            ],
            **({"sensitivity": written} if args.sensitivity else {}),
        }
    )
    if outcome.exported:
        display.show(*_tables(outcome.exported, pooled))
    return _status(outcome, pooled, [run for members in folds.values() for run in members], display)


def _runs_of(path: Path) -> "list[Run]":
    from edgeall.ensembling import member_runs

    return runs.of_folds(path) if runs.is_folds(path) else member_runs(path)


def _pictures(folder: Path | None, size: int, option: str, display: Display) -> "GivenImages | None":
    from edgeall import exporting

    if folder is None:
        return None
    given = exporting.read_folder(folder, size, option)
    for note in given.notes:
        display.note(f"{option}: {note}")
    return given


def _pooled(
    folder: Path, members: "Sequence[Run]", outcome: "ExportOutcome", recipes: "Sequence[Recipe]"
) -> "list[PooledParity]":
    from edgeall.exporting.pooling import pool

    places = {run.exports.resolve() for run in members}
    mine = [each for each in outcome.exported if each.path.parent.resolve() in places]
    return pool(mine, recipes, folder)


def _sensitivity(found: "list[Run]", options: "Options", display: Display) -> list[dict[str, str]]:
    from edgeall import exporting

    # Formats share the model, so that any format's INT8 recipe gives the same result.
    recipe, written = exporting.load_recipe("tflite-int8"), []
    for run in found:
        table, picture = exporting.write_sensitivity(run, recipe, options, progress=display)
        display.note(f"{run.name}: sensitivity of layers to INT8 in {table} and {picture.name}")
        written.append(
            {"run": run.name, "csv": os.path.normpath(table), "picture": os.path.normpath(picture)}
        )
    return written


def _recipes(args: argparse.Namespace) -> "list[Recipe]":
    from edgeall import exporting

    if args.recipe:
        if args.int8 or args.fp16:
            raise UsageError("--recipe includes the precision: leave out --int8 and --fp16")
        return [exporting.load_recipe(name) for name in dict.fromkeys(args.recipe)]
    precisions: list[Precision] = ["float32"]
    precisions += ["float16"] if args.fp16 else []
    precisions += ["int8"] if args.int8 else []
    return exporting.choose([name.strip() for name in args.format.split(",")], precisions)


def _usable_here(entry: dict[str, object]) -> dict[str, object]:
    return entry | {"path": os.path.normpath(str(entry["path"]))}


def _status(outcome: "ExportOutcome", pooled: Pooled, folds: "Sequence[Run]", display: Display) -> int:
    for failure in outcome.failures:
        display.error(f"{failure.run} {failure.recipe}: {failure.error}")
    pools = {run.exports.resolve() for run in folds}
    for exported in outcome.exported:
        _warn(exported, exported.path.parent.resolve() in pools, display)
    of_folds = [(path, each) for path, parities in pooled.items() for each in parities]
    for path, each in of_folds:
        _warn_of_pooled(path, each, display)
    if not outcome.exported:
        return 2
    gates = [each.parity for each in outcome.exported] + [each.parity for _, each in of_folds]
    return 1 if outcome.failures or any(parity.word == "failed" for parity in gates) else 0


def _warn(exported: "Exported", pooled: bool, display: Display) -> None:
    """Print the caveats of an artifact. `pooled`: whether its run is a fold whose images are pooled already."""
    from edgeall.statistics import LEAST_GAIN

    parity, speed = exported.parity, exported.speed
    if parity.word == "failed":
        display.error(f"{exported.path}: parity {words.failed(parity)}")
    elif parity.word == "unproven":
        display.warn(f"{exported.path}: parity {words.unproven(parity)}{'' if pooled else _POOL_HINT}")
    if speed is not None and not speed.worth_it:
        ends = (
            ""
            if speed.low is None or speed.high is None
            else f" (95 % interval {speed.low:.2f} to {speed.high:.2f})"
        )
        display.warn(
            f"{exported.path}: takes {speed.ratio:.2f} times as long as float32{ends} on {speed.processor}: INT8 is "
            f"less than {LEAST_GAIN:g} times as fast and not recommended there"
        )


_POOL_HINT = "; 'edgeall train --folds K' and then 'edgeall export NAME.folds' pool the images of all folds"


def _warn_of_pooled(folder: Path, pooled: "PooledParity", display: Display) -> None:
    name, parity = f"{folder}, {pooled.recipe}, {len(pooled.runs)} folds pooled", pooled.parity
    if parity.word == "failed":
        display.error(f"{name}: parity {words.failed(parity)}")
    elif parity.word == "unproven":
        display.warn(f"{name}: parity {words.unproven(parity)}")


def _tables(exported: "Sequence[Exported]", pooled: Pooled) -> list[Any]:
    """What there is to show of artifacts, most important first."""
    from edgeall.cli import export_tables

    tables = [export_tables.artifacts(exported)]
    tables += [export_tables.pooled(path, parities) for path, parities in pooled.items() if parities]
    shifted = [each for each in exported if each.parity.shifts]
    return [*tables, export_tables.shifts(shifted)] if shifted else tables
