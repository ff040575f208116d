#!/usr/bin/env bash
# ONNX Runtime's per-channel static quantizer loses the bias of a channel whose weights are all zero.
#
# Folding BatchNorm leaves such channels: a dead channel has zero weights and a bias that later layers read.
# Expected: zero weights round to zero at any scale, so the quantized channel answers with its bias, 0.4.
# Seen:     (onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6) the channel gets weight scale 1. A bias is stored in units
#           of input scale x weight scale, so it is rounded to whole steps of the input (here 1.0): 0.4 becomes 0. With
#           weights of 1e-9 in that channel, the same bias is kept.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

PICTURE = np.linspace(0, 255, 3 * 8 * 8, dtype=np.float32).reshape(1, 3, 8, 8)


class One(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": PICTURE}]

    def get_next(self):
        return self.left.pop() if self.left else None


def answer(weight):
    """Means of the two channels, in float and quantized; the second channel's weights are all `weight`."""
    weights = np.stack([np.full((3, 1, 1), 0.01), np.full((3, 1, 1), weight)]).astype(np.float32)
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([0.1, 0.4], np.float32), "b"),
    ]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 8, 8])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "float.onnx")
    quantize_static(
        "float.onnx", "int8.onnx", One(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )
    found = {}
    for name in ("float", "int8"):
        session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
        found[name] = session.run(None, {"x": PICTURE})[0].mean(axis=(0, 2, 3))
    scales = [
        numpy_helper.to_array(each) for each in onnx.load("int8.onnx").graph.initializer
        if each.name.startswith("w") and "scale" in each.name
    ]
    return found, scales[0]


zero, scale = answer(0.0)
tiny, _ = answer(1e-9)
print("weight scales with a zero channel:", scale)
print("second channel: float", zero["float"][1], " int8, weights 0:", zero["int8"][1], " int8, weights 1e-9:", tiny["int8"][1])
lost, kept = abs(zero["int8"][1] - 0.4) > 0.3, abs(tiny["int8"][1] - 0.4) < 0.05
sys.exit(0 if scale[1] == 1 and lost and kept else 1)
PYTHON
