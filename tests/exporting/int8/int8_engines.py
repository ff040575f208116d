"""Bare model files through their engines, and what the engines made of them."""

from pathlib import Path

import numpy as np


def tflite(path: Path, tensors: np.ndarray) -> tuple[np.ndarray, set[str]]:
    """Answers, and the names of tensors inside that are float."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for tensor in tensors:
        interpreter.set_tensor(source["index"], tensor[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(result["index"])[0].copy())
    floats = {d["name"] for d in interpreter.get_tensor_details() if d["dtype"] == np.float32}
    return np.stack(answers), floats - {source["name"], result["name"]}


def onnx(path: Path, tensors: np.ndarray) -> tuple[np.ndarray, set[str]]:
    """Answers, and the operators that stayed float in ONNX Runtime's optimised graph."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    optimised = path.with_suffix(".optimised.onnx")
    options.optimized_model_filepath = str(optimised)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    answers = [session.run(None, {"images": tensor[None]})[0][0] for tensor in tensors]
    operators = [node.op_type for node in onnx.load(optimised).graph.node]
    boundary = {"QuantizeLinear", "DequantizeLinear"}
    assert operators.count("QuantizeLinear") == operators.count("DequantizeLinear") == 1
    on_codes = {"Transpose", "Reshape", "NhwcMaxPool", "MaxPool", "Pad"}
    return np.stack(answers), {o for o in operators if not o.startswith("Q")} - boundary - on_codes


def openvino(path: Path, tensors: np.ndarray) -> tuple[np.ndarray, set[str]]:
    """Answers, and the layers with weights that OpenVINO does not run in 8 bits."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    answers = [next(iter(request.infer({0: tensor[None]}).values()))[0].copy() for tensor in tensors]
    floats = set()
    for operator in compiled.get_runtime_model().get_ordered_ops():
        info = operator.get_rt_info()
        kind, precision = info["layerType"].astype(str), info["runtimePrecision"].astype(str)
        weighted = kind in ("Convolution", "FullyConnected", "MatMul")
        if weighted and precision not in ("u8", "i8"):
            floats.add(operator.get_friendly_name())
    return np.stack(answers), floats


ENGINES = {"tflite": tflite, "onnx": onnx, "openvino": openvino}
SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "openvino": ".xml"}
