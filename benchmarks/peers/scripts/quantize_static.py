"""ONNX Runtime's quantize_static: nothing but a data reader given, or as its documents advise for x86 processors."""

from pathlib import Path

from contract import Task, answer
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static


class Reader(CalibrationDataReader):
    def __init__(self, task: Task) -> None:
        self.left = task.tensors()

    def get_next(self):
        tensor = next(self.left, None)
        return None if tensor is None else {"image": tensor}


def make(task: Task) -> str:
    if task.options.get("kind") != "u8s8":
        quantize_static(task.onnx, task.out, Reader(task))
        return "defaults: s8/s8 per tensor, QDQ"
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = str(Path(task.out).with_name("prepared.onnx"))
    quant_pre_process(task.onnx, prepared)
    quantize_static(
        prepared,
        task.out,
        Reader(task),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return "quant_pre_process, then u8/s8 per channel, QDQ"


answer(make)
