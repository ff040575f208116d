"""Calibration: activation ranges from images. Images are streamed, so that memory does not grow with their number."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeall.errors import ExportError
from edgeall.exporting.int8.fake_quant import float_model
from edgeall.exporting.int8.ir import Graph, IrModel, requantizes
from edgeall.exporting.int8.quant_params import PROBABILITY, STEPS, QuantParams, params_for_range
from edgeall.pixels import ByteImage, PixelMapping
from edgeall.progress import SILENT, Progress

RangeMethod = Literal["min-max", "mse"]
Histogram = npt.NDArray[np.float64]
BINS = 2048
_BATCH = 4
_MAX_SAMPLES = 1 << 18
"""Values of one tensor and batch that enter its histogram at most. More are subsampled at even steps."""
_LOGIT_LIMIT = 8.0
"""Beyond it a sigmoid is within 0.0004 of 0 or 1. A narrower range gives a finer scale near the threshold."""


def calibrate(
    ir: IrModel,
    images: ByteImage,
    mapping: PixelMapping,
    *,
    method: RangeMethod = "mse",
    progress: Progress = SILENT,
) -> dict[str, QuantParams]:
    """Quantization parameters of each group of tensors (`Graph.groups`).

    The first pass over the images finds the extremes, the second a histogram between them.

    Args:
        images: RGB bytes (n, size, size, 3).
        method: "min-max" covers every value. "mse" minimizes the mean squared error of rounding and clipping.

    Raises:
        ExportError: there are no images, their size is not the model's, or a tensor is zero on all of them.
    """
    graph = ir.graph
    if not len(images) or images.shape[1:] != graph.input.shape:
        raise ExportError(f"calibration images {images.shape} do not fit a model of {graph.input.shape}")
    extremes, histograms = _observe(
        ir, images, mapping, with_histograms=method != "min-max", progress=progress
    )
    dead = [group for group, (low, high) in extremes.items() if low == high]
    if dead or not all(np.isfinite(extremes[group]).all() for group in extremes):
        raise ExportError(
            f"tensor {(dead or list(extremes))[0]}: is zero or not finite for every calibration image"
        )
    choose = _RANGE_CHOOSERS[method]
    quant_params = {
        group: params_for_range(*choose(histograms.get(group), low, high))
        for group, (low, high) in extremes.items()
    }
    return quant_params | _fixed_params(graph, mapping, quant_params)


def _observe(
    ir: IrModel, images: ByteImage, mapping: PixelMapping, *, with_histograms: bool, progress: Progress
) -> tuple[dict[str, tuple[float, float]], dict[str, Histogram]]:
    """Extremes, which include zero, of each group of tensors, and with a second pass histograms between them."""
    observed = {node.name: ir.graph.groups[node.name] for node in ir.graph.nodes if requantizes(node)}
    model = float_model(ir, every_tensor=True)
    extremes: dict[str, tuple[float, float]] = {}
    histograms: dict[str, Histogram] = {}

    def widen(group: str, values: npt.NDArray[np.float32]) -> None:
        low, high = extremes.get(group, (0.0, 0.0))
        extremes[group] = (min(low, float(values.min())), max(high, float(values.max())))

    def count(group: str, values: npt.NDArray[np.float32]) -> None:
        low, high = extremes[group]
        flat = values.reshape(-1)
        flat = flat[:: max(1, flat.size // _MAX_SAMPLES)]
        bins = np.minimum(((flat - low) * (BINS / max(high - low, 1e-30))).astype(np.int64), BINS - 1)
        weight = values.size / flat.size
        histograms[group] = histograms.get(group, np.zeros(BINS)) + weight * np.bincount(bins, minlength=BINS)

    passes: list[Callable[[str, Any], None]] = [widen, count] if with_histograms else [widen]
    with progress.stage("calibrating", len(images) * len(passes)) as advance:
        for update in passes:
            for start in range(0, len(images), _BATCH):
                batch = images[start : start + _BATCH]
                tensors = model.predict_on_batch(mapping.apply(batch))
                for name, group in observed.items():
                    update(group, np.asarray(tensors[name]))
                advance(len(batch))
    return extremes, histograms


def _fixed_params(
    graph: Graph, mapping: PixelMapping, found: Mapping[str, QuantParams]
) -> dict[str, QuantParams]:
    """Parameters that do not depend on the images: of the input, of probabilities, and of a sigmoid's input."""
    table = mapping.table()
    # One step fewer than bytes have. With as many, bytes mapped to -1...1 fall half way between two codes,
    # and engines round halves differently.
    quant_params = {
        graph.groups[graph.input.name]: params_for_range(float(table.min()), float(table.max()), STEPS - 1)
    }
    if graph.output.kind in ("sigmoid", "softmax"):
        quant_params[graph.groups[graph.output.name]] = PROBABILITY
    if graph.output.kind == "sigmoid":
        logit = graph.groups[graph.output.inputs[0]]
        low, high = max(found[logit].low, -_LOGIT_LIMIT), min(found[logit].high, _LOGIT_LIMIT)
        quant_params[logit] = params_for_range(low, high)
    return quant_params


def _min_max(histogram: Histogram | None, low: float, high: float) -> tuple[float, float]:
    return low, high


def _min_mse(histogram: Histogram | None, low: float, high: float) -> tuple[float, float]:
    """The range with the least sum of rounding error, scale ** 2 / 12 a value inside, and clipping error outside."""
    assert histogram is not None
    share = histogram / histogram.sum()
    centre = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
    fractions = np.linspace(1.0, 0.1, 46)
    # The two ends clip independently. Only the rounding error depends on both.
    lows, highs = low * fractions, high * fractions
    below = (share * np.clip(lows[:, None] - centre, 0, None) ** 2).sum(axis=1)
    above = (share * np.clip(centre - highs[:, None], 0, None) ** 2).sum(axis=1)
    rounding = ((highs[None, :] - lows[:, None]) / STEPS) ** 2 / 12
    best = np.unravel_index(np.argmin(below[:, None] + above[None, :] + rounding), rounding.shape)
    return float(lows[best[0]]), float(highs[best[1]])


_RANGE_CHOOSERS: dict[str, Callable[[Histogram | None, float, float], tuple[float, float]]] = {
    "min-max": _min_max,
    "mse": _min_mse,
}
