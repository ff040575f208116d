"""Training protocols by name, as tables of settings. Another protocol is another row. Imports no engine."""

from typing import Any

from edgeall.suggestions import unknown_name
from edgeall.training.settings import TrainingSettings

DEFAULT = "default"

RECIPES: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    # Flatten, Dense 256, 128, 1; 80/20 split; 50 epochs; rotation, flips, scaling and brightness, as published.
    # The publication does not state Adam's rate and the batch size. A fifth of the 80% is for validation here, without
    # any choice by it: no early stopping, the last epoch's weights, threshold 0.5, no calibration.
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
    # A head on random features, or upper layers above them, learns little. All layers train, at a rate for weights that
    # hold nothing yet, and the last epochs are the settled ones.
    "scratch": {
        "fine_tune": "scratch",
        "head_epochs": 0,
        "epochs": 30,
        "rate": 1e-3,
        "patience": 10,
    },
}
"""Settings of each protocol; others have the defaults of `TrainingSettings`."""


def settings(recipe: str, backbone: str, **given: Any) -> TrainingSettings:
    """Settings of a protocol; `given` settings override it.

    Raises:
        UsageError: no such protocol, or an invalid value.
    """
    if recipe not in RECIPES:
        raise unknown_name("recipe", recipe, RECIPES)
    return TrainingSettings(backbone, recipe=recipe, **(RECIPES[recipe] | given))
