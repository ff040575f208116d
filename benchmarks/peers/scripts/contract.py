"""What a peer's script gets and gives. Runs in the peer's environment: standard library and NumPy alone."""

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Task:
    """A float model, and what to make of it.

    Attributes:
        format: "tflite", "onnx" or "openvino".
        keras, saved_model, tflite, onnx: the same float model; input "image" float32 (1, size, size, 3).
        calibration: .npy of input tensors, float32 (n, size, size, 3).
        validation: .npy likewise, for peers that control accuracy.
        truth: whether each validation image is positive.
        threshold: score from which a verdict of the float model is positive.
        positive: indices of the positive classes; of a lone sigmoid output p the classes are [1 - p, p].
        out: path for the model.
        options: of the peer's row.
    """

    format: str
    keras: str
    saved_model: str
    tflite: str
    onnx: str
    calibration: str
    validation: str
    truth: list[bool]
    threshold: float
    positive: list[int]
    out: str
    options: dict[str, str]

    def tensors(self) -> Any:
        """Calibration inputs, one after the other, (1, size, size, 3) each."""
        import numpy as np

        for tensor in np.load(self.calibration, mmap_mode="r"):
            yield np.array(tensor[None])


class PairLoader:
    """Calibration inputs in pairs with labels, which are not used: what Intel Neural Compressor takes."""

    batch_size = 1

    def __init__(self, task: Task) -> None:
        self.task = task

    def __iter__(self) -> Any:
        return ((tensor, 0) for tensor in self.task.tensors())


class Refused(Exception):
    """The peer does not take this network, or makes no model of this format: what it says itself."""


def answer(make: Callable[[Task], str | None]) -> None:
    """Read the task that is named on the command line, have it done, and write what came of it beside the task.

    The answer has `refused`, the peer's message or null, and `note`, what `make` returned: how the model was made.
    """
    path = Path(sys.argv[1])
    task = Task(**json.loads(path.read_text(encoding="utf-8")))
    told: dict[str, str | None] = {"refused": None, "note": None}
    try:
        told["note"] = make(task)
    except Exception as error:
        traceback.print_exc()
        text = " ".join(str(error).split()) or "no message"
        told["refused"] = text if isinstance(error, Refused) else f"{type(error).__name__}: {text}"[:300]
    path.with_name("answer.json").write_text(json.dumps(told), encoding="utf-8")
