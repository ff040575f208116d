"""A page of everything: six backbones, three formats and two precisions on 1,800 images."""

import numpy as np
import pytest
from bench_documents import document, result

pytest.importorskip("jinja2", reason="the page needs Jinja2")

from edgeall import results
from edgeall.reporting import page

MOST = 3_000_000


def test_a_large_bench_makes_a_page_that_a_phone_takes() -> None:
    noise = np.random.default_rng(0)
    truth = np.repeat([0.0, 1.0], 900)
    measured = []
    for number, backbone in enumerate(
        ("mobilenetv2", "densenet201", "resnet50", "vgg16", "xception", "inceptionv3")
    ):
        for format in ("tflite", "onnx", "openvino"):
            for precision in ("float32", "int8"):
                wrong = sorted(noise.choice(1800, 150 + 10 * number, replace=False).tolist())
                one = result(
                    backbone,
                    format,
                    precision,
                    wrong=wrong,
                    negatives=900,
                    positives=900,
                    subjects=60,
                    medians=[10.0 * (number + 1)] * 5,
                )
                scores = np.clip(0.5 * truth + noise.normal(0.25, 0.2, 1800), 0.001, 0.999)
                one["predictions"]["scores"] = scores.tolist()
                measured.append(one)
    text = page.html(results.merge([("laptop.json", document(measured))]))
    assert len(measured) == 36
    assert len(text.encode()) < MOST
