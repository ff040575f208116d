"""Writes the sensitivity of a run's layers to INT8 as a table and a plot. Runs in a worker process.

It is measured on the INT8 model that all formats share, and therefore the same for each format.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from edgeall import files, training
from edgeall.csv_cells import harmless
from edgeall.exporting import int8
from edgeall.exporting.int8.sensitivity import LayerNoise, measure
from edgeall.exporting.int8_methods import post_training
from edgeall.runs import Run

_COLUMNS = ("layer", "kind", "weights_db", "own_db", "total_db")


def write(run: Run, calibration: Path, weight_bits: int, out: Path) -> None:
    """Measure on the images of `calibration` (.npy) and write `out`.csv and `out`.png."""
    images = np.load(calibration, allow_pickle=False)
    ir, quant_params = post_training.calibrated(training.load_model(run), images, run.pixels)
    rows = measure(ir, quant_params, weight_bits, images[: int8.CORRECTION_IMAGES], run.pixels)
    files.write_text(out.with_suffix(".csv"), _table(rows))
    # "$" in a name is no formula.
    with matplotlib.rc_context({"text.parse_math": False}), files.replacing(out.with_suffix(".png")) as part:
        _draw(rows, f"{run.name}: quantization error by layer, {weight_bits}-bit weights", part)


def _table(rows: Sequence[LayerNoise]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        values = [getattr(row, column) for column in _COLUMNS]
        writer.writerow([f"{value:.2f}" if isinstance(value, float) else harmless(value) for value in values])
    return text.getvalue()


def _draw(rows: Sequence[LayerNoise], title: str, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2 + 0.16 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    axes.barh(places, [row.own_db for row in rows], color="#9ecae1", label="this layer quantized alone")
    axes.plot(
        [row.total_db for row in rows], places, ".-", color="#08519c", label="all layers up to it quantized"
    )
    axes.set_yticks(places, [row.layer for row in rows], fontsize=6)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("signal-to-quantization-noise ratio in dB (higher is better)")
    axes.set_title(title, fontsize=9)
    axes.legend(loc="lower right", fontsize=7)
    figure.savefig(path, dpi=120, metadata={"Software": None})
