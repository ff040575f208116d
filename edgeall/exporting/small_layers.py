"""Which layers of a float16 model keep float32 weights, where half precision throughout moves its answer too far.

Half precision changes a weight by one part in 2,000 at most. The first layers have the fewest weights, and whatever
they make differently goes through all others: of MobileNetV2 fine-tuned on C-NMC 288 of 2.2 million weights, the first
depthwise kernel, do six sevenths of what rounding all of them does (`benchmarks/results/int8-defaults.md`).
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")

PREFIX = "small-layers-"
STEPS = (0.1, 1.0, 5.0)
"""Percent of a model's weights that "small-layers" leaves in float32, one attempt each, until one passes."""


def smallest(sizes: Mapping[Key, int], percent: float) -> set[Key]:
    """Of kernels and their numbers of weights, the smallest ones, which together have at most `percent` of all."""
    left = sum(sizes.values()) * percent / 100
    kept: set[Key] = set()
    for key in sorted(sizes, key=lambda key: sizes[key]):
        left -= sizes[key]
        if left < 0:
            break
        kept.add(key)
    return kept


def percent_of(method: str) -> float:
    """How much a method of this name leaves in float32: nothing, unless it says so."""
    return float(method.removeprefix(PREFIX)) if method.startswith(PREFIX) else 0.0
