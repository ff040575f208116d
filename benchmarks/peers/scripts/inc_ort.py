"""onnx-neural-compressor, where Neural Compressor's ONNX part went: StaticQuantConfig with a data reader, QDQ."""

from contract import Task, answer
from onnx_neural_compressor import data_reader
from onnx_neural_compressor.quantization import QuantFormat, config, quantize


class Reader(data_reader.CalibrationDataReader):
    def __init__(self, task: Task) -> None:
        self.task = task
        self.rewind()

    def get_next(self):
        tensor = next(self.left, None)
        return None if tensor is None else {"image": tensor}

    def rewind(self) -> None:
        self.left = self.task.tensors()


def make(task: Task) -> str:
    chosen = config.StaticQuantConfig(calibration_data_reader=Reader(task), quant_format=QuantFormat.QDQ)
    quantize(task.onnx, task.out, chosen)
    return "StaticQuantConfig, QDQ, everything else its default"


answer(make)
