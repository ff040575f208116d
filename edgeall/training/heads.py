"""Classifier heads: features to class probabilities. Keras is imported only to build layers."""

import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal

from edgeall.suggestions import unknown_name


@dataclass(frozen=True)
class Head:
    """A classifier head: a reduction of the feature map, dropout, hidden layers, one output layer.

    Attributes:
        reduction: global average over positions, or all positions flattened.
        hidden: units of the hidden ReLU layers.
        fine_tune: default depth of fine-tuning with this head.
    """

    name: str
    description: str
    reduction: Literal["average", "flatten"]
    hidden: tuple[int, ...]
    dropout: bool
    fine_tune: str

    def parameters(self, features: tuple[int, int, int], outputs: int = 1) -> int:
        """Number of parameters on a (height, width, channels) feature map."""
        width = features[2] if self.reduction == "average" else math.prod(features)
        widths = (width, *self.hidden, outputs)
        return sum((before + 1) * after for before, after in itertools.pairwise(widths))

    def layers(self, outputs: int, dropout: float, seed: int) -> list[Any]:
        """New Keras layers, in order. The first has no parameters; the last is named "probability".

        Args:
            outputs: 1 (sigmoid: the probability of the second of two classes) or the number of classes (softmax).
        """
        from keras import initializers, layers

        reduce = layers.GlobalAveragePooling2D if self.reduction == "average" else layers.Flatten
        stack: list[Any] = [reduce(name="features")]
        if self.dropout:
            stack.append(layers.Dropout(dropout, seed=seed, name="dropout"))
        for index, units in enumerate(self.hidden):
            kernel = initializers.GlorotUniform(seed=seed + index)
            stack.append(layers.Dense(units, "relu", kernel_initializer=kernel, name=f"hidden_{index + 1}"))
        # On frozen features a head without hidden layers is a logistic regression, which converges fastest from
        # zero. Random weights on a thousand features would be noise to unlearn first.
        kernel = initializers.GlorotUniform(seed=seed + len(self.hidden)) if self.hidden else "zeros"
        activation = "sigmoid" if outputs == 1 else "softmax"
        stack.append(layers.Dense(outputs, activation, kernel_initializer=kernel, name="probability"))
        return stack


HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        Head("gap", "global average pooling, dropout, one output", "average", (), True, "upper"),
        Head(
            "paper",
            "Flatten, Dense 256, Dense 128, Dense 1, as published",
            "flatten",
            (256, 128),
            False,
            "published",
        ),
    )
}
"""The heads, by name; the first is the default."""


def find_head(name: str) -> Head:
    """Look up a head by its name, in any case.

    Raises:
        UsageError: unknown name; the message suggests the nearest.
    """
    try:
        return HEADS[name.lower()]
    except KeyError:
        raise unknown_name("head", name, HEADS) from None
