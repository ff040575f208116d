"""Which layers of a float16 model keep float32 weights: the smallest, which cost nothing and matter most.

Half precision changes a weight by one part in 2,000 at most. The first layers have the fewest weights, and whatever
they make differently goes through all others: of MobileNetV2 fine-tuned on C-NMC 288 of 2.2 million weights, the first
depthwise kernel, do six sevenths of what rounding all of them does (`benchmarks/results/int8-defaults.md`).
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")

PERCENT = 0.1
"""Of a model's weights that stay in float32."""


def smallest(sizes: Mapping[Key, int]) -> set[Key]:
    """Of kernels and their numbers of weights, the smallest ones, which together have at most `PERCENT` of all."""
    left = sum(sizes.values()) * PERCENT / 100
    kept: set[Key] = set()
    for key in sorted(sizes, key=lambda key: sizes[key]):
        left -= sizes[key]
        if left < 0:
            break
        kept.add(key)
    return kept
