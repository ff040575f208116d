"""`edgeall tune`: search for hyper-parameters; prints the training that they make."""

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
        f"Searched: {names}; those that are given stay as given. With a recipe other than the default, its head and "
        "depth stay too. Only training and validation images are opened. The same command goes on with a study "
        "that was interrupted; with more --trials, also with one that was not."
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of images")
    options.add(parser)
    add = parser.add_argument
    add("--trials", type=int, default=20, metavar="N", help="trainings to try, in all (default: %(default)s)")
    add("--split", type=Path, metavar="FILE", help="a split written by 'edgeall data split'")
    add("--folds", type=int, metavar="K",
        help="judge by the mean over K folds of training and validation images, by subject where subjects are known",
    )  # fmt: skip
    add("--positive", nargs="+", metavar="LABEL", help="labels that make a finding")
    add("--name", help="name of the study (default: backbone and data folder)")
    add("--out", type=Path, default=TUNING_FOLDER, metavar="DIR",
        help="where studies are (default: %(default)s)",
    )  # fmt: skip
    add("--overwrite", action="store_true", help="replace the study of this name")


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.tuning import tune

    settings, given = options.settings(args)
    tuned = tune(
        args.data, settings, args.out, display, trials=args.trials, fixed=fixed(settings, given), folds=args.folds,
        name=args.name, split=args.split, positive=args.positive, overwrite=args.overwrite,
    )  # fmt: skip
    command = train_command(tuned, args.data, args.positive)
    display.show(summary(tuned))
    display.show(*words(tuned))
    display.show(command)
    display.emit(document(tuned, command))
    return 0


def fixed(settings: "TrainingSettings", given: frozenset[str]) -> frozenset[str]:
    """What is not searched: what is given, and the head and depth that a recipe is about."""
    from edgeall.training import RECIPES

    return given | {"head", "fine_tune"} & set(RECIPES[settings.recipe])


def train_command(tuned: "Tuned", data: Path, positive: list[str] | None) -> str:
    """The command line that trains with the best settings on the split that they were chosen for."""
    words = [
        "edgeall",
        "train",
        str(data),
        *options.arguments(tuned.best.settings),
        "--split",
        str(tuned.split),
    ]
    return shlex.join([*words, *(["--positive", *positive] if positive else [])])


def document(tuned: "Tuned", command: str) -> dict[str, Any]:
    """A study as `edgeall tune --json` prints it."""
    return {
        "study": str(tuned.path),
        "trials": tuned.trials,
        "finished": tuned.finished,
        "pruned": tuned.pruned,
        "failed": tuned.failed,
        "best": tuned.best.to_dict() | {"command": command},
    }


def summary(tuned: "Tuned") -> Any:
    """A study for people: of the best settings, what was searched and matters beside the rest."""
    from rich.table import Table

    from edgeall.tuning import searched

    settings = tuned.best.settings.to_dict()
    table = Table("hyper-parameter", "best", box=None)
    for name in searched(tuned.best.settings, ()):
        table.add_row(name.replace("_", " "), str(settings[name]))
    return table


def words(tuned: "Tuned") -> tuple[str, ...]:
    """What the study came to, and how far to believe it."""
    best = tuned.best
    by = "by subject" if tuned.grouped_by == "subject" else "by image: optimistic"
    return (
        f"{tuned.path}: {tuned.trials} trials, {tuned.finished} finished, {tuned.pruned} pruned",
        f"trial {best.trial}: AUC {best.auc:.4f}, loss {best.loss:.4f} on {tuned.validation} validation images, "
        f"split {by}",
        f"It is the best of {tuned.trials} on the images that chose it, so optimistic. No test image was opened. "
        "Train with it:",
    )
