"""Results as CSV: a row a result, a column a figure, units in the names. An empty cell is unknown or undefined.

An artifact that could not be measured has a row too, with its `failure` and no figures.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from edgeall.csv_cells import harmless
from edgeall.recommending import Recommendation, recommend
from edgeall.recommending.constraints import shares
from edgeall.recommending.measured import p50
from edgeall.results import Bench, Failure, Result
from edgeall.statistics import Estimate, ratio_over_rounds

Cells = dict[str, Any]

_NAMES = (
    *("sha256", "run", "backbone", "weights", "input_size", "format", "precision", "executed_precision"),
    *("threads", "data", "measured_at"),
)
"""Columns that are fields of a result."""

_ESTIMATES: dict[str, Callable[[Result], Estimate | None]] = {
    "accuracy": lambda r: r.accuracy_shown,
    "sensitivity": lambda r: shares(r)["min_sensitivity"],
    "specificity": lambda r: shares(r)["min_specificity"],
    "balanced_accuracy": lambda r: r.balanced_accuracy,
    "ppv": lambda r: r.ppv,
    "f1": lambda r: r.f1,
    "auc": lambda r: r.auc,
    "average_precision": lambda r: r.average_precision,
    "mcc": lambda r: r.mcc,
    "brier": lambda r: r.brier,
    "accuracy_less_float32": lambda r: None if r.vs_float is None else r.vs_float.delta,
    "time_over_float32": lambda r: None if r.vs_float is None else r.vs_float.latency_ratio or None,
}
"""Three columns each: the figure, `_low` and `_high` of its 95% interval, over subjects where they are known."""


def to_csv(benches: Iterable[Bench]) -> str:
    """The whole table, with a header."""
    text = io.StringIO()
    rows = [row for bench in benches for row in _rows(bench)]
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _written(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _written(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else harmless(value)


def _rows(bench: Bench) -> Iterator[Cells]:
    found = recommend(bench)
    place = {"device": bench.device, "machine": bench.machine, "emulated": bench.emulated}
    yield from (place | _of_result(r, found) for r in bench.results)
    yield from (place | _of_failure(f) for f in found.failures)


def _of_failure(failure: Failure) -> Cells:
    return {"artifact": failure.artifact, "sha256": failure.sha256, "failure": failure.error}


def _of_result(r: Result, found: Recommendation) -> Cells:
    cells: Cells = {"artifact": r.artifact} | {name: getattr(r, name) for name in _NAMES}
    cells |= {
        "engine": str(r.engine),
        "split_by": r.split_by,
        "recommended": r is found.chosen,
        "parity": None if r.parity is None else r.parity.word,
        "images": r.n,
        "subjects": r.clusters,
        "threshold": r.threshold,
        "ece": r.ece,
    }
    for name, read in _ESTIMATES.items():
        cells |= _three(name, "", read(r))
    versus = r.vs_float
    cells |= {
        "verdicts_as_float32": None if versus is None else versus.agreement,
        "accuracy_less_float32_p": None if versus is None else versus.best_p_value,
    }
    failures = [f.error for f in found.bench.failures if r.sha256 is not None and f.sha256 == r.sha256]
    return cells | _costs(r, found.bench) | {"failure": "; ".join(dict.fromkeys(failures)) or None}


def _costs(r: Result, bench: Bench) -> Cells:
    median = None if bench.emulated else p50(r)
    cells: Cells = {
        "latency_kind": r.latency_kind,
        "cold_start_ms": None if bench.emulated else r.cold_start_ms,
        "peak_memory_bytes": None if bench.emulated else r.peak_rss_bytes,
        "size_bytes": r.size_bytes,
        "energy_j": None if r.energy is None else r.energy.joules_per_inference,
        "energy_source": r.energy_source,
        "noisy": r.noisy,
        "throttled": r.throttled,
        "hot": r.hot,
    }
    if median is not None and r.latency_ms is not None:
        medians = list(r.latency_ms.by_round.values())
        over_rounds = ratio_over_rounds(medians, [1.0] * len(medians))
        cells |= {"latency_p50_ms": median, "latency_p90_ms": r.latency_ms.p90}
        cells |= _three("latency_rounds", "_ms", over_rounds)
        cells["end_to_end_p50_ms"] = None if r.end_to_end_ms is None else r.end_to_end_ms.p50
    if r.latency_estimate is not None and r.latency_estimate.latency_ms is not None:
        ends = r.latency_estimate.latency_ms
        cells |= {"latency_estimated_low_ms": ends.low, "latency_estimated_high_ms": ends.high}
    return cells


def _three(name: str, unit: str, estimate: Estimate | None) -> Cells:
    if not isinstance(estimate, Estimate):
        return {}
    return {
        f"{name}{unit}": estimate.value,
        f"{name}_low{unit}": estimate.low,
        f"{name}_high{unit}": estimate.high,
    }


COLUMNS = (
    *("device", "machine", "emulated", "artifact", *_NAMES, "engine", "split_by"),
    *("recommended", "parity", "images", "subjects", "threshold"),
    *(f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")),
    *("ece", "verdicts_as_float32", "accuracy_less_float32_p"),
    *("latency_kind", "latency_p50_ms", "latency_p90_ms"),
    *("latency_rounds_ms", "latency_rounds_low_ms", "latency_rounds_high_ms"),
    *("latency_estimated_low_ms", "latency_estimated_high_ms", "end_to_end_p50_ms", "cold_start_ms"),
    *("peak_memory_bytes", "size_bytes", "energy_j", "energy_source", "noisy", "throttled", "hot", "failure"),
)
"""In their order. `latency_rounds_ms` is the geometric mean of the rounds' medians, with its t-interval."""
