"""`edgeall export`: runs to artifacts."""

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
"""What the images of all folds show of each recipe, by the folder of the folds."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="*",
        type=Path,
        help="folders of runs, of ensembles, or of folds (NAME.folds), whose validation images are pooled as well "
        "(default: all runs in ./runs)",
    )
    parser.add_argument(
        "--int8", action="store_true", help="INT8 artifacts too, calibrated on training images"
    )
    parser.add_argument(
        "--int8-method",
        default="auto",
        metavar="METHOD",
        help="ptq: the format's own calibration alone; qat: quantization-aware training from labels alone; auto "
        "(default): the format's own calibration and the one INT8 model for all formats are compared, by the gate and "
        "then by time, and where all fail the latter is trained",
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
        help="unlabelled pictures of where the model will be used: INT8 is compared with float on them too",
    )
    parser.add_argument("--fp16", action="store_true", help="float16 artifacts too")
    parser.add_argument(
        "--format", default=",".join(FORMATS), help="formats, separated by commas (default: %(default)s)"
    )
    parser.add_argument(
        "--recipe",
        action="append",
        metavar="NAME|FILE",
        help="a recipe by name or TOML file, instead of --int8, --fp16 and --format; may be repeated",
    )
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="also write what INT8 costs each layer of each run, as CSV and a picture in its exports/",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the runs' images are now")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="conversions at once (default: by cores and memory)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace artifacts made from other inputs")
    parser.epilog = (
        "Exit status: 0 every artifact passed its gate or is unproven, 1 one failed it or could not be made, 2 none "
        "was made."
    )


def run(args: argparse.Namespace, display: Display) -> int:
    """Export; 1 where an artifact could not be made or failed its gate, each named."""
    from edgeall import exporting

    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least 1")
    if args.data is not None and not args.data.is_dir():
        raise UsageError(f"--data {args.data}: no such folder")
    recipes = _recipes(args)
    if args.calibration is not None and not any(recipe.calibration for recipe in recipes):
        raise UsageError("--calibration is for INT8, and none is asked for: add --int8, or a recipe of it")
    if args.also is not None and not any(recipe.precision == "int8" for recipe in recipes):
        raise UsageError("--also is for INT8, and none is asked for: add --int8, or a recipe of it")
    named = {path: _runs_of(path) for path in args.runs}
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

    # Of the model that formats share, so any format's recipe will do.
    recipe, written = exporting.load_recipe("tflite-int8"), []
    for run in found:
        table, picture = exporting.write_sensitivity(run, recipe, options, progress=display)
        display.note(f"{run.name}: layers by what INT8 costs them in {table} and {picture.name}")
        written.append(
            {"run": run.name, "csv": os.path.normpath(table), "picture": os.path.normpath(picture)}
        )
    return written


def _recipes(args: argparse.Namespace) -> "list[Recipe]":
    from edgeall import exporting

    if args.recipe:
        if args.int8 or args.fp16:
            raise UsageError("--recipe says the precision itself: leave out --int8 and --fp16")
        return [exporting.load_recipe(name) for name in dict.fromkeys(args.recipe)]
    precisions: list[Precision] = ["float32"]
    precisions += ["float16"] if args.fp16 else []
    precisions += ["int8"] if args.int8 else []
    return exporting.choose([name.strip() for name in args.format.split(",")], precisions)


def _usable_here(entry: dict[str, object]) -> dict[str, object]:
    return entry | {"path": os.path.normpath(str(entry["path"]))}


def _status(outcome: "ExportOutcome", pooled: Pooled, of_folds: "Sequence[Run]", display: Display) -> int:
    for failure in outcome.failures:
        display.error(f"{failure.run} {failure.recipe}: {failure.error}")
    pools = {run.exports.resolve() for run in of_folds}
    for exported in outcome.exported:
        _tell(exported, exported.path.parent.resolve() in pools, display)
    together = [(path, each) for path, parities in pooled.items() for each in parities]
    for path, each in together:
        _tell_pooled(path, each, display)
    if not outcome.exported:
        return 2
    gates = [each.parity for each in outcome.exported] + [each.parity for _, each in together]
    return 1 if outcome.failures or any(parity.word == "failed" for parity in gates) else 0


def _tell(exported: "Exported", pools: bool, display: Display) -> None:
    """What a user must know of an artifact before relying on it. `pools`: it is of a fold that is pooled already."""
    from edgeall.statistics import LEAST_GAIN

    parity, speed = exported.parity, exported.speed
    if parity.word == "failed":
        display.error(f"{exported.path}: parity {words.failed(parity)}")
    elif parity.word == "unproven":
        display.warn(f"{exported.path}: parity {words.unproven(parity)}{'' if pools else _POOLS}")
    if speed is not None and not speed.worth_it:
        ends = (
            ""
            if speed.low is None or speed.high is None
            else f" (95 % interval {speed.low:.2f} to {speed.high:.2f})"
        )
        display.warn(
            f"{exported.path}: takes {speed.ratio:.2f} times as long as its float32{ends} on {speed.processor}: less "
            f"than {LEAST_GAIN:g} times as fast, so that INT8 is not worth it there"
        )


_POOLS = "; 'edgeall train --folds K' and then 'edgeall export NAME.folds' pool the images of all folds"


def _tell_pooled(folder: Path, pooled: "PooledParity", display: Display) -> None:
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
