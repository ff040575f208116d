"""nncf.quantize_with_accuracy_control: accuracy on validation images may fall by .01, its own default."""

import nncf
import numpy as np
import openvino
from contract import Task, answer


def make(task: Task) -> str:
    validation = np.load(task.validation, mmap_mode="r")
    tensors = list(task.tensors())

    def right(outputs: np.ndarray, positive: bool) -> float:
        classes = outputs if len(outputs) > 1 else np.array([1 - outputs[0], outputs[0]])
        return float((classes[task.positive].sum() >= task.threshold) == positive)

    def accuracy(model, images):
        found = [right(model(tensor)[0][0], positive) for tensor, positive in images]
        return float(np.mean(found)), found

    pairs = [
        (np.array(image[None]), positive) for image, positive in zip(validation, task.truth, strict=True)
    ]
    made = nncf.quantize_with_accuracy_control(
        openvino.convert_model(task.onnx),
        calibration_dataset=nncf.Dataset(tensors),
        validation_dataset=nncf.Dataset(pairs),
        validation_fn=accuracy,
        subset_size=len(tensors),
    )
    openvino.save_model(made, task.out, compress_to_fp16=False)
    return f"accuracy on {len(pairs)} validation images, max_drop .01"


answer(make)
