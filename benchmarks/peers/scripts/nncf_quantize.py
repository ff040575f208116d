"""nncf.quantize: nothing but a dataset given."""

import nncf
from contract import Task, answer


def make(task: Task) -> None:
    if task.format == "onnx":
        import onnx

        tensors = [{"image": tensor} for tensor in task.tensors()]
        onnx.save(
            nncf.quantize(onnx.load(task.onnx), nncf.Dataset(tensors), subset_size=len(tensors)), task.out
        )
        return
    import openvino

    tensors = list(task.tensors())
    made = nncf.quantize(openvino.convert_model(task.onnx), nncf.Dataset(tensors), subset_size=len(tensors))
    openvino.save_model(made, task.out, compress_to_fp16=False)


answer(make)
