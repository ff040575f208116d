"""Bench documents as `edgeall bench` writes them, with figures from the same statistics, for any story to be told."""

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from edgeall.artifact import Decision
from edgeall.statistics import (
    classification_metrics,
    compare_verdicts,
    percentiles,
    round_spread,
)

DECISION = Decision(("hem", "all"), ("all",))
Document = dict[str, Any]


def result(
    backbone: str = "mobilenetv2",
    format: str = "tflite",
    precision: str = "float32",
    *,
    wrong: Sequence[int] = (),
    base_wrong: Sequence[int] | None = None,
    negatives: int = 12,
    positives: int = 10,
    subjects: int | None = None,
    medians: Sequence[float] = (10.0, 10.2, 9.9, 10.1, 10.0),
    threads: int = 1,
    kind: str = "measured",
    size_mb: float = 9.0,
    memory_mb: float = 120.0,
    session: int = 1,
    **changes: Any,
) -> Document:
    """One result. `wrong` are the images (healthy first) that it gets wrong; `base_wrong` those of its float32."""
    base = None if base_wrong is None else tuple(base_wrong)
    metrics, predictions, versus = worth(tuple(wrong), base, negatives, positives, subjects)
    latency = None
    if kind != "emulated":
        raw = [m * factor for m in medians for factor in np.linspace(0.97, 1.06, 16).tolist()]
        rounds = [
            {"session": session, "round": index, "n": 16, "median": m} for index, m in enumerate(medians)
        ]
        latency = percentiles(raw).to_dict() | {
            "rounds": rounds,
            "spread": round_spread(medians),
            "raw": raw,
        }
    document: Document = {
        "artifact": f"runs/{backbone}/exports/{backbone}_{format}-{precision}",
        "sha256": f"{backbone}-{format}-{precision}",
        "run": backbone,
        "backbone": backbone,
        "head": "gap",
        "weights": "imagenet",
        "format": format,
        "precision": precision,
        "executed_precision": precision,
        "executed_operators": {precision: 60},
        "float_operators": {} if precision == "int8" else {"CONV_2D": 60},
        "engine": {"name": {"tflite": "ai-edge-litert"}.get(format, format), "version": "2.3.0"},
        "threads": threads,
        **metrics,
        "data": "cnmc",
        "grouped_by": "subject",
        "split": {"grouped_by": "subject"},
        "predictions": predictions,
        "parity": {
            "n": 20,
            "agreement": 1.0,
            "max_abs_diff": 0.01,
            "mean_abs_diff": 0.001,
            "passed": True,
        },
        "vs_float": versus,
        "latency_kind": kind,
        "latency_ms": latency,
        "end_to_end_ms": None if latency is None else latency | {"p50": latency["p50"] + 3.0},
        "cold_start_ms": None if latency is None else 210.0,
        "noisy": None if latency is None else False,
        "peak_rss_bytes": int(memory_mb * 1e6),
        "size_bytes": int(size_mb * 1e6),
        "thermal": {"throttled": None},
        "settings": {"obeys_rules": True},
    }
    return copy.deepcopy(document | changes)


@cache
def worth(
    wrong: tuple[int, ...],
    base_wrong: tuple[int, ...] | None,
    negatives: int,
    positives: int,
    subjects: int | None,
) -> tuple[Document, Document, Document | None]:
    """Metrics, predictions and comparison with float32; cached, because a bootstrap takes its time."""
    truth = np.repeat([0, 1], [negatives, positives])
    n = len(truth)
    called = truth.astype(bool)
    called[list(wrong)] ^= True
    scores = np.where(called, 0.9, 0.1) + np.linspace(-0.05, 0.05, n)
    names = None if subjects is None else [f"s{index * subjects // n}" for index in range(n)]
    probabilities = np.stack([1 - scores, scores], axis=1)
    metrics = classification_metrics(truth, probabilities, DECISION, names).to_dict()
    predictions = {
        "images": [f"sha{index}" for index in range(n)],
        "names": [f"image{index}.bmp" for index in range(n)],
        "subjects": names,
        "truth": (truth == 1).tolist(),
        "positive": called.tolist(),
        "scores": scores.tolist(),
    }
    if base_wrong is None:
        return metrics, predictions, None
    base = truth.astype(bool)
    base[list(base_wrong)] ^= True
    return metrics, predictions, compare_verdicts(truth == 1, base, called, names).to_dict()


def document(results: Sequence[Document], device: str = "laptop", **changes: Any) -> Document:
    """A bench of one device."""
    emulated = bool(changes.pop("emulated", False))
    return {
        "schema": 1,
        "device": {
            "name": device,
            "model": None,
            "cpu": "Example CPU @ 2.10GHz",
            "cores": 2,
            "emulated": emulated,
        },
        "environment": {"before": {}, "after": {}},
        "results": list(results),
        "failures": [],
        "notes": [],
    } | changes


MakeResult = Callable[..., Document]


def journey(**changes: Any) -> Document:
    """Two backbones, three formats, two precisions, two thread counts: what the demo measures."""
    results = []
    noise = np.random.default_rng(0)
    story = {
        "mobilenetv2": {"wrong": [3], "ms": 10.0, "size": 9.2, "memory": 120.0},
        "densenet201": {"wrong": [], "ms": 95.0, "size": 73.4, "memory": 420.0},
    }
    for backbone, facts in story.items():
        for place, format in enumerate(("tflite", "onnx", "openvino")):
            for precision in ("float32", "int8"):
                for threads in (1, 2):
                    speed = 1 / 2.1 if precision == "int8" else 1.0
                    speed *= 0.6 if threads == 2 else 1.0
                    base = float(facts["ms"]) * speed * (1 + 0.07 * place)
                    quantized = precision == "int8"
                    results.append(
                        result(
                            backbone,
                            format,
                            precision,
                            wrong=[*facts["wrong"], *([15] if quantized and place == 1 else [])],
                            base_wrong=facts["wrong"] if quantized else None,
                            medians=(base * noise.normal(1, 0.01, 5)).tolist(),
                            threads=threads,
                            size_mb=float(facts["size"]) / (3.6 if quantized else 1),
                            memory_mb=float(facts["memory"]) / (2 if quantized else 1),
                            **changes,
                        )
                    )
    return document(results)
