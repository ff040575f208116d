"""`edgeall train`: fine-tunes a backbone on a folder of images."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli import options
from edgeall.cli.display import Display
from edgeall.errors import UsageError
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
        help="cross-validation with K models, by subject where subjects are known, and pooled predictions",
    )  # fmt: skip
    add("--scheduler", metavar="ADDRESS",
        help="with --folds: train them on the workers of this Dask scheduler, as tcp://10.0.0.5:8786; needs "
        "edgeall[cluster]",
    )  # fmt: skip
    add("--positive", nargs="+", metavar="LABEL", help="the positive labels")
    add("--name", help="name of the run (default: backbone, head and data folder)")
    add("--out", type=Path, default=RUNS_FOLDER, metavar="DIR", help="folder of runs (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace the run of this name, its exports and results")


def run(args: argparse.Namespace, display: Display) -> int:
    from edgeall.training import cross_validate, train

    settings, _ = options.settings(args)
    if args.scheduler is not None and args.folds is None:
        raise UsageError("--scheduler spreads folds, and one training is not spread: give --folds K too")
    common: dict[str, Any] = {"name": args.name, "positive": args.positive, "overwrite": args.overwrite}
    if args.folds is not None:
        pooled = cross_validate(
            args.data, settings, args.folds, args.out, display, scheduler=args.scheduler, **common
        )
        display.show(pooled_summary(pooled))
        for fold in pooled.runs:
            # Folds trained by older versions have no doubts recorded.
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
    """The document of `edgeall train --json`."""
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
    """The table of a run."""
    from edgeall.datasets import split_kind

    classes = len(run.decision.labels) > 2
    table = figures_table(f"{run.path}: {run.backbone}, head {run.head}, {run.weights}", classes=classes)
    for part, note in (("train", "training"), ("val", "validation"), ("test", "test")):
        figures_row(table, note, run.metrics[part])
    chosen = "chosen on validation" if run.settings.get("threshold") is None else "as given"
    table.caption = (
        f"Keras model; split {split_kind(run.split.grouped_by)}; 95% intervals; threshold "
        f"{run.decision.threshold:.3f}, {chosen}\n"
        + "".join(f"{line}\n" for line in referral_lines(run.settings, run.metrics))
        + f"{stability_line(run)}\n"
        + f"report, curves, confusion matrices: {run.path / 'evaluation'}"
    )
    return table


def referral_lines(settings: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The referral band, its required figures, and its figures on validation and test images."""
    found = {part: metrics[part].get("referral") for part in ("val", "test") if part in metrics}
    band = next((of for of in found.values() if of), None)
    if band is None:
        return []
    required = ", ".join(
        f"{name} {settings[f'min_{name}']:g}"
        for name in ("sensitivity", "specificity")
        if settings.get(f"min_{name}") is not None
    )
    lines = [
        f"scores from {band['low']:.3f} to {band['high']:.3f} are referred to a human"
        + (
            f", chosen for {required} on validation images (a referred image counts as correct):"
            if required
            else ":"
        )
    ]
    for part, name in (("val", "validation"), ("test", "test")):
        if of := found.get(part):
            people = metrics[part]["clusters"]
            lines.append(
                f"  {name}, {metrics[part]['n']} images of {'unknown' if people is None else people} subjects: "
                f"referred {_figure(of['referred'])}, sensitivity {_figure(of['sensitivity'])}, "
                f"specificity {_figure(of['specificity'])}; without referred images: sensitivity "
                f"{_figure(of['answered_sensitivity'])}, specificity {_figure(of['answered_specificity'])}"
            )
    return lines


def stability_line(run: Run) -> str:
    """The stability of the score under invisible disturbances."""
    from edgeall.training.stability import of_run

    found = of_run(run)
    if found is None:
        return "stability of the score: not measured"
    changes = ", ".join(
        f"{kind} {of.score_change:.3f} ({of.verdicts_kept:.1%})" for kind, of in found.movements.items()
    )
    return f"mean change of the score (verdicts kept) on {found.n} validation images: {changes}"


def pooled_summary(pooled: "Pooled") -> Any:
    """The table of a cross-validation."""
    from edgeall.datasets import split_kind

    first = pooled.runs[0]
    table = figures_table(
        f"{pooled.path}: {first.backbone}, head {first.head}, {len(pooled.runs)} folds",
        classes=len(first.decision.labels) > 2,
    )
    for number, run in enumerate(pooled.runs, start=1):
        figures_row(table, f"fold {number}", run.metrics["test"])
    figures_row(table, "pooled, out of fold", pooled.metrics)
    kind = split_kind(first.split.grouped_by)
    table.caption = f"Keras models; folds {kind}; 95% intervals; each fold at its own threshold"
    return table


def figures_table(title: str, *, classes: bool) -> Any:
    """An empty table for figures of the verdict and, with more than two `classes`, of the most probable class."""
    from rich.table import Table

    of_classes = ("class accuracy", "macro F1") if classes else ()
    return Table(
        *("", "images", "subjects", "accuracy", "sensitivity", "specificity", "AUC", *of_classes, "loss"),
        box=None, title=title, title_justify="left", caption_justify="left",
    )  # fmt: skip


def figures_row(table: Any, title: str, metrics: dict[str, Any]) -> None:
    shares = ("accuracy", "sensitivity", "specificity")
    figures = (*(metrics[f"{name}_over_subjects"] or metrics[name] for name in shares), metrics["auc"])
    subjects = metrics["clusters"] or "?"
    classes = metrics["classes"]
    of_classes = [] if classes is None else [_figure(classes["accuracy"]), f"{classes['macro']['f1']:.3f}"]
    table.add_row(
        title, str(metrics["n"]), str(subjects), *map(_figure, figures), *of_classes, f"{metrics['loss']:.3f}"
    )


def _figure(estimate: dict[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    interval = "" if low is None or high is None else f" ({low:.3f}-{high:.3f})"
    return f"{estimate['value']:.3f}{interval}"
