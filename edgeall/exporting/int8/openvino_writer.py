"""Writes an INT8 model as OpenVINO IR, converted by OpenVINO from ONNX."""

from pathlib import Path

from edgeall import files
from edgeall.exporting.int8.onnx_writer import build
from edgeall.exporting.int8.quantized import QuantizedModel


def write_openvino(model: QuantizedModel, path: Path) -> None:
    """Write `model` to `path`, an .xml, and its .bin; float32 (1, height, width, channels) in and (1, classes) out."""
    import tempfile

    import onnx
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.onnx"
        onnx.save(build(model, for_openvino=True), source)
        converted = openvino.convert_model(source)
        with files.replacing(path) as part:
            # Neither file names the other: OpenVINO reads the .bin with the name of the .xml.
            openvino.save_model(converted, part, compress_to_fp16=False)
            part.with_suffix(".bin").replace(path.with_suffix(".bin"))
