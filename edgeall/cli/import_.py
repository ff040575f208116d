"""`edgeall import`: imports a Keras classifier fine-tuned elsewhere as a run."""

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
        help=".keras or .h5 file of Keras 2 or 3, or JSON by model.to_json() with --weights-file",
    )
    add(
        "--weights-file", type=Path, metavar="FILE",
        help="weights, by model.save_weights(), of a model described in JSON",
    )  # fmt: skip
    add(
        "--labels", required=True, metavar="A,B[,...]",
        help="classes in the order of the outputs; for a single sigmoid output, name the positive class second",
    )  # fmt: skip
    add(
        "--positive",
        metavar="A[,...]",
        help="the positive labels (default: by the dataset's layout, else the second)",
    )
    add(
        "--preprocessing", metavar="MODE|SCALE,OFFSET",
        help="preprocessing of its training images: tf, caffe, torch, unit (0 to 1), raw, or numbers: "
        "byte * scale + offset (default: the one that fits --data best)",
    )  # fmt: skip
    add("--channel-order", metavar="RGB|BGR", help="BGR for images read by OpenCV (default: the mode's own)")
    add(
        "--input-size", type=int, metavar="N",
        help="height and width, for a model that takes any size and does not begin with a Resizing",
    )  # fmt: skip
    add(
        "--fit", metavar="stretch|crop|letterbox",
        help="how training images became squares: stretched, cropped to the largest centred square, or with black bars "
        "added (default: stretch; not for a model that begins with a Resizing)",
    )  # fmt: skip
    add(
        "--resize-filter", metavar="NAME",
        help="filter of that resizing: nearest (load_img, ImageDataGenerator), bilinear-no-antialias "
        "(image_dataset_from_directory, tf.image.resize, cv2.resize), bilinear (torchvision), bicubic, lanczos or box "
        "(all as in Pillow) (default: bilinear, or one that fits --data significantly better)",
    )  # fmt: skip
    add("--activation", metavar="sigmoid|softmax", help="appended to a model that ends in logits")
    add(
        "--threshold", default="auto", metavar="auto|P",
        help="score from which the verdict is positive; auto: the best on validation images, 0.5 without "
        "(default: %(default)s)",
    )  # fmt: skip
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="labelled images, to check preprocessing and labels, calibrate, validate and test",
    )
    add(
        "--split",
        type=Path,
        metavar="FILE",
        help="split with the images that trained the model (default: not known)",
    )
    add("--name", help="name of the run (default: the file's)")
    add("--out", type=Path, default=RUNS_FOLDER, metavar="DIR", help="folder of runs (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the split (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace the run of this name, its exports and results")


def run(args: argparse.Namespace, display: Display) -> int:
    """Import; warnings do not change the exit status."""
    from edgeall.importing import import_model

    with hushed():
        import keras  # noqa: F401 - imported here to suppress its engine's messages

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
    """The document of `edgeall import --json`."""
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
        rows["taken out"] = f"{', '.join(source['taken_out'])}: computed exactly in the pixel mapping"
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
