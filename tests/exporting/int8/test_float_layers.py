"""An INT8 model with some layers kept in float32 answers alike in every engine, and computes just those in float."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from int8_engines import SUFFIXES
from int8_networks import MAPPING, NETWORKS, drawn_images

from edgeall import runtimes
from edgeall.errors import ExportError
from edgeall.exporting import int8

IMAGES = drawn_images(24)
FORMATS = ("tflite", "onnx", "openvino")


def mixed(plain: int8.PlainModel, tensors: Sequence[str]) -> int8.QuantizedModel:
    """INT8 but for what makes or reads `tensors`."""
    grids = int8.calibrate(plain, IMAGES, MAPPING, method="min-max")
    kept, kept_grids = int8.keep_in_float(plain, grids, tensors)
    return int8.freeze(kept.graph, kept.weights, kept_grids, 7)


def most_disturbing(plain: int8.PlainModel) -> list[str]:
    grids = int8.calibrate(plain, IMAGES, MAPPING, method="min-max")
    moved = int8.disturbances(plain, grids, IMAGES[:8], MAPPING)
    return sorted(moved, key=lambda name: -moved[name])[:2]


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_engines_answer_alike_with_layers_in_float(network: str, tmp_path: Path) -> None:
    plain = int8.prepare(NETWORKS[network]())
    model = mixed(plain, most_disturbing(plain))
    simulated = int8.predict(int8.simulate(model), IMAGES, MAPPING)
    for format in FORMATS:
        answers, _ = answer(model, format, tmp_path)
        assert np.abs(answers - simulated).mean() <= 0.005, format


def answer(model: int8.QuantizedModel, format: str, folder: Path) -> tuple[np.ndarray, set[str]]:
    """Answers of the format's engine, and the kinds of operators that it ran in float."""
    path = folder / f"model{SUFFIXES[format]}"
    int8.write(model, format, path)
    classes = max(model.graph.output.shape[0], 2)
    with runtimes.open_model(path, format, MAPPING, classes=classes, precision="int8") as session:
        tensors = [session.infer(session.prepare(image)).reshape(-1).copy() for image in IMAGES]
        return np.stack(tensors), set(session.executed_precision().float_operators)


@pytest.mark.parametrize("format", FORMATS)
def test_the_first_or_the_last_layers_in_float(format: str, tmp_path: Path) -> None:
    """At the model's ends nothing is left to round or to restore."""
    plain = int8.prepare(NETWORKS["plain_stack"]())
    names = [node.name for node in plain.graph.nodes]
    for ends in (names[:2], names[-2:]):
        model = mixed(plain, ends)
        answers, floats = answer(model, format, tmp_path)
        assert floats
        assert np.abs(answers - int8.predict(int8.simulate(model), IMAGES, MAPPING)).mean() <= 0.005


def test_everything_in_float_is_the_float_model() -> None:
    keras_model = NETWORKS["inverted_residuals"]()
    plain = int8.prepare(keras_model)
    model = mixed(plain, [node.name for node in plain.graph.nodes])
    assert not model.weights
    exact = np.asarray(keras_model.predict_on_batch(MAPPING.apply(IMAGES)))
    np.testing.assert_allclose(int8.predict(int8.simulate(model), IMAGES, MAPPING), exact, atol=1e-4)


def test_a_model_with_float_layers_is_kept_and_read_again(tmp_path: Path) -> None:
    plain = int8.prepare(NETWORKS["inception_branches"]())
    model = mixed(plain, most_disturbing(plain))
    int8.save(model, tmp_path / "model.npz")
    again = int8.load(tmp_path / "model.npz")
    given, kept = (int8.predict(int8.simulate(each), IMAGES, MAPPING) for each in (model, again))
    np.testing.assert_array_equal(given, kept)


def test_the_tensor_that_is_rounded_coarsest_disturbs_most() -> None:
    plain = int8.prepare(NETWORKS["inverted_residuals"]())
    grids = int8.calibrate(plain, IMAGES, MAPPING, method="min-max")
    name = next(node.name for node in plain.graph.nodes if node.kind == "add")
    grids[name] = int8.Grid(grids[name].scale * 30, grids[name].zero_point // 30)
    moved = int8.disturbances(plain, grids, IMAGES[:8], MAPPING)
    assert max(moved, key=lambda each: moved[each]) == name


def test_a_float_boundary_is_needed_where_the_first_layers_are_float(tmp_path: Path) -> None:
    model = mixed(int8.prepare(NETWORKS["plain_stack"]()), ["input"])
    with pytest.raises(ExportError, match="no int8 input and output"):
        int8.write(model, "tflite", tmp_path / "model.tflite", boundary="int8")


def test_what_a_pool_hands_on_stays_unrounded_behind_it() -> None:
    """Else the pool's result would be rounded as its input was not."""
    plain = int8.prepare(NETWORKS["plain_stack"]())
    pool = next(node for node in plain.graph.nodes if node.kind == "max_pool")
    model = mixed(plain, list(pool.inputs))
    reader = next(node for node in model.graph.nodes if pool.name in node.inputs)
    assert model.graph.by_name[pool.name].float
    assert reader.float
    assert reader.kind in ("conv", "dense", "flatten")


def test_what_a_concatenation_reads_is_no_candidate() -> None:
    plain = int8.prepare(NETWORKS["dense_blocks"]())
    grids = int8.calibrate(plain, IMAGES, MAPPING, method="min-max")
    moved = int8.disturbances(plain, grids, IMAGES[:8], MAPPING)
    joined = {name for node in plain.graph.nodes if node.kind == "concat" for name in node.inputs}
    assert moved
    assert joined.isdisjoint(moved)


def test_the_share_of_the_arithmetic_in_float() -> None:
    plain = int8.prepare(NETWORKS["plain_stack"]())
    names = [node.name for node in plain.graph.nodes]
    shares = [
        int8.float_share(model.graph, plain.weights)
        for model in (mixed(plain, names[:k]) for k in (1, 3, 99))
    ]
    assert 0 < shares[0] < shares[1] < shares[2] == 1


def test_a_costly_tensor_is_left_unrounded_after_a_cheap_one_of_like_effect() -> None:
    plain = int8.prepare(NETWORKS["inverted_residuals"]())
    grids = int8.calibrate(plain, IMAGES, MAPPING, method="min-max")
    names = [node.name for node in plain.graph.nodes if node.kind in ("conv", "depthwise")]

    def share(tensor: str) -> float:
        return int8.float_share(int8.keep_in_float(plain, grids, [tensor])[0].graph, plain.weights)

    cheap, dear = min(names, key=share), max(names, key=share)
    assert share(cheap) < share(dear) / 2
    assert int8.by_worth(plain, {dear: 0.1, cheap: 0.1}) == [cheap, dear]
    assert int8.by_worth(plain, {dear: 1.0, cheap: 0.01}) == [dear, cheap]


def test_what_other_tensors_have_taken_into_float_costs_nothing_more() -> None:
    plain = int8.prepare(NETWORKS["plain_stack"]())
    first, last = (node.name for node in plain.graph.nodes if node.kind == "conv")
    pool = next(node.name for node in plain.graph.nodes if node.kind == "max_pool")
    # The pool hands on what the first convolution makes, to a reader that is in float with it.
    assert int8.by_worth(plain, {first: 1.0, last: 0.01, pool: 0.005}) == [first, pool, last]
    assert int8.by_worth(plain, {last: 0.01, pool: 0.005}) == [last, pool]
