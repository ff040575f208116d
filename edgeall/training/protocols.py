"""Training protocols by name: tables of what they set. A new protocol is a new row. Imports no engine."""

from typing import Any

from edgeall.suggestions import unknown_name
from edgeall.training.settings import TrainingSettings

DEFAULT = "default"

RECIPES: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    # Flatten, Dense 256, 128, 1; 80/20 split; 50 epochs; rotation, flips, scaling and brightness, as published.
    # Adam's rate and the batch size were tuned there and not told; of the 80%, a fifth watches here. Nothing is
    # chosen by it: no early stopping, the last epoch's weights, threshold 0.5, probabilities as they come.
    "paper": {
        "head": "paper",
        "fine_tune": "published",
        "head_epochs": 0,
        "epochs": 50,
        "rate": 1e-4,
        "schedule": "constant",
        "patience": 0,
        "views": 50,
        "balanced": False,
        "calibration": "none",
        "threshold": 0.5,
        "fractions": (0.64, 0.16, 0.2),
    },
}
"""What each protocol sets of `TrainingSettings`; the rest is as there."""


def settings(recipe: str, backbone: str, **given: Any) -> TrainingSettings:
    """Settings of a protocol; what is `given` goes before what it sets.

    Raises:
        UsageError: no such protocol, or a value that makes no sense.
    """
    if recipe not in RECIPES:
        raise unknown_name("recipe", recipe, RECIPES)
    return TrainingSettings(backbone, recipe=recipe, **(RECIPES[recipe] | given))
