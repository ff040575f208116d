"""INT8 as edgeall exports it beside what each engine's own quantizer makes by default: `make int8-defaults RUN=...`.

Same float model, same calibration images. All answers are compared with the Keras model's; latencies of the two models
of a format are taken in turn, in one process, and told as a ratio. The run's INT8 artifacts must have been exported.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.metrics import roc_auc_score

from edgeall import artifact, runs, runtimes
from edgeall.exporting import calibration_images, load_recipe, sources
from edgeall.runtimes import onnx_providers
from edgeall.statistics.estimate import wilson

ROUNDS, CALLS = 40, 8


def tflite(made: sources.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """TFLiteConverter: optimizations DEFAULT and a representative dataset."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(made.saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tensor] for tensor in tensors())
    out.write_bytes(converter.convert())


def onnx(made: sources.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """quantize_static, nothing but a data reader given."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = tensors()

        def get_next(self) -> dict[str, Any] | None:
            tensor = next(self.left, None)
            return None if tensor is None else {sources.INPUT: tensor}

    quantize_static(made.onnx, out, Reader())


def openvino(made: sources.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """nncf.quantize, nothing but a dataset given."""
    import nncf
    import openvino as ov

    quantized = nncf.quantize(ov.convert_model(made.onnx), nncf.Dataset(list(tensors())))
    ov.save_model(quantized, out, compress_to_fp16=False)


VENDORS: dict[artifact.Format, Callable[..., None]] = {"tflite": tflite, "onnx": onnx, "openvino": openvino}


@dataclass(frozen=True)
class Part:
    """Images of a split's part, what they show, and the Keras model's scores of them."""

    pixels: Any
    truth: Any
    reference: Any


def main() -> int:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, help="where the run's images are now")
    args = parser.parse_args()
    run = runs.load(args.run)
    with tempfile.TemporaryDirectory() as folder:
        made = sources.Sources(Path(folder), run.pixels)
        parts = read_parts(run, made, args.data)
        chosen = calibration_images.select(run.split.train, 100, 0)
        images = Path(folder) / "calibration.npy"
        calibration_images.decode(run, "train", chosen, images, args.data)
        print(
            f"{run.name}: {len(chosen)} calibration, {len(parts['val'].truth)} validation, "
            f"{len(parts['test'].truth)} test images\n\n"
            "| format | INT8 by | MB | s to make | validation: mean \\|Δp\\| | AUC (change) | "
            "test: verdicts as in float [95 %] | mean \\|Δp\\| | accuracy (change, points) | AUC (change) "
            "| ms, ours / theirs |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        )
        ours_of: dict[str, Any] = {}
        for format, vendor in VENDORS.items():
            theirs = Path(folder) / f"default{artifact.suffix_of(format)}"
            started = time.monotonic()
            vendor(made, lambda: calibration_images.stream(images, run.pixels), theirs)
            seconds = time.monotonic() - started
            name = f"{run.name}_{load_recipe(f'{format}-int8').name}{artifact.suffix_of(format)}"
            sealed = artifact.read(run.exports / name)
            method = sealed.metadata.quantization.get("method", "?")
            with (
                open_bare(theirs, format, run) as default,
                runtimes.open_session(sealed, threads=1) as mine,
            ):
                ratio = latency_ratio(mine, default, parts["test"].pixels[0])
                print(row(run, format, "the vendor's default", theirs, f"{seconds:.0f}", default, parts, ""))
                print(row(run, format, f"edgeall: {method}", sealed.path, "", mine, parts, ratio))
                ours_of[format] = score(run, mine.predict(parts["test"].pixels))
        print()
        threshold = run.decision.threshold
        for a, b in (("tflite", "onnx"), ("tflite", "openvino"), ("onnx", "openvino")):
            agree = np.mean((ours_of[a] >= threshold) == (ours_of[b] >= threshold))
            print(
                f"- edgeall's {a} and {b} on the test images: verdicts agree in {agree:.1%}, "
                f"mean |Δp| {np.abs(ours_of[a] - ours_of[b]).mean():.4f}"
            )
    return 0


def read_parts(run: runs.Run, made: sources.Sources, data: Path | None) -> dict[str, Part]:
    """Validation and test images with the Keras model's scores; leaves SavedModel and ONNX in `made.folder`."""
    parts = {}
    for part, needs in (("test", ()), ("val", ("saved_model", "onnx"))):
        members = getattr(run.split, part)
        calibration_images.decode(run, part, members, made.images, data)
        sources.make(run, made, needs)
        truth = np.array([member.label in run.decision.positive for member in members])
        parts[part] = Part(np.load(made.images), truth, score(run, np.load(made.reference)))
    return parts


def open_bare(path: Path, format: artifact.Format, run: runs.Run) -> runtimes.Session:
    """With the engine's default settings: edgeall's own would guard ONNX Runtime against saturation, and slow it."""
    classes = len(run.decision.labels)
    with mock.patch.object(onnx_providers, "saturates", return_value=False):
        return runtimes.open_model(path, format, run.pixels, classes=classes, threads=1, precision="int8")


def score(run: runs.Run, answers: Any) -> Any:
    return answers[:, run.decision.positive_indices].sum(axis=1)


def latency_ratio(ours: runtimes.Session, theirs: runtimes.Session, image: Any) -> str:
    """Ours over theirs: median over rounds, in turn, with the quartiles."""
    tensors = [session.prepare(image) for session in (ours, theirs)]
    ratios, least = [], [np.inf, np.inf]
    for number in range(ROUNDS + 3):
        spent = []
        for index, session in enumerate((ours, theirs)):
            started = time.perf_counter()
            for _ in range(CALLS):
                session.infer(tensors[index])
            spent.append((time.perf_counter() - started) / CALLS * 1000)
        if number >= 3:
            ratios.append(spent[0] / spent[1])
            least = [min(pair) for pair in zip(least, spent, strict=True)]
    low, middle, high = np.percentile(ratios, (25, 50, 75))
    return f"{least[0]:.2f} / {least[1]:.2f}: {middle:.2f}x ({low:.2f}–{high:.2f})"


def row(
    run: runs.Run, format: str, by: str, path: Path, seconds: str, session: runtimes.Session,
    parts: dict[str, Part], ratio: str,
) -> str:  # fmt: skip
    """A line of the table."""
    val, test = ((part, score(run, session.predict(part.pixels))) for part in (parts["val"], parts["test"]))
    size = path.stat().st_size + (path.with_suffix(".bin").stat().st_size if format == "openvino" else 0)
    threshold = run.decision.threshold
    truth, reference = test[0].truth, test[0].reference
    same = (test[1] >= threshold) == (reference >= threshold)
    low, high = wilson(float(same.mean()), len(same))
    accuracy, exact = (np.mean((each >= threshold) == truth) for each in (test[1], reference))
    cells = [
        format,
        by,
        f"{size / 1e6:.2f}",
        seconds,
        f"{np.abs(val[1] - val[0].reference).mean():.4f}",
        area(val[0], val[1]),
        f"{same.mean():.1%} [{low:.1%}–{high:.1%}]",
        f"{np.abs(test[1] - reference).mean():.4f}",
        f"{accuracy:.1%} ({100 * (accuracy - exact):+.1f})",
        area(test[0], test[1]),
        ratio,
    ]
    return f"| {' | '.join(cells)} |"


def area(part: Part, given: Any) -> str:
    found, exact = (roc_auc_score(part.truth, each) for each in (given, part.reference))
    return f"{found:.3f} ({found - exact:+.3f})"


if __name__ == "__main__":
    sys.exit(main())
