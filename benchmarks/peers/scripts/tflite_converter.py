"""TFLiteConverter: optimizations DEFAULT and a representative dataset, nothing else."""

from pathlib import Path

import tensorflow as tf
from contract import Task, answer


def make(task: Task) -> None:
    converter = tf.lite.TFLiteConverter.from_saved_model(task.saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tensor] for tensor in task.tensors())
    Path(task.out).write_bytes(converter.convert())


answer(make)
