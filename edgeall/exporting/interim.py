"""The bare model in its own engine."""

from pathlib import Path
from typing import Any

import numpy as np


def answers(path: Path, recipe: Any, pixels: Any, images: Any, threads: int) -> tuple[Any, list[str]]:
    """Class probabilities (n, k) on uint8 images."""
    out = []
    if recipe.format == "tflite":
        from ai_edge_litert.interpreter import Interpreter

        engine = Interpreter(str(path), num_threads=threads)
        engine.allocate_tensors()
        given, asked = engine.get_input_details()[0]["index"], engine.get_output_details()[0]["index"]

        def run(tensor: Any) -> Any:
            engine.set_tensor(given, tensor)
            engine.invoke()
            return engine.get_tensor(asked)
    elif recipe.format == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def run(tensor: Any) -> Any:
            return session.run(None, {name: tensor})[0]
    else:
        import openvino

        compiled = openvino.Core().compile_model(
            path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        )
        request = compiled.create_infer_request()

        def run(tensor: Any) -> Any:
            return np.array(request.infer([tensor])[0])

    for image in images:
        out.append(run(pixels.apply(np.asarray(image)[None])))
    raw = np.concatenate(out).astype(np.float32)
    return (raw if raw.shape[1] > 1 else np.concatenate([1 - raw, raw], axis=1)), []
