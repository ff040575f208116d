"""What `train` and `tune` ask of a training, as options of a command line and back again."""

import argparse
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeall.training import TrainingSettings


def add(parser: argparse.ArgumentParser) -> None:
    """The options that make `TrainingSettings`."""
    from edgeall.training import BACKBONES, CALIBRATIONS, FINE_TUNE, HEADS, RECIPES, TrainingSettings

    default = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    add_argument = parser.add_argument
    add_argument("--backbone", required=True, metavar="NAME", help=", ".join(BACKBONES))
    add_argument(
        "--recipe", default="default", metavar="NAME",
        help=f"{' or '.join(RECIPES)}: the protocol, whose values any option below replaces (default: %(default)s)",
    )  # fmt: skip
    # What is not given is the recipe's affair, so these have no defaults of their own.
    add_setting = functools.partial(add_argument, default=argparse.SUPPRESS)
    add_setting("--head", metavar="NAME", help=f"{' or '.join(HEADS)} (default: {default['head']})")
    add_setting(
        "--weights", metavar="imagenet|random|PATH",
        help=f"what to start from; 'imagenet' is downloaded (default: {default['weights']})",
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
        "--unweighted", dest="balanced", action="store_false", help="let each image count alike, not each class"
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
        "wanted of the verdicts given: refer what lies between to a human; with the next",
    ),
    ("min_specificity", float, "the same for healthy images"),
    ("seed", int, "governs split, weights, order and augmentation"),
)


def settings(args: argparse.Namespace) -> tuple["TrainingSettings", frozenset[str]]:
    """The settings that are asked for, and which of their fields were named."""
    from edgeall.training import TrainingSettings, protocols

    names = {field.name for field in dataclasses.fields(TrainingSettings)} - {"backbone", "recipe"}
    given = {name: value for name, value in vars(args).items() if name in names}
    return protocols.settings(args.recipe, args.backbone, **given), frozenset(given)


def arguments(settings: "TrainingSettings") -> list[str]:
    """Options that `settings` reads back as these settings: what differs from their recipe, head and depth always."""
    from edgeall.training import protocols

    usual = protocols.settings(settings.recipe, settings.backbone)
    asked = ["--backbone", settings.backbone]
    # How deep a recipe fine-tunes may hang on its head.
    always = ("head", "fine_tune")
    if settings.recipe != protocols.DEFAULT:
        asked += ["--recipe", settings.recipe]
    for name in (*always, "weights", *(name for name, _, _ in _NUMBERS), "calibration"):
        value = getattr(settings, name)
        if name in always or value != getattr(usual, name):
            asked += [f"--{name.replace('_', '-')}", f"{value}"]
    if usual.balanced and not settings.balanced:
        asked.append("--unweighted")
    return asked
