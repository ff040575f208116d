"""`edgeall train`: a folder of images to a run."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from edgeall.cli.display import Display
from edgeall.runs import PARTS, RUNS_FOLDER, Run


def configure(parser: argparse.ArgumentParser) -> None:
    from edgeall.training import BACKBONES, FINE_TUNE, HEADS, Settings

    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of images")
    add("--backbone", required=True, metavar="NAME", help=", ".join(BACKBONES))
    add(
        "--head", default=default["head"], metavar="NAME", help=f"{' or '.join(HEADS)} (default: %(default)s)"
    )
    add(
        "--weights", default=default["weights"], metavar="imagenet|random|PATH",
        help="what to start from; 'imagenet' is downloaded (default: %(default)s)",
    )  # fmt: skip
    add(
        "--fine-tune", metavar="DEPTH",
        help=f"{', '.join(FINE_TUNE)}, or the layer above which to fine-tune (default: the head's)",
    )  # fmt: skip
    for name, kind, what in _NUMBERS:
        add(f"--{name.replace('_', '-')}", type=kind, default=default[name], metavar="N",
            help=f"{what} (default: %(default)s)")  # fmt: skip
    add("--unweighted", action="store_true", help="let each image count alike, not each class")
    add("--split", type=Path, metavar="FILE", help="a split written by 'edgeall data split'")
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
    ("seed", int, "governs split, weights, order and augmentation"),
)


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.training import Settings, train

    settings = Settings(
        args.backbone,
        args.head,
        args.weights,
        args.fine_tune,
        balanced=not args.unweighted,
        **{name: getattr(args, name) for name, _, _ in _NUMBERS},
    )
    done = train(
        args.data, settings, args.out, display,
        name=args.name, split=args.split, positive=args.positive, overwrite=args.overwrite,
    )  # fmt: skip
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
        "val": run.metrics["val"],
        "test": run.metrics["test"],
    }


def summary(run: Run) -> Any:
    """A run for people."""
    from rich.table import Table

    table = Table(
        "", "images", "accuracy", "sensitivity", "specificity", "AUC", box=None, title_justify="left"
    )
    table.title = f"{run.path}: {run.backbone}, head {run.head}, {run.weights}"
    for part, note in (("val", "validation (threshold chosen here)"), ("test", "test, Keras model")):
        metrics = run.metrics[part]
        figures = (metrics[key] for key in ("accuracy", "sensitivity", "specificity", "auc"))
        table.add_row(note, str(metrics["n"]), *map(_figure, figures))
    by = "by subject" if run.split.grouped_by == "subject" else "by image: optimistic"
    table.caption = f"split {by}; 95% intervals; threshold {run.decision.threshold:.3f}"
    return table


def _figure(estimate: dict[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    interval = "" if low is None or high is None else f" ({low:.3f}-{high:.3f})"
    return f"{estimate['value']:.3f}{interval}"
