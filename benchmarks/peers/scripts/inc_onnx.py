"""Intel Neural Compressor 2.6, the last release that quantizes ONNX files: static, everything else its default."""

from contract import Refused, Task, answer
from neural_compressor import PostTrainingQuantConfig, quantization


class Loader:
    """Pairs of inputs and labels that are not used."""

    batch_size = 1

    def __init__(self, task: Task) -> None:
        self.task = task

    def __iter__(self):
        return ((tensor, 0) for tensor in self.task.tensors())


def make(task: Task) -> str:
    count = sum(1 for _ in task.tensors())
    chosen = PostTrainingQuantConfig(approach="static", calibration_sampling_size=[count])
    made = quantization.fit(task.onnx, chosen, calib_dataloader=Loader(task))
    if made is None:
        raise Refused("quantization.fit returned nothing")
    made.save(task.out)
    return "PostTrainingQuantConfig(approach=static)"


answer(make)
