"""A run as training leaves it and artifacts as export leaves them, made in a second: a real, tiny, untrained network.

It tells dark images from light ones, which is all that the drawn images differ in.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeall import artifact, files, runs
from edgeall.artifact import Artifact, Decision, Format, Metadata, Parity, Precision, Provenance
from edgeall.pixels import PixelMapping

SIZE = 32
PIXELS = PixelMapping(SIZE, "RGB", (1 / 255,) * 3, (0.0,) * 3)
FINGERPRINT = "0" * 64
"""Of the training images of an artifact that has no run."""
DECISION = Decision(labels=("healthy", "all"), positive=("all",))


def draw(folder: Path, counts: dict[str, int], seed: int = 0) -> None:
    """PNG images in a folder a class: "all" darker than "healthy", with enough overlap to be mistaken at times."""
    rng = np.random.default_rng(seed)
    for label, count in counts.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            middle = rng.normal(105 if label == "all" else 150, 20)
            pixels = rng.normal(middle, 12, (SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{label}{index:02}.png")


def make_run(folder: Path, data: Path, *, subjects: bool = False, test: int = 12) -> runs.Run:
    """A run folder whose split deals out the images of `data`: the first `test` to test, half of the rest to train."""
    images = sorted(data.glob("*/*.png"), key=lambda path: path.stem[::-1])
    middle = (test + len(images)) // 2
    members = [
        runs.Member(
            path.relative_to(data).as_posix(),
            files.sha256_file(path),
            path.parent.name,
            f"subject {index % 4 + 4 * ((index >= test) + (index >= middle))}" if subjects else None,
        )
        for index, path in enumerate(images)
    ]
    split = runs.Split(
        train=tuple(members[test:middle]),
        val=tuple(members[middle:]),
        test=tuple(members[:test]),
        grouped_by="subject" if subjects else "image",
    )
    run = runs.Run(
        path=folder,
        backbone="mobilenetv2",
        head="gap",
        weights="random weights",
        licence="Apache-2.0",
        seed=0,
        pixels=PIXELS,
        decision=DECISION,
        data=runs.DataSource(data, "image-folder", runs.fingerprint(split.train)),
        split=split,
        params={"total": 30, "trainable": 30, "non_trainable": 0},
    )
    folder.mkdir(parents=True)
    run.model_path.write_bytes(b"not opened by anything that is tested with it")
    runs.save(run)
    return run


def make_artifact(
    run: runs.Run, format: Format, precision: Precision, backbone: str = "mobilenetv2"
) -> Artifact:
    """One sealed artifact in the run's `exports/`; "float16" and "int8" are made by ONNX Runtime's own tools."""
    path = run.exports / f"{run.name}_{format}-{precision}{artifact.suffix_of(format)}"
    path.parent.mkdir(exist_ok=True)
    onnx_file = path.with_suffix(".onnx")
    write_network(onnx_file)
    if precision == "int8":
        _quantize(onnx_file)
    elif precision == "float16":
        _halve(onnx_file)
    if format == "openvino":
        import openvino

        openvino.save_model(openvino.convert_model(onnx_file), path, compress_to_fp16=False)
        onnx_file.unlink()
    provenance = Provenance(
        run.name, backbone, run.head, run.weights, run.data.layout, run.data.fingerprint, run.licence
    )
    parity = Parity(8, 1.0, 1e-3, 1e-4, True)
    return artifact.seal(path, Metadata(format, precision, PIXELS, DECISION, provenance, parity=parity))


def write_network(path: Path) -> None:
    """Convolution, mean over the picture, one sigmoid: high where it is dark."""
    onnx = pytest.importorskip("onnx", reason="writes its model with onnx")
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, values: object) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)

    kernel = np.full((4, 3, 3, 3), 1 / 27, dtype=np.float32) * np.arange(1, 5)[:, None, None, None]
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["features"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1])],
        [constant("kernel", kernel), constant("weights", [[-3.0]] * 4), constant("bias", [15.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


def _halve(path: Path) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), path)


def _quantize(path: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Noise(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self._left = [rng.random((1, SIZE, SIZE, 3), dtype=np.float32) for _ in range(4)]

        def get_next(self) -> dict[str, np.ndarray] | None:
            return {"image": self._left.pop()} if self._left else None

    quantize_static(str(path), str(path), Noise(), quant_format=QuantFormat.QDQ)
