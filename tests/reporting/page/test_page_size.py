"""A page of everything: six backbones, three formats and two precisions on 1,800 images."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from bench_documents import DECISION, document, result

pytest.importorskip("jinja2", reason="the page needs Jinja2")

from edgeall import results
from edgeall.reporting import page
from edgeall.statistics import classification_metrics

MOST = 3_000_000
BACKBONES = ("mobilenetv2", "densenet201", "resnet50", "vgg16", "xception", "inceptionv3")
TRUTH = np.repeat([0, 1], 900)
SUBJECTS = [f"s{image // 30}" for image in range(1800)]


def answered(noise: np.random.Generator) -> dict[str, Any]:
    """Metrics and predictions of scores that no other artifact gives."""
    scores = np.clip(0.5 * TRUTH + noise.normal(0.25, 0.2, 1800), 0.001, 0.999)
    probabilities = np.stack([1 - scores, scores], axis=1)
    predictions = {
        "images": [f"sha{image}" for image in range(1800)],
        "subjects": SUBJECTS,
        "truth": (TRUTH == 1).tolist(),
        "positive": (scores >= 0.5).tolist(),
        "scores": scores.tolist(),
    }
    return classification_metrics(TRUTH, probabilities, DECISION, SUBJECTS).to_dict() | {
        "predictions": predictions
    }


def test_a_large_bench_makes_a_page_that_a_phone_takes() -> None:
    noise = np.random.default_rng(0)
    every = product(BACKBONES, ("tflite", "onnx", "openvino"), ("float32", "int8"))
    measured = [result(*names, **answered(noise)) for names in every]
    text = page.html(results.merge([("laptop.json", document(measured))]))
    assert len(measured) == 36
    assert len(text.encode()) < MOST
