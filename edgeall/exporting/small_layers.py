"""Selects the layers of a float16 model that keep float32 weights: the smallest.

Half precision changes a weight by one part in 2,000 at most. The first layers have the fewest weights, and their errors
pass through all others. In MobileNetV2 fine-tuned on C-NMC, the 288 weights of the first depthwise kernel, of 2.2
million, cause six sevenths of the change of the output (`benchmarks/results/int8-defaults.md`).
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")

PERCENT = 0.1
"""Percentage of a model's weights that stay in float32, at most."""


def smallest(sizes: Mapping[Key, int]) -> set[Key]:
    """The smallest kernels, with at most `PERCENT` of all weights together; `sizes`: number of weights by kernel."""
    left = sum(sizes.values()) * PERCENT / 100
    kept: set[Key] = set()
    for key in sorted(sizes, key=lambda key: sizes[key]):
        left -= sizes[key]
        if left < 0:
            break
        kept.add(key)
    return kept
