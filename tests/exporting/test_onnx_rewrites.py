"""Rewrites of an ONNX graph change its operators and never its answers."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeall.exporting.onnx_rewrites import rewrite

SHAPE = (1, 9, 9, 4)


def write(path: Path, nodes: list, constants: dict[str, np.ndarray], channels_first: bool = False) -> Path:
    shape = [SHAPE[i] for i in (0, 3, 1, 2)] if channels_first else list(SHAPE)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def operators(path: Path) -> Counter:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def answers(path: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    image = np.random.default_rng(0).normal(size=given.shape).astype(np.float32)
    return session.run(None, {given.name: image})[0]


def check(path: Path, gone: set[str], come: set[str]) -> None:
    before = answers(path)
    rewrite(path)
    assert not gone & set(operators(path))
    assert come <= set(operators(path))
    np.testing.assert_allclose(answers(path), before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("axes", "channels_first"), [([1, 2], False), ([2, 3], True)])
def test_a_mean_over_the_picture_is_a_pool(tmp_path: Path, axes: list[int], channels_first: bool) -> None:
    nodes = [helper.make_node("ReduceMean", ["image", "axes"], ["out"], keepdims=0)]
    check(
        write(tmp_path / "m.onnx", nodes, {"axes": np.array(axes)}, channels_first),
        {"ReduceMean"},
        {"GlobalAveragePool"},
    )


def test_a_transposition_before_the_mean_is_saved(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["image"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMean", ["last", "axes"], ["out"], keepdims=0),
    ]
    check(
        write(tmp_path / "m.onnx", nodes, {"axes": np.array([1, 2])}, channels_first=True),
        {"ReduceMean", "Transpose"},
        {"GlobalAveragePool"},
    )


@pytest.mark.parametrize(("axes", "keepdims"), [([1, 2], 1), ([3], 0), ([1, 3], 0)])
def test_other_means_stay(tmp_path: Path, axes: list[int], keepdims: int) -> None:
    nodes = [helper.make_node("ReduceMean", ["image", "axes"], ["out"], keepdims=keepdims)]
    check(write(tmp_path / "m.onnx", nodes, {"axes": np.array(axes)}), set(), {"ReduceMean"})


PADS = np.array([0, 0, 0, 1, 0, 0, 2, 1])
KERNEL = np.random.default_rng(1).normal(size=(2, 4, 3, 3)).astype(np.float32)


def test_zeros_before_a_convolution_become_its_own(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Pad", ["image", "pads"], ["padded"]),
        helper.make_node("Conv", ["padded", "kernel"], ["out"], pads=[1, 0, 0, 0], strides=[2, 2]),
    ]
    path = write(tmp_path / "m.onnx", nodes, {"pads": PADS, "kernel": KERNEL}, channels_first=True)
    check(path, {"Pad"}, {"Conv"})
    assert len(onnx.load(path).graph.initializer) == 1  # the kernel: what the padding needed is gone


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_padding_that_others_use_or_that_is_not_zero_stays(tmp_path: Path, value: float) -> None:
    nodes = [
        helper.make_node("Pad", ["image", "pads", "value"], ["padded"]),
        helper.make_node("Conv", ["padded", "kernel"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["mean"]),
        helper.make_node("ReduceMax", ["padded"], ["largest"], keepdims=0),
        helper.make_node("Add", ["mean", "largest"], ["out"]),
    ]
    constants = {"pads": PADS, "kernel": KERNEL, "value": np.float32(value).reshape(())}
    check(write(tmp_path / "m.onnx", nodes, constants, channels_first=True), set(), {"Pad", "Conv"})


@pytest.mark.parametrize(("activation", "convolutions"), [("Relu", 0), ("Tanh", 1)])
def test_zeros_before_a_max_pool_need_a_convolution_where_values_are_below_them(
    tmp_path: Path, activation: str, convolutions: int
) -> None:
    nodes = [
        helper.make_node(activation, ["image"], ["active"]),
        helper.make_node("Pad", ["active", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["out"], kernel_shape=[3, 3], strides=[2, 2]),
    ]
    path = write(tmp_path / "m.onnx", nodes, {"pads": PADS}, channels_first=True)
    check(path, {"Pad"}, {"MaxPool"})
    assert operators(path)["Conv"] == convolutions


def test_a_window_of_nothing_but_padding_sees_zeros(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["active"]),
        helper.make_node("Pad", ["active", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["out"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    check(write(tmp_path / "m.onnx", nodes, {"pads": PADS}, channels_first=True), {"Pad"}, {"Conv"})


def test_tensors_get_the_names_asked_for(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["image"], ["out"])]
    path = write(tmp_path / "m.onnx", nodes, {})
    rewrite(path, {"image": "pixels", "out": "answer"})
    graph = onnx.load(path).graph
    assert ([each.name for each in graph.input], [each.name for each in graph.output]) == (
        ["pixels"],
        ["answer"],
    )
    assert answers(path).shape == SHAPE


def test_padding_before_a_strided_point_is_read_alike_by_openvino(tmp_path: Path) -> None:
    """OpenVINO moves the strides of a convolution of 1 x 1 to the one before, past the padding between them."""
    import openvino

    rng = np.random.default_rng(1)
    constants = {
        "pads": np.array([0, 0, 1, 0, 0, 0, 2, 3]),
        "before": rng.normal(size=(5, 9, 3, 3)).astype(np.float32),
        "point": rng.normal(size=(2, 5, 1, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "before"], ["a"], pads=[1] * 4),
        helper.make_node("Pad", ["a", "pads"], ["padded"]),
        helper.make_node("Conv", ["padded", "point"], ["b"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["b"], ["out"]),
    ]
    path = write(tmp_path / "m.onnx", nodes, constants)
    check(path, {"Pad"}, {"Conv"})
    image = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled(image)[0], answers(path), rtol=1e-4, atol=1e-5)
