"""One set of weights and scales gives the same answers in every engine, all of it in INT8."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from int8_engines import ENGINES, SUFFIXES
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall import runtimes
from edgeall.exporting import int8

IMAGES = drawn_images(32)
AT_THE_END = {"openvino": {"Softmax": 1, "Subgraph": 1}}
"""Float operators that an engine has no INT8 form of, on the last handful of values: OpenVINO's softmax, and its
rounding or, in these tiny networks, the last dense layers."""


@dataclass(frozen=True)
class Case:
    model: Any
    ir: int8.IrModel
    quantized: int8.QuantizedModel
    reference: np.ndarray
    simulated: np.ndarray


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def case(request: pytest.FixtureRequest) -> Case:
    model = NETWORKS[request.param]()
    ir = int8.prepare(model)
    quant_params = int8.calibrate(ir, IMAGES, MAPPING, method="min-max")
    quantized = int8.freeze(ir.graph, ir.weights, quant_params, weight_bits=7)
    tensors = MAPPING.apply(IMAGES)
    answers = [np.asarray(m.predict_on_batch(tensors)) for m in (model, int8.simulate(quantized))]
    return Case(model, ir, quantized, *answers)


def test_the_plain_model_answers_as_the_keras_model(case: Case) -> None:
    from edgeall.exporting.int8.fake_quant import float_model

    answers = np.asarray(float_model(case.ir).predict_on_batch(MAPPING.apply(IMAGES)))
    assert case.reference.std(axis=0).min() > 0.05, "the network must answer differently to different images"
    np.testing.assert_allclose(answers, case.reference, atol=1e-4)


def test_the_simulation_is_near_the_float_model(case: Case) -> None:
    assert np.abs(case.simulated - case.reference).mean() < 0.05


@pytest.mark.parametrize("format", sorted(ENGINES))
def test_every_engine_answers_as_the_simulation_in_int8(case: Case, format: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES[format]}"
    int8.write(case.quantized, format, path)
    answers, in_float = ENGINES[format](path, MAPPING.apply(IMAGES))
    assert not in_float
    difference = np.abs(answers - case.simulated)
    assert difference.mean() <= 0.005
    assert difference.max() <= 0.05


@pytest.mark.parametrize("format", sorted(ENGINES))
def test_no_operator_computes_in_float_and_none_converts_inside(
    case: Case, format: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"model{SUFFIXES[format]}"
    int8.write(case.quantized, format, path)
    with runtimes.open_model(path, format, MAPPING, threads=1, precision="int8") as session:
        executed = session.executed_precision()
    allowed = AT_THE_END.get(format, {})
    assert all(count <= allowed.get(kind, 0) for kind, count in executed.float_operators.items())
    assert executed.conversions <= 2, "one at the input, one at the output"


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_the_same_model_gives_the_same_bytes(case: Case, format: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    int8.write(case.quantized, format, first)
    int8.write(case.quantized, format, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("format", sorted(ENGINES))
def test_images_in_one_batch_are_answered_as_each_alone(case: Case, format: Any, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES[format]}"
    int8.write(case.quantized, format, path)
    answers = []
    for batch in (1, 3):
        with runtimes.open_model(path, format, MAPPING, threads=1, precision="int8", batch=batch) as session:
            answers.append(session.predict(IMAGES[:6]))
    np.testing.assert_allclose(*answers, atol=0.02)
