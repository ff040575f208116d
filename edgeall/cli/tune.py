"""`edgeall tune`: searches hyper-parameters, and prints the training command with the best ones."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli import options
from edgeall.cli.display import Display

if TYPE_CHECKING:
    from edgeall.training import TrainingSettings
    from edgeall.tuning import Tuned


def configure(parser: argparse.ArgumentParser) -> None:
    from edgeall.tuning import TUNING_FOLDER, ranges

    names = ", ".join(f"--{name.replace('_', '-')}" for name in ranges("mobilenetv2"))
    parser.epilog = (
        f"Searched: {names}, except those that are given. With a recipe other than the default, its head and depth "
        "are not searched either. Only training and validation images are read. The same command resumes an "
        "interrupted study; with more --trials, it continues a finished one."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of images")
    options.add(parser)
    add = parser.add_argument
    add("--trials", type=int, default=20, metavar="N", help="trainings to try, in all (default: %(default)s)")
    add("--split", type=Path, metavar="FILE", help="a split written by 'edgeall data split'")
    add("--folds", type=int, metavar="K",
        help="score by the mean over K folds of training and validation images, by subject where subjects are known",
    )  # fmt: skip
    add("--scheduler", metavar="ADDRESS",
        help="run trials on the workers of this Dask scheduler, as tcp://10.0.0.5:8786; needs edgeall[cluster]",
    )  # fmt: skip
    add("--at-once", type=int, metavar="N",
        help="trials in flight: each is proposed without the results of the N-1 before it; a study keeps its N "
        "(default: 1, with --scheduler 4)",
    )  # fmt: skip
    add("--positive", nargs="+", metavar="LABEL", help="the positive labels")
    add("--name", help="name of the study (default: backbone and data folder)")
    add("--out", type=Path, default=TUNING_FOLDER, metavar="DIR",
        help="folder of studies (default: %(default)s)",
    )  # fmt: skip
    add("--overwrite", action="store_true", help="replace the study of this name")


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.tuning import tune

    settings, given = options.settings(args)
    tuned = tune(
        args.data, settings, args.out, display, trials=args.trials, fixed=fixed(settings, given), folds=args.folds,
        name=args.name, split=args.split, positive=args.positive, overwrite=args.overwrite,
        scheduler=args.scheduler, at_once=args.at_once,
    )  # fmt: skip
    command = train_command(tuned, args.data, args.positive)
    display.show(summary(tuned))
    display.show(*outcome(tuned))
    display.show(command)
    display.emit(document(tuned, command))
    return 0


def fixed(settings: "TrainingSettings", given: frozenset[str]) -> frozenset[str]:
    """Fields that are not searched: the given ones, and a recipe's head and depth."""
    from edgeall.training import RECIPES

    return given | {"head", "fine_tune"} & set(RECIPES[settings.recipe])


def train_command(tuned: "Tuned", data: Path, positive: list[str] | None) -> str:
    """The command line that trains with the best settings on the study's split."""
    arguments = [
        "edgeall",
        "train",
        str(data),
        *options.arguments(tuned.best.settings),
        "--split",
        str(tuned.split),
    ]
    return shlex.join([*arguments, *(["--positive", *positive] if positive else [])])


def document(tuned: "Tuned", command: str) -> dict[str, Any]:
    """The document of `edgeall tune --json`."""
    return {
        "study": str(tuned.path),
        "trials": tuned.trials,
        "finished": tuned.finished,
        "pruned": tuned.pruned,
        "failed": tuned.failed,
        "best": tuned.best.to_dict() | {"command": command},
    }


def summary(tuned: "Tuned") -> Any:
    """The table of the best settings: the searched ones that have an effect."""
    from rich.table import Table

    from edgeall.tuning import searched

    settings = tuned.best.settings.to_dict()
    table = Table("hyper-parameter", "best", box=None)
    for name in searched(tuned.best.settings, ()):
        table.add_row(name.replace("_", " "), str(settings[name]))
    return table


def outcome(tuned: "Tuned") -> tuple[str, ...]:
    """The outcome of the study, with caveats."""
    from edgeall.datasets import split_kind

    best = tuned.best
    return (
        f"{tuned.path}: {tuned.trials} trials, {tuned.finished} finished, {tuned.pruned} pruned",
        f"trial {best.trial}: AUC {best.auc:.4f}, loss {best.loss:.4f} on {tuned.validation} validation images, "
        f"split {split_kind(tuned.grouped_by)}",
        f"Optimistic, since it is the best of {tuned.trials} on the same images. No test image was read. "
        "Train with it:",
    )
