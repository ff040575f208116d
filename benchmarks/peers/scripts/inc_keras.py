"""Intel Neural Compressor 3: static quantization of the Keras model, and of the SavedModel of the same network."""

import keras
from contract import PairLoader, Refused, Task, answer
from neural_compressor.tensorflow import StaticQuantConfig, quantize_model


def make(task: Task) -> None:
    said = []
    for name, given in (("Keras", keras.saving.load_model(task.keras)), ("SavedModel", task.saved_model)):
        try:
            made = quantize_model(given, StaticQuantConfig(), PairLoader(task))
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            said.append(f"{name}: {type(error).__name__}: {text}")
        else:
            said.append(f"{name}: made a {type(made).__name__}, which is none of the three formats")
    raise Refused("; ".join(said))


answer(make)
