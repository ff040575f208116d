"""`edgeall train`: a folder of images to a run."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli import options
from edgeall.cli.display import Display
from edgeall.runs import PARTS, RUNS_FOLDER, Run

if TYPE_CHECKING:
    from edgeall.training.folds import Pooled


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of images")
    options.add(parser)
    add = parser.add_argument
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


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.training import cross_validate, train

    settings, _ = options.settings(args)
    common: dict[str, Any] = {"name": args.name, "positive": args.positive, "overwrite": args.overwrite}
    if args.folds is not None:
        pooled = cross_validate(args.data, settings, args.folds, args.out, display, **common)
        display.show(pooled_summary(pooled))
        for fold in pooled.runs:
            # Folds that an earlier edgeall finished do not tell.
            for doubt in fold.metrics["train"].get("doubts", []):
                display.warn(f"{fold.name}: {doubt}")
        display.emit({"folds": str(pooled.path)} | pooled.to_dict())
        return 0
    done = train(args.data, settings, args.out, display, split=args.split, **common)
    display.show(summary(done))
    for doubt in done.metrics["train"]["doubts"]:
        display.warn(doubt)
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

    table = figures_table(f"{run.path}: {run.backbone}, head {run.head}, {run.weights}")
    for part, note in (("train", "training"), ("val", "validation"), ("test", "test")):
        figures_row(table, note, run.metrics[part])
    chosen = "chosen on validation" if run.settings.get("threshold") is None else "as given"
    table.caption = (
        f"Keras model; split {split_words(run.split.grouped_by)}; 95% intervals; threshold "
        f"{run.decision.threshold:.3f}, {chosen}{_band(run)}\n"
        f"report, curves, confusion matrices: {run.path / 'evaluation'}"
    )
    return table


def pooled_summary(pooled: "Pooled") -> Any:
    """A cross-validation for people."""
    first = pooled.runs[0]
    table = figures_table(f"{pooled.path}: {first.backbone}, head {first.head}, {len(pooled.runs)} folds")
    for number, run in enumerate(pooled.runs, start=1):
        figures_row(table, f"fold {number}", run.metrics["test"])
    figures_row(table, "pooled, out of fold", pooled.metrics)
    by = split_words(first.split.grouped_by)
    table.caption = f"Keras models; folds {by}; 95% intervals; each fold called at its own threshold"
    return table


def figures_table(title: str) -> Any:
    from rich.table import Table

    return Table(
        *("", "images", "subjects", "accuracy", "sensitivity", "specificity", "AUC", "loss"),
        box=None, title=title, title_justify="left", caption_justify="left",
    )  # fmt: skip


def figures_row(table: Any, title: str, metrics: dict[str, Any]) -> None:
    shares = ("accuracy", "sensitivity", "specificity")
    figures = (*(metrics[f"{name}_over_subjects"] or metrics[name] for name in shares), metrics["auc"])
    subjects = metrics["clusters"] or "?"
    table.add_row(title, str(metrics["n"]), str(subjects), *map(_figure, figures), f"{metrics['loss']:.3f}")


def split_words(grouped_by: str) -> str:
    return {"subject": "by subject", "unknown": "not known"}.get(grouped_by, "by image: optimistic")


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
