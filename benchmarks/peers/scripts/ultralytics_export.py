"""Ultralytics' export: what it says of a Keras classifier, and of the ONNX file of the same."""

import os
from pathlib import Path

os.environ["YOLO_OFFLINE"] = "true"

from contract import Refused, Task, answer

FORMATS = {"tflite": "tflite", "onnx": "onnx", "openvino": "openvino"}


def make(task: Task) -> None:
    from ultralytics import YOLO

    said = []
    for path in (task.keras, task.onnx):
        try:
            YOLO(path, task="classify").export(format=FORMATS[task.format], int8=True)
        except Exception as error:
            said.append(f"{Path(path).suffix}: {type(error).__name__}: {' '.join(str(error).split())[:110]}")
        else:
            said.append(f"{Path(path).suffix}: exported without an error")
    raise Refused("; ".join(said))


answer(make)
