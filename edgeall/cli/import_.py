"""`edgeall import`: a Keras classifier fine-tuned elsewhere becomes a run."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.errors import UsageError
from edgeall.hush import hushed
from edgeall.runs import PARTS, RUNS_FOLDER

if TYPE_CHECKING:
    from edgeall.importing import Imported


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help=".keras or .h5 file, of Keras 2 or 3")
    add(
        "--labels", required=True, metavar="A,B[,...]",
        help="classes in the order of the outputs; of one sigmoid output, the second is what it says",
    )  # fmt: skip
    add(
        "--positive",
        metavar="A[,...]",
        help="labels that make a finding (default: as the images tell, or the second)",
    )
    add(
        "--preprocessing", metavar="MODE|SCALE,OFFSET",
        help="how its images were prepared: tf, caffe, torch, unit (0 to 1), raw, or numbers: byte * scale + offset "
        "(default: what fits --data best)",
    )  # fmt: skip
    add("--channel-order", metavar="RGB|BGR", help="BGR for images read by OpenCV (default: the mode's own)")
    add("--input-size", type=int, metavar="N", help="height and width, where the model takes any")
    add("--activation", metavar="sigmoid|softmax", help="append it to a model that ends in logits")
    add(
        "--threshold", default="auto", metavar="auto|P",
        help="score from which the verdict is positive; auto: the best on validation images, 0.5 without "
        "(default: %(default)s)",
    )  # fmt: skip
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="labelled images: to check with, calibrate, validate and test",
    )
    add("--split", type=Path, metavar="FILE", help="which of them trained the model (default: not known)")
    add("--name", help="name of the run (default: the file's)")
    add("--out", type=Path, default=RUNS_FOLDER, metavar="DIR", help="where runs are (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="governs the split (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace the run of this name, its exports and results")


def run(args: argparse.Namespace, display: Display) -> int:
    """Import; warnings do not change the status."""
    from edgeall.importing import import_model

    with hushed():
        import keras  # noqa: F401 - so that its engine greets nobody later

    done = import_model(
        args.model,
        _words(args.labels),
        positive=None if args.positive is None else _words(args.positive),
        preprocessing=args.preprocessing,
        channel_order=args.channel_order,
        input_size=args.input_size,
        activation=args.activation,
        threshold=_threshold(args.threshold),
        data=args.data,
        split=args.split,
        name=args.name,
        out=args.out,
        overwrite=args.overwrite,
        seed=args.seed,
        progress=display,
    )
    display.show(_summary(done))
    for warning in done.warnings:
        display.warn(warning)
    display.emit(document(done))
    return 0


def document(done: "Imported") -> dict[str, Any]:
    """As `edgeall import --json` prints it."""
    run = done.run
    return {
        "run": str(run.path),
        "backbone": run.backbone,
        "head": run.head,
        "weights": run.weights,
        "params": run.params,
        "input_size": run.pixels.size,
        "pixels": dataclasses.asdict(run.pixels),
        "source": run.settings["imported"],
        "decision": dataclasses.asdict(run.decision),
        "split": {part: len(run.split.part(part)) for part in PARTS} | {"grouped_by": run.split.grouped_by},
        "val": run.metrics.get("val"),
        "tried": list(done.tried),
        "warnings": list(done.warnings),
    }


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _threshold(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--threshold {text}: auto, or a number within 0 and 1") from None


def _summary(done: "Imported") -> Any:
    from rich.table import Table

    run, source = done.run, done.run.settings["imported"]
    way = source["preprocessing"]
    table = Table(title=f"{run.path}: {run.weights}", box=None, title_justify="left", show_header=False)
    rows = {
        "written by": source["written_by"],
        "backbone": "not one of the known six" if run.backbone == "imported" else run.backbone,
        "parameters": f"{run.params['total']:,}",
        "input": f"{run.pixels.size} x {run.pixels.size}, preprocessing {way['name']}, {way['order']}",
        "labels": ", ".join(run.decision.labels),
        "positive": f"{', '.join(run.decision.positive)}, from a score of {run.decision.threshold:.3f}",
    }
    if source["taken_out"]:
        rows["taken out"] = f"{', '.join(source['taken_out'])}: done with the pixels instead, exactly"
    if source["left_out"]:
        rows["left out"] = f"{', '.join(source['left_out'])}: act in training only"
    if (val := run.metrics.get("val")) is not None:
        rows["validation"] = (
            f"{val['n']} images, accuracy {_figure(val['accuracy'])}, AUC {_figure(val['auc'])}"
        )
    for key, value in rows.items():
        table.add_row(key, value)
    return table


def _figure(estimate: dict[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = estimate["low"], estimate["high"]
    return f"{estimate['value']:.3f}" + ("" if low is None or high is None else f" ({low:.3f}-{high:.3f})")
