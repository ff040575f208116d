"""`edgeall train`: a folder of images to a run."""

import argparse
import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.runs import PARTS, RUNS_FOLDER, Run

if TYPE_CHECKING:
    from edgeall.training.folds import Pooled


def configure(parser: argparse.ArgumentParser) -> None:
    from edgeall.training import BACKBONES, CALIBRATIONS, FINE_TUNE, HEADS, RECIPES, Settings

    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of images")
    add("--backbone", required=True, metavar="NAME", help=", ".join(BACKBONES))
    add(
        "--recipe", default="default", metavar="NAME",
        help=f"{' or '.join(RECIPES)}: the protocol, whose values any option below replaces (default: %(default)s)",
    )  # fmt: skip
    # What is not given is the recipe's affair, so these have no defaults of their own.
    add_setting = functools.partial(add, default=argparse.SUPPRESS)
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
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--split", type=Path, metavar="FILE", help="a split written by 'edgeall data split'")
    source.add_argument(
        "--folds", type=int, metavar="K",
        help="cross-validate: K models, by subject where subjects are known, and their answers pooled",
    )  # fmt: skip
    add("--positive", nargs="+", metavar="LABEL", help="labels that make a finding")
    add("--name", help="name of the run (default: backbone, head and data folder)")
    add("--out", type=Path, default=RUNS_FOLDER, metavar="DIR", help="where runs are (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace the run of this name, its exports and results")


_NUMBERS: tuple[tuple[str, Any, str], ...] = (
    ("head_epochs", int, "most epochs of the head on frozen features"),
    ("epochs", int, "most epochs of fine-tuning; 0 leaves it out"),
    ("head_rate", float, "learning rate of the head"),
    ("rate", float, "learning rate of fine-tuning"),
    ("batch_size", int, "images a step"),
    ("head_patience", int, "epochs without a better validation before the head's training ends"),
    ("patience", int, "epochs without a better validation before fine-tuning ends"),
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


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.training import Settings, cross_validate, recipes, train

    names = {field.name for field in dataclasses.fields(Settings)} - {"backbone", "recipe"}
    given = {name: value for name, value in vars(args).items() if name in names}
    settings = recipes.settings(args.recipe, args.backbone, **given)
    common: dict[str, Any] = {"name": args.name, "positive": args.positive, "overwrite": args.overwrite}
    if args.folds is not None:
        pooled = cross_validate(args.data, settings, args.folds, args.out, display, **common)
        display.show(pooled_summary(pooled))
        display.emit({"folds": str(pooled.path)} | pooled.to_dict())
        return 0
    done = train(args.data, settings, args.out, display, split=args.split, **common)
    display.show(summary(done))
    display.emit(document(done))
    return 0


def document(run: Run) -> dict[str, Any]:
    """A run as `edgeall train --json` prints it."""
    return {
        "run": str(run.path),
        "backbone": run.backbone,
        "head": run.head,
        "weights": run.weights,
        "params": run.params,
        "split": {part: len(run.split.part(part)) for part in PARTS} | {"grouped_by": run.split.grouped_by},
        "decision": dataclasses.asdict(run.decision),
        "calibration": run.calibration,
        "evaluation": str(run.path / "evaluation"),
        "train": run.metrics["train"],
        "val": run.metrics["val"],
        "test": run.metrics["test"],
    }


def summary(run: Run) -> Any:
    """A run for people."""

    table = _table(f"{run.path}: {run.backbone}, head {run.head}, {run.weights}")
    for part, note in (("train", "training"), ("val", "validation"), ("test", "test")):
        _row(table, note, run.metrics[part])
    chosen = "chosen on validation" if run.settings.get("threshold") is None else "as given"
    table.caption = (
        f"Keras model; split {_by(run.split.grouped_by)}; 95% intervals; threshold {run.decision.threshold:.3f}, "
        f"{chosen}{_band(run)}\nreport, curves, confusion matrices: {run.path / 'evaluation'}"
    )
    return table


def pooled_summary(pooled: "Pooled") -> Any:
    """A cross-validation for people."""
    first = pooled.runs[0]
    table = _table(f"{pooled.path}: {first.backbone}, head {first.head}, {len(pooled.runs)} folds")
    for number, run in enumerate(pooled.runs, start=1):
        _row(table, f"fold {number}", run.metrics["test"])
    _row(table, "pooled, out of fold", pooled.metrics)
    by = _by(first.split.grouped_by)
    table.caption = f"Keras models; folds {by}; 95% intervals; each fold called at its own threshold"
    return table


def _table(title: str) -> Any:
    from rich.table import Table

    return Table(
        *("", "images", "subjects", "accuracy", "sensitivity", "specificity", "AUC", "loss"),
        box=None, title=title, title_justify="left", caption_justify="left",
    )  # fmt: skip


def _row(table: Any, title: str, metrics: dict[str, Any]) -> None:
    shares = ("accuracy", "sensitivity", "specificity")
    figures = (*(metrics[f"{name}_over_subjects"] or metrics[name] for name in shares), metrics["auc"])
    subjects = metrics["clusters"] or "?"
    table.add_row(title, str(metrics["n"]), str(subjects), *map(_figure, figures), f"{metrics['loss']:.3f}")


def _by(grouped_by: str) -> str:
    return "by subject" if grouped_by == "subject" else "by image: optimistic"


def _band(run: Run) -> str:
    return (
        ""
        if run.decision.refer is None
        else "; referred between {:.3f} and {:.3f}".format(*run.decision.refer)
    )


def _figure(estimate: dict[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    interval = "" if low is None or high is None else f" ({low:.3f}-{high:.3f})"
    return f"{estimate['value']:.3f}{interval}"
