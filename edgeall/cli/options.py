"""Command-line options of `train` and `tune`: from options to training settings and back."""

import argparse
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeall.training import TrainingSettings


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options for `TrainingSettings`."""
    from edgeall.training import BACKBONES, CALIBRATIONS, FINE_TUNE, HEADS, RECIPES, TrainingSettings

    default = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    add_argument = parser.add_argument
    add_argument("--backbone", required=True, metavar="NAME", help=", ".join(BACKBONES))
    add_argument(
        "--recipe", default="default", metavar="NAME",
        help=f"{' or '.join(RECIPES)}: the protocol, whose values the options below override (default: %(default)s)",
    )  # fmt: skip
    # Without defaults, because options that are not given have the recipe's value.
    add_setting = functools.partial(add_argument, default=argparse.SUPPRESS)
    add_setting("--head", metavar="NAME", help=f"{' or '.join(HEADS)} (default: {default['head']})")
    add_setting(
        "--weights", metavar="imagenet|random|PATH",
        help=f"initial weights; 'imagenet' is downloaded (default: {default['weights']})",
    )  # fmt: skip
    add_setting(
        "--fine-tune", metavar="DEPTH",
        help=f"{', '.join(FINE_TUNE)}, or the layer above which to fine-tune (default: the head's)",
    )  # fmt: skip
    for name, kind, what in _NUMBERS:
        shown = "none" if default[name] is None else default[name]
        add_setting(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=f"{what} (default: {shown})")
    add_setting(
        "--calibration", metavar="METHOD",
        help=f"of probabilities, on validation images: {', '.join(CALIBRATIONS)} (default: {default['calibration']})",
    )  # fmt: skip
    add_setting(
        "--unweighted", dest="balanced", action="store_false", help="weight all images equally, not all classes"
    )  # fmt: skip


_NUMBERS: tuple[tuple[str, Any, str], ...] = (
    ("head_epochs", int, "most epochs of the head on frozen features"),
    ("epochs", int, "most epochs of fine-tuning; 0 leaves it out"),
    ("head_rate", float, "learning rate of the head"),
    ("rate", float, "learning rate of fine-tuning"),
    ("batch_size", int, "images a step"),
    ("head_patience", int, "epochs without a better validation before the head's training ends"),
    ("patience", int, "epochs without a better validation before fine-tuning ends; 0 keeps the last"),
    ("views", int, "augmented views of each image whose features are computed once"),
    ("dropout", float, "share of features dropped in head gap"),
    ("input_size", int, "height and width of the input in pixels"),
    (
        "threshold",
        float,
        "score from which a verdict is positive, instead of one chosen on validation images",
    ),
    (
        "min_sensitivity",
        float,
        "required outside of a referral band, which is chosen on validation images; with --min-specificity",
    ),
    ("min_specificity", float, "see --min-sensitivity"),
    ("seed", int, "of split, initial weights, order and augmentation"),
)


def settings(args: argparse.Namespace) -> tuple["TrainingSettings", frozenset[str]]:
    """The settings of a command line, and the fields that it gives."""
    from edgeall.training import TrainingSettings, protocols

    names = {field.name for field in dataclasses.fields(TrainingSettings)} - {"backbone", "recipe"}
    given = {name: value for name, value in vars(args).items() if name in names}
    return protocols.settings(args.recipe, args.backbone, **given), frozenset(given)


def arguments(settings: "TrainingSettings") -> list[str]:
    """Options that give these settings: head, depth, and values that differ from the recipe's."""
    from edgeall.training import protocols

    default = protocols.settings(settings.recipe, settings.backbone)
    given = ["--backbone", settings.backbone]
    # The default depth can depend on the head.
    always = ("head", "fine_tune")
    if settings.recipe != protocols.DEFAULT:
        given += ["--recipe", settings.recipe]
    for name in (*always, "weights", *(name for name, _, _ in _NUMBERS), "calibration"):
        value = getattr(settings, name)
        if name in always or value != getattr(default, name):
            given += [f"--{name.replace('_', '-')}", f"{value}"]
    if default.balanced and not settings.balanced:
        given.append("--unweighted")
    return given
