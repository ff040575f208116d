"""Intel Neural Compressor 3: static quantization of the Keras model, the only form of the network that it takes."""

import keras
from contract import Refused, Task, answer


def make(task: Task) -> None:
    from neural_compressor.tensorflow import StaticQuantConfig, quantize_model

    class Loader:
        batch_size = 1

        def __iter__(self):
            return ((tensor, 0) for tensor in task.tensors())

    made = quantize_model(keras.saving.load_model(task.keras), StaticQuantConfig(), Loader())
    raise Refused(f"made a {type(made).__module__}.{type(made).__name__}, which is none of the three formats")


answer(make)
