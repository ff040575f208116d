"""Quantization-aware training of the last layers, on top of post-training quantization."""

from edgeall.exporting import int8
from edgeall.exporting.int8_methods import post_training
from edgeall.exporting.int8_methods.method_inputs import MethodInputs


def make(inputs: MethodInputs) -> int8.QuantizedModel:
    """Method "fine-tuning".

    Raises:
        ExportError: as `post_training.calibrated`, or the loss is not finite.
    """
    assert inputs.training is not None
    settings = inputs.settings
    tuning = int8.Tuning(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_bits=settings.weight_bits,
        seed=settings.seed,
    )
    return int8.fine_tune(*post_training.corrected(inputs), inputs.training, inputs.run.pixels, tuning)
