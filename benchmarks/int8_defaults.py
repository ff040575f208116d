"""INT8 as edgeall exports it beside what each engine's own quantizer makes by default: `make int8-defaults RUNS="..."`.

Same float model, same calibration images. Every model is judged against the Keras model: on the test images, on these
shifted (`edgeall.shifts.mild`), and with --also on the pictures of another folder. Accuracy and verdicts are at
each model's own threshold, log-loss at its own temperature; both are chosen on validation images. Times are ratios of
processor time, one thread, the models of a format in turn in one process. The run's float32 and INT8 artifacts must
have been exported.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from int8_common import (
    CALIBRATION,
    Figures,
    Floats,
    Part,
    Reading,
    figures,
    find_runs,
    probabilities,
    read_part,
    read_pictures,
    score,
    table,
    time_ratios,
)
from peers.judging import open_bare
from peers.measuring import megabytes
from peers.trained import path_of

from edgeall import artifact, files, runs, runtimes, training
from edgeall.exporting import calibration_images, frozen, source_models
from edgeall.exporting.own_decision import own_decision
from edgeall.pixels import ByteImage
from edgeall.shifts.mild import FOR_EXPORT

TEST, VAL, ALSO = "test", "val", "also"


def tflite(made: source_models.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """TFLiteConverter: optimizations DEFAULT and a representative dataset."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(made.saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tensor] for tensor in tensors())
    out.write_bytes(converter.convert())


def onnx(made: source_models.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """quantize_static, nothing but a data reader given."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = tensors()

        def get_next(self) -> dict[str, Any] | None:
            tensor = next(self.left, None)
            return None if tensor is None else {frozen.INPUT: tensor}

    quantize_static(made.onnx, out, Reader())


def openvino(made: source_models.Sources, tensors: Callable[[], Iterator[Any]], out: Path) -> None:
    """nncf.quantize, nothing but a dataset given."""
    import nncf
    import openvino as ov

    quantized = nncf.quantize(ov.convert_model(made.onnx), nncf.Dataset(list(tensors())))
    ov.save_model(quantized, out, compress_to_fp16=False)


VENDORS: dict[artifact.Format, Callable[..., None]] = {"tflite": tflite, "onnx": onnx, "openvino": openvino}


@dataclass(frozen=True)
class Row:
    """An INT8 model of a run.

    Attributes:
        by: "edgeall" or "vendor".
        method: that edgeall made it by.
        megabytes: of its files.
        float_operators: left in it, by the engine's own account.
        to_float32: its time over that of the float32 artifact: median and ends of the 95 % interval.
        to_vendor: edgeall's time over the vendor's, likewise; None of the vendor's.
        figures: by the name of a set of pictures.
    """

    run: str
    format: str
    by: str
    method: str
    megabytes: float
    float_operators: int
    to_float32: tuple[float, float, float]
    to_vendor: tuple[float, float, float] | None
    figures: Mapping[str, Figures]


@dataclass(frozen=True)
class Pictures:
    """What a run's models are judged on: sets of images by name, and outputs of the Keras model."""

    run: runs.Run
    parts: Mapping[str, Part]
    outputs: Mapping[str, Floats]

    @property
    def reading(self) -> Reading:
        """How the Keras model is read: at the run's threshold."""
        decision = self.run.decision
        return Reading.of(self.outputs[VAL], self.parts[VAL].truth, decision, decision.threshold)

    def figures(self, predict: Callable[[ByteImage], Floats]) -> dict[str, Figures]:
        """Judge a model by its class probabilities on each set."""
        decision, truth = self.run.decision, self.parts[VAL].truth
        outputs = predict(self.parts[VAL].pixels)
        own = own_decision(self.run, score(self.outputs[VAL], decision), score(outputs, decision))
        reading = Reading.of(outputs, truth, decision, own.threshold)
        return {
            name: figures(
                predict(part.pixels), reading, self.outputs[name], self.reading, part.truth, decision
            )
            for name, part in self.parts.items()
            if name != VAL
        }


def main() -> int:
    """Print Markdown tables; with --json write all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="runs, or folders of a cross-validation's")
    parser.add_argument("--data", type=Path, help="where the runs' images are now")
    parser.add_argument("--also", type=Path, help="folder of other pictures; of them only changes are known")
    parser.add_argument("--json", type=Path, help="file for all figures")
    args = parser.parse_args()
    rows: list[Row] = []
    for run in find_runs(args.runs):
        rows += measure(run, args.data, args.also)
        if args.json:
            files.write_json(args.json, [asdict(row) for row in rows])
    print("\n\n".join(make(rows) for make in (main_table, shift_table, mean_table)))
    return 0


def measure(run: runs.Run, data: Path | None, also: Path | None) -> Iterator[Row]:
    """edgeall's and the vendor's model of each format that the run was exported to."""
    with tempfile.TemporaryDirectory() as folder:
        made = source_models.Sources(Path(folder), run.pixels)
        model = training.load_model(run)
        pictures = read_pictures_of(run, model, data, also)
        frozen.freeze(model, run.pixels.size, made.graph)
        for need in ("saved_model", "onnx"):
            source_models.INTERMEDIATES[need](made)
        images = Path(folder) / "calibration.npy"
        chosen = calibration_images.select(run.split.train, CALIBRATION, 0)
        calibration_images.decode(run, "train", chosen, images, data)
        for format, vendor in VENDORS.items():
            if not all(path_of(run, format, precision).is_file() for precision in ("int8", "float32")):
                print(f"{run.path}: not exported to {format} in int8 and float32: left out", file=sys.stderr)
                continue
            theirs = Path(folder) / f"default{artifact.suffix_of(format)}"
            started = time.monotonic()
            # NNCF draws its progress on standard output, which is for the tables.
            with redirect_stdout(sys.stderr):
                vendor(made, lambda: calibration_images.stream(images, run.pixels), theirs)
            print(f"{run.name}, {format}: default in {time.monotonic() - started:.0f} s", file=sys.stderr)
            yield from compare(pictures, format, theirs)


def read_pictures_of(run: runs.Run, model: Any, data: Path | None, also: Path | None) -> Pictures:
    """Read every set of pictures, and compute the Keras model's outputs."""
    parts = {VAL: read_part(run, "val", data), TEST: (test := read_part(run, "test", data))}
    for name, shift in FOR_EXPORT.items():
        parts[name] = Part(np.stack([shift(image) for image in test.pixels]), test.truth)
    if also is not None:
        parts[ALSO] = Part(read_pictures(run, also), None)
    outputs = {name: probabilities(run, model, part.pixels) for name, part in parts.items()}
    return Pictures(run, parts, outputs)


def compare(pictures: Pictures, format: artifact.Format, theirs: Path) -> Iterator[Row]:
    """The rows of a format."""
    run = pictures.run
    sealed = {precision: artifact.read(path_of(run, format, precision)) for precision in ("int8", "float32")}
    method = sealed["int8"].metadata.quantization.get("method", "?")
    with ExitStack() as stack:
        ours, exact = (
            stack.enter_context(runtimes.open_session(each, threads=1)) for each in sealed.values()
        )
        default = stack.enter_context(open_bare(theirs, format, run))
        tensors = [(each, each.prepare(pictures.parts[TEST].pixels[0])) for each in (ours, default, exact)]
        ratios = time_ratios(
            [partial(session.infer, tensor) for session, tensor in tensors], [(0, 2), (1, 2), (0, 1)]
        )
        for by, how, path, session, to_float32, to_vendor in (
            ("vendor", "", theirs, default, ratios[1], None),
            ("edgeall", method, sealed["int8"].path, ours, ratios[0], ratios[2]),
        ):
            left = sum(session.executed_precision().float_operators.values())
            found = pictures.figures(session.predict)
            yield Row(
                run.name, format, by, how, megabytes(path), left, to_float32, to_vendor, found
            )  # fmt: skip


def main_table(rows: list[Row]) -> str:
    """On the test images."""
    head = (
        "run", "format", "INT8 by", "MB", "float operators", "accuracy (change)", "AUC (change)",
        "log-loss (change)", "verdicts kept: all / outside ±.1 / at float's threshold", "time / float32",
        "edgeall / vendor",
    )  # fmt: skip
    return table(head, [[*_name(row), f"{row.megabytes:.2f}", str(row.float_operators), *_quality(row.figures[TEST]),
                         _kept(row.figures[TEST]), _ratio(row.to_float32), _ratio(row.to_vendor)]
                        for row in rows])  # fmt: skip


def shift_table(rows: list[Row]) -> str:
    """On the others: verdicts kept outside ±.1 of float's threshold, and changes of AUC and log-loss."""
    names = [name for name in (*FOR_EXPORT, ALSO) if rows and name in rows[0].figures]
    head = ("run", "format", "INT8 by", *(f"{name}: kept outside, ΔAUC, Δlog-loss" for name in names))
    return table(head, [[*_name(row), *(_shifted(row.figures[name]) for name in names)] for row in rows])


def mean_table(rows: list[Row]) -> str:
    """Means over runs, by format and maker, of the test images and of all shifts together."""
    head = (
        "format",
        "INT8 by",
        "runs",
        "pictures",
        "Δaccuracy",
        "ΔAUC",
        "Δlog-loss",
        "kept outside",
        "mean Δp",
    )
    lines = []
    for format, by in dict.fromkeys((row.format, row.by) for row in rows):
        of = [row for row in rows if (row.format, row.by) == (format, by)]
        for title, names in ((TEST, [TEST]), ("shifted", list(FOR_EXPORT)), (ALSO, [ALSO])):
            found = [row.figures[name] for row in of for name in names if name in row.figures]
            if found:
                lines.append([format, by, str(len(of)), title, *_means(found)])
    return table(head, lines)


def _name(row: Row) -> list[str]:
    return [row.run, row.format, f"{row.by}: {row.method}" if row.method else "the vendor's default"]


def _quality(found: Figures) -> list[str]:
    assert found.quality is not None
    given, changes = asdict(found.quality), found.changes
    return ["–" if changes[name] is None else f"{given[name]:.3f} ({changes[name]:+.3f})" for name in changes]


def _kept(found: Figures) -> str:
    outside = "–" if found.kept_outside is None else f"{found.kept_outside:.1%}"
    return f"{found.kept:.1%} / {outside} / {found.kept_at_float:.1%}"


def _shifted(found: Figures) -> str:
    outside = "–" if found.kept_outside is None else f"{found.kept_outside:.1%}"
    if found.quality is None:
        return f"{outside}, Δp {found.mean_difference:.3f}"
    changes = (found.changes[name] for name in ("auc", "log_loss"))
    return ", ".join([outside, *("–" if change is None else f"{change:+.3f}" for change in changes)])


def _ratio(ratio: tuple[float, float, float] | None) -> str:
    return "" if ratio is None else f"{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]"


def _means(found: list[Figures]) -> list[str]:
    changes = [
        [change for each in found if (change := each.changes[name]) is not None]
        for name in ("accuracy", "auc", "log_loss")
    ]
    outside = [each.kept_outside for each in found if each.kept_outside is not None]
    return [
        *(f"{np.mean(of):+.3f}" if of else "–" for of in changes),
        f"{np.mean(outside):.1%}" if outside else "–",
        f"{np.mean([each.mean_difference for each in found]):.3f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
