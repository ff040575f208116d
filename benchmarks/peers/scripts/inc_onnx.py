"""Intel Neural Compressor 2.6, the last release that quantizes ONNX files: static, everything else its default."""

from contract import PairLoader, Refused, Task, answer
from neural_compressor import PostTrainingQuantConfig, quantization


def make(task: Task) -> str:
    count = sum(1 for _ in task.tensors())
    chosen = PostTrainingQuantConfig(approach="static", calibration_sampling_size=[count])
    made = quantization.fit(task.onnx, chosen, calib_dataloader=PairLoader(task))
    if made is None:
        raise Refused("quantization.fit returned nothing")
    made.save(task.out)
    return "PostTrainingQuantConfig(approach=static)"


answer(make)
