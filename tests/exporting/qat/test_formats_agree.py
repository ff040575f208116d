"""One set of weights and scales gives the same answers in every engine, all of it in INT8."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qat_engines import ENGINES, SUFFIXES
from qat_networks import MAPPING, NETWORKS, drawn_images

from edgeall.exporting import qat

IMAGES = drawn_images(32)


@dataclass(frozen=True)
class Case:
    model: Any
    plain: qat.PlainModel
    quantized: qat.QuantizedModel
    reference: np.ndarray
    simulated: np.ndarray


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def case(request: pytest.FixtureRequest) -> Case:
    model = NETWORKS[request.param]()
    plain = qat.prepare(model)
    grids = qat.calibrate(plain, IMAGES, MAPPING, method="min-max")
    quantized = qat.freeze(plain.graph, plain.weights, grids, weight_bits=7)
    tensors = MAPPING.apply(IMAGES)
    answers = [np.asarray(m.predict_on_batch(tensors)) for m in (model, qat.simulate(quantized))]
    return Case(model, plain, quantized, *answers)


def test_the_plain_model_answers_as_the_keras_model(case: Case) -> None:
    from edgeall.exporting.qat.twin import float_model

    answers = np.asarray(float_model(case.plain).predict_on_batch(MAPPING.apply(IMAGES)))
    assert case.reference.std(axis=0).min() > 0.05, "the network must answer differently to different images"
    np.testing.assert_allclose(answers, case.reference, atol=1e-4)


def test_the_simulation_is_near_the_float_model(case: Case) -> None:
    assert np.abs(case.simulated - case.reference).mean() < 0.05


@pytest.mark.parametrize("format", sorted(ENGINES))
def test_every_engine_answers_as_the_simulation_in_int8(case: Case, format: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES[format]}"
    qat.WRITERS[format](case.quantized, path)
    answers, in_float = ENGINES[format](path, MAPPING.apply(IMAGES))
    assert not in_float
    difference = np.abs(answers - case.simulated)
    assert difference.mean() <= 0.005
    assert difference.max() <= 0.05


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_the_same_model_gives_the_same_bytes(case: Case, format: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    qat.WRITERS[format](case.quantized, first)
    qat.WRITERS[format](case.quantized, second)
    assert first.read_bytes() == second.read_bytes()
