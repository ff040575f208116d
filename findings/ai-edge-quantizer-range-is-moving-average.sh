#!/usr/bin/env bash
# ai-edge-quantizer's calibration gives a tensor's range as a moving average of the samples' ranges, in their order.
#
# Guessed:  before it was tried: the range holds the smallest and the largest value that calibration showed, as with
#           TFLiteConverter, in whatever order the samples come.
# Seen:     (ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0, numpy 2.4.6) each sample moves the range by a twentieth of
#           the way to its own: the first counts .95^(n-1), the last .05. Of ten samples one holds 10, the others 1: the
#           range reaches to 6.67 where that sample is the first, and to 1.45 where it is the last, and the INT8 model's
#           answer to this calibration sample is cut to that. Sorted samples, such as one class after the other, make
#           another model than mixed ones.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

SIZE = 4
ONES, TEN = np.ones((1, SIZE), np.float32), np.full((1, SIZE), 10.0, np.float32)


def identity():
    """A float model: y = x, by a fully connected layer."""

    def tensor(name, shape, buffer):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.FLOAT32, buffer
        return made

    weights = schema.BufferT()
    weights.data = np.frombuffer(np.eye(SIZE, dtype=np.float32).tobytes(), np.uint8)
    layer = schema.OperatorT()
    layer.opcodeIndex, layer.inputs, layer.outputs = 0, [0, 1, -1], [2]
    layer.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    layer.builtinOptions = schema.FullyConnectedOptionsT()
    graph = schema.SubGraphT()
    graph.tensors = [tensor("x", [1, SIZE], 0), tensor("w", [SIZE, SIZE], 1), tensor("y", [1, SIZE], 0)]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [layer]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    ports = []
    for name, index in (("x", 0), ("y", 2)):
        port = schema.TensorMapT()
        port.name, port.tensorIndex = name, index
        ports.append(port)
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = ports[:1], ports[1:]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers, model.signatureDefs = [schema.BufferT(), weights], [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def answer(model, x):
    """The largest output; integer inputs and outputs have the model's own scales."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    if given["dtype"] == np.int8:
        scale, zero = given["quantization"]
        x = np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    y = interpreter.get_tensor(made["index"]).astype(np.float64)
    if made["dtype"] == np.int8:
        scale, zero = made["quantization"]
        y = (y - zero) * scale
    return float(y.max())


def quantized(samples):
    """The range of x after calibration, and the INT8 model's answer to the largest of its calibration samples."""
    made = quantizer.Quantizer(bytearray(FLOAT), recipe.static_wi8_ai8())
    ranges = made.calibrate({"serving_default": [{"x": sample} for sample in samples]})
    return float(np.max(ranges["x"]["max"])), answer(bytes(made.quantize(ranges).quantized_model), TEN)


FLOAT = identity()
print("float model's answer to 10:", answer(FLOAT, TEN))
found = {}
for place, samples in (("first", [TEN] + [ONES] * 9), ("last", [ONES] * 9 + [TEN])):
    found[place] = quantized(samples)
    print(f"ten calibration samples, the {place} is 10, the others 1: range to {found[place][0]:.2f}, answer to 10: {found[place][1]:.2f}")
late, early = 1 + 0.05 * 9, 1 + 0.95**9 * 9
close = all(abs(value - late) < 0.05 for value in found["last"]) and all(abs(value - early) < 0.05 for value in found["first"])
sys.exit(0 if close else 1)
PYTHON
