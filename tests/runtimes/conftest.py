"""Models that no exporter makes, for what sessions must refuse; and the engines' own answers to compare with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_models import SmallModel


@pytest.fixture(scope="session")
def integer_tflite(tiny: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network with int8 input and output tensors."""
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow")

    folder = tiny.files["tflite-int8"].parent
    calibration = np.load(folder / "calibration.npy")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tiny.pixels.apply(image[None])] for image in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = tmp_path_factory.mktemp("integer") / "model.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture
def linear(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX model: mean of the picture times `factors`, one number a class, no sigmoid."""

    def write(*factors: float, batch: int | str = 1, size: int = 32, inputs: int = 1) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        weights = np.asarray([factors], dtype=np.float32)
        names = [f"image{index}" for index in range(inputs)]
        nodes = [
            helper.make_node("ReduceMean", [names[0], "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
            helper.make_node("MatMul", ["column", "weights"], ["out"]),
        ]
        graph = helper.make_graph(
            nodes,
            "linear",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, size, size, 3])
                for name in names
            ],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, len(factors)])],
            [
                numpy_helper.from_array(weights, "weights"),
                numpy_helper.from_array(np.array([1, 2, 3], dtype=np.int64), "axes"),
                numpy_helper.from_array(np.array([1], dtype=np.int64), "last"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        path = tmp_path / f"linear{len(list(tmp_path.iterdir()))}.onnx"
        onnx.save(model, path)
        return path

    return write
