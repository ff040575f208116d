#!/usr/bin/env bash
# OpenVINO answers wrongly, without an error, for a convolution, zero padding, and a strided convolution of 1 x 1.
#
# Expected: the answers of ONNX Runtime and of plain NumPy arithmetic, to rounding.
# Seen:     (openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6; float32 asked for) another answer, off by
#           whole units. With the strides of the last convolution at 1 the answers agree.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
OPENVINO_TELEMETRY_OPT_OUT=1 venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
FIRST = rng.normal(size=(5, 9, 3, 3)).astype(np.float32)
POINT = rng.normal(size=(2, 5, 1, 1)).astype(np.float32)
X = np.random.default_rng(0).normal(size=(1, 9, 12, 12)).astype(np.float32)


def judge(stride):
    """The same by loops: convolve, pad by (1, 0, 2, 3), take each `stride`-th pixel, mix channels, average."""
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    a = np.einsum("nchwij,ocij->nohw", windows, FIRST)
    a = np.pad(a, ((0, 0), (0, 0), (1, 2), (0, 3)))[:, :, ::stride, ::stride]
    return np.einsum("nchw,oc->nohw", a, POINT[:, :, 0, 0]).mean(axis=(2, 3)).ravel()


def answers(stride):
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], pads=[1] * 4),
        helper.make_node("Pad", ["a", "pads"], ["p"]),
        helper.make_node("Conv", ["p", "point"], ["b"], strides=[stride] * 2),
        helper.make_node("GlobalAveragePool", ["b"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(FIRST, "first"), numpy_helper.from_array(POINT, "point"),
        numpy_helper.from_array(np.array([0, 0, 1, 0, 0, 0, 2, 3]), "pads"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 1, 1])], constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "m.onnx")
    session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    compiled = openvino.compile_model("m.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return session.run(None, {"x": X})[0].ravel(), compiled(X)[0].ravel()


off = {}
for stride in (1, 4):
    ort, ov = answers(stride)
    print(f"stride {stride}: NumPy {judge(stride).round(3)}  ONNX Runtime {ort.round(3)}  OpenVINO {ov.round(3)}")
    assert abs(ort - judge(stride)).max() < 1e-3
    off[stride] = float(abs(ov - ort).max())
sys.exit(0 if off[1] < 1e-3 and off[4] > 0.1 else 1)
PYTHON
