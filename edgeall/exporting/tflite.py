"""SavedModel to TFLite, by TensorFlow's converter. Runs inside a worker process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeall.exporting.calibration import stream
from edgeall.exporting.recipes import Recipe
from edgeall.exporting.sources import Sources

NEEDS = ("saved_model",)
PACKAGES = ("keras", "tensorflow")


def convert(sources: Sources, recipe: Recipe, calibration: Path | None, out: Path) -> None:
    """Write the bare model of `recipe` to `out`; input and output stay float32 where the recipe's boundary is."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(sources.saved_model))
    if recipe.precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if recipe.quantization is not None and recipe.quantization.activations == "dynamic":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    elif recipe.quantization is not None and calibration is not None:
        images = calibration

        def representative() -> Iterator[list[Any]]:
            for tensor in stream(images, sources.pixels):
                yield [tensor]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        # Without a float kernel to fall back on, an operator that cannot be int8 is an error and not a surprise.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if recipe.quantization.boundary == "int8":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = recipe.quantization.granularity == "tensor"
    out.write_bytes(converter.convert())
