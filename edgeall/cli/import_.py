"""`edgeall import`: a Keras classifier fine-tuned elsewhere becomes a run."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeall.cli.display import Display
from edgeall.errors import UsageError
from edgeall.runs import PARTS, RUNS_FOLDER
from edgeall.silence_stderr import hushed

if TYPE_CHECKING:
    from edgeall.importing import Imported


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    add = parser.add_argument
    add(
        "model",
        type=Path,
        metavar="MODEL",
        help=".keras or .h5 file, of Keras 2 or 3; or model.to_json()'s, with --weights-file",
    )
    add(
        "--weights-file", type=Path, metavar="FILE",
        help="weights, by model.save_weights(), of a model that is described in JSON",
    )  # fmt: skip
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
    add(
        "--input-size", type=int, metavar="N",
        help="height and width, where the model takes any and has no Resizing of its own first",
    )  # fmt: skip
    add(
        "--fit", metavar="stretch|crop|letterbox",
        help="how training pictures became squares: stretched, the largest centred square, or black bars added "
        "(default: stretch; a Resizing at the model's front says it itself)",
    )  # fmt: skip
    add(
        "--resize-filter", metavar="NAME",
        help="how they were resized: nearest (as load_img and ImageDataGenerator do), bilinear-no-antialias (as "
        "image_dataset_from_directory, tf.image.resize and cv2.resize do), bilinear, bicubic, lanczos or box (as "
        "Pillow does; torchvision: bilinear) (default: bilinear, or what fits --data significantly better)",
    )  # fmt: skip
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
        fit=args.fit,
        resize_filter=args.resize_filter,
        weights_file=args.weights_file,
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
        "input": f"{run.pixels.size} x {run.pixels.size} ({run.pixels.fit}, {run.pixels.filter}), preprocessing "
        f"{way['name']}, {way['order']}",
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
