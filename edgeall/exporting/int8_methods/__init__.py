"""The methods that make the INT8 model which formats share: one module and one row of `METHODS` each.

A new method is a module with a function from `MethodInputs` to a `QuantizedModel`, and a row here. Methods combine the
steps of `edgeall.exporting.int8`. Worker processes run them (`shared_int8`); `candidates` compares their models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edgeall.exporting.int8 import QuantizedModel
from edgeall.exporting.int8_methods import post_training, quantization_aware
from edgeall.exporting.int8_methods.method_inputs import MethodInputs


@dataclass(frozen=True)
class Int8Method:
    """One row.

    Attributes:
        trains: the method needs labelled training images. `--int8-method qat` selects these methods.
    """

    make: Callable[[MethodInputs], QuantizedModel]
    trains: bool


METHODS: Mapping[str, Int8Method] = MappingProxyType(
    {
        "bias-correction": Int8Method(post_training.make, trains=False),
        "fine-tuning": Int8Method(quantization_aware.make, trains=True),
    }
)
"""By name, in the order of preference. The first is compared in every export. Each later one is a fallback: it is made
where those before it fail their gate and no candidate passes. Names are part of manifests and of cache keys."""

__all__ = ["METHODS", "Int8Method", "MethodInputs"]
