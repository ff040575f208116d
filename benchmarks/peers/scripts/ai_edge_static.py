"""ai-edge-quantizer: its recipe of static INT8, on the float TFLite file."""

from ai_edge_quantizer import quantizer, recipe
from contract import Task, answer


def make(task: Task) -> str:
    made = quantizer.Quantizer(task.tflite, recipe.static_wi8_ai8())
    (signature,) = _signatures(task.tflite)
    name, inputs = signature
    ranges = made.calibrate({name: [{inputs: tensor} for tensor in task.tensors()]})
    made.quantize(ranges).export_model(task.out, overwrite=True)
    return "recipe static_wi8_ai8"


def _signatures(path: str) -> list[tuple[str, str]]:
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(path).get_signature_list()
    return [(name, ports["inputs"][0]) for name, ports in found.items()]


answer(make)
