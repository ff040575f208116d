"""`edgeall export`: runs to artifacts."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgeall import runs
from edgeall.artifact import FORMATS, Precision
from edgeall.cli.display import Display
from edgeall.errors import UsageError

if TYPE_CHECKING:
    from edgeall.artifact import Parity
    from edgeall.exporting import Options, Outcome, Recipe
    from edgeall.runs import Run

_AGREEMENT = 0.98
"""Share of verdicts as in float below which an artifact is warned of that keeps its tolerance."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="*",
        type=Path,
        help="run folders, or ensembles' (default: all in ./runs)",
    )
    parser.add_argument(
        "--int8", action="store_true", help="INT8 artifacts too, calibrated on training images"
    )
    parser.add_argument(
        "--int8-method",
        default="auto",
        metavar="METHOD",
        help="ptq: calibration alone; qat: quantization-aware fine-tuning at once; auto (default): calibration, and "
        "where it changes the answers too much, bias correction, fine-tuning, and at last layers left in float",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="DIR",
        help="images to calibrate INT8 on, instead of the runs' training images",
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


def run(args: argparse.Namespace, display: Display) -> int:
    """Export; 1 where an artifact could not be made or does not keep its tolerance, each named."""
    from edgeall import exporting
    from edgeall.ensembling import member_runs

    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: at least 1")
    if args.data is not None and not args.data.is_dir():
        raise UsageError(f"--data {args.data}: no such folder")
    recipes = _recipes(args)
    if args.calibration is not None and not any(recipe.calibration for recipe in recipes):
        raise UsageError("--calibration is for INT8, and none is asked for: add --int8, or a recipe of it")
    named = [run for path in dict.fromkeys(args.runs) for run in member_runs(path)]
    found = list({run.path.resolve(): run for run in named}.values()) or runs.find()
    given = None
    if args.calibration is not None:
        given = exporting.read_folder(args.calibration, max(run.pixels.size for run in found))
        for note in given.notes:
            display.note(f"--calibration: {note}")
    options = exporting.Options(args.overwrite, args.data, given, args.int8_method)
    outcome = exporting.export_runs(found, recipes, options, jobs=args.jobs, progress=display)
    written = _sensitivity(found, options, display) if args.sensitivity else []
    display.emit(
        {
            "artifacts": [_usable_here(exported.to_dict()) for exported in outcome.exported],
            "failures": [vars(failure) for failure in outcome.failures],
            **({"sensitivity": written} if args.sensitivity else {}),
        }
    )
    if outcome.exported:
        display.show(_table(outcome))
    return _status(outcome, display)


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


def _status(outcome: "Outcome", display: Display) -> int:
    for failure in outcome.failures:
        display.error(f"{failure.run} {failure.recipe}: {failure.error}")
    for exported in outcome.exported:
        if not exported.parity.passed:
            display.error(
                f"{exported.path}: does not keep its recipe's tolerance (mean change of the score "
                f"{exported.parity.mean_abs_diff:.3f}, decisions agree {exported.parity.agreement:.1%}"
                + ("" if exported.parity.auc_delta is None else f", AUC {exported.parity.auc_delta:+.3f}")
                + _classes(exported.parity)
                + ")"
            )
        elif exported.parity.agreement < _AGREEMENT:
            changed = round(exported.parity.n * (1 - exported.parity.agreement))
            display.warn(
                f"{exported.path}: keeps its recipe's tolerance, and yet gives {changed} of {exported.parity.n} images "
                "another verdict. See what that does to accuracy with 'edgeall bench', or do not let it pass: "
                f"agreement = {_AGREEMENT:g} in the recipe's [parity]"
            )
    if not outcome.exported:
        return 2
    good = not outcome.failures and all(exported.parity.passed for exported in outcome.exported)
    return 0 if good else 1


def _classes(parity: "Parity") -> str:
    if parity.class_agreement is None or parity.class_mean_abs_diff is None:
        return ""
    return (
        f"; most probable class agrees {parity.class_agreement:.1%}, mean change of a class "
        f"{parity.class_mean_abs_diff:.3f}"
    )


def _table(outcome: "Outcome") -> object:
    from rich.table import Table

    table = Table(title="Artifacts, compared with their Keras models on validation images")
    for name in ("artifact", "precision"):
        table.add_column(name)
    for name in ("MB", "s", "images", "decisions agree", "mean |Δp|", "max |Δp|", "AUC change"):
        table.add_column(name, justify="right")
    for name in ("parity", "made by", "left in float"):
        table.add_column(name)
    for exported in outcome.exported:
        parity = exported.parity
        table.add_row(
            exported.path.name,
            exported.precision,
            f"{exported.size_bytes / 1e6:.2f}",
            "cached" if exported.cached else f"{exported.seconds:.1f}",
            str(parity.n),
            f"{parity.agreement:.1%}",
            f"{parity.mean_abs_diff:.4f}",
            f"{parity.max_abs_diff:.4f}",
            "-" if parity.auc_delta is None else f"{parity.auc_delta:+.4f}",
            "passed" if parity.passed else "FAILED",
            exported.method or "-",
            ", ".join(exported.left_in_float) or ("nothing" if exported.precision == "int8" else "-"),
        )
    return table
