"""Settings of a training, checked on construction. Imports no engine."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from edgeall.errors import UsageError
from edgeall.suggestions import unknown_name
from edgeall.training.augment import Augmentation
from edgeall.training.backbones import find_backbone
from edgeall.training.heads import find_head

IMAGENET = "imagenet"
RANDOM = "random"
Schedule = Literal["cosine", "constant"]
CALIBRATIONS = ("temperature", "platt", "none")
"""Methods of probability calibration: see `edgeall.training.probability_calibration`."""


@dataclass(frozen=True)
class TrainingSettings:
    """Hyper-parameters. The defaults are the default protocol: a head on frozen features, then the upper layers.

    Attributes:
        recipe: name of the protocol (`edgeall.training.protocols`) that set them; recorded only.
        weights: "imagenet" (downloaded by Keras), "random" (seeded) or the path of a weights file.
        fine_tune: how deep the second phase reaches. "none": no second phase; "upper": the layers above the backbone's
            `upper` layer; "all": all layers; the name of a layer: the layers above its output; "published": the part
            that the published comparison trained, with BatchNorm's scales and shifts; "scratch": all layers with
            BatchNorm's scales and shifts, and its moving averages measured anew on training images after each epoch.
            None: the head's default.
        head_epochs, epochs: most epochs of the first and second phase; 0 leaves the phase out. Without a first phase
            the second also trains the head, at any depth.
        head_rate, rate: learning rates of Adam.
        schedule: of the second phase: "cosine" warms up and then falls to 0, "constant" stays at `rate`.
        head_patience, patience: a phase ends after this many epochs without a better validation, and the best epoch
            is kept. A `patience` of 0 means no early stopping, and the last epoch is kept.
        views: augmented views of each training image whose frozen features are computed once; epochs use them in
            turn.
        dropout: share of features dropped in head `gap` during training, in 0..0.95.
        balanced: weight classes inversely to their frequency.
        input_size: height and width in pixels.
        calibration: of probabilities, on validation images, one of `CALIBRATIONS`.
        threshold: score from which a verdict is positive, in 0..1; None: Youden's, on validation images.
        min_sensitivity, min_specificity: required of the verdicts outside the referral band, in 0..1. The band is
            chosen on validation images. Both or neither.
        fractions: shares of train, val and test, where no split is given.
        seed: of initial weights, order of images, augmentation, dropout and the split.
    """

    backbone: str
    head: str = "gap"
    weights: str = RANDOM
    recipe: str = "default"
    fine_tune: str | None = None
    head_epochs: int = 200
    epochs: int = 10
    head_rate: float = 3e-3
    rate: float = 1e-4
    batch_size: int = 16
    schedule: Schedule = "cosine"
    head_patience: int = 40
    patience: int = 5
    views: int = 4
    dropout: float = 0.2
    balanced: bool = True
    input_size: int = 224
    calibration: str = "temperature"
    threshold: float | None = None
    min_sensitivity: float | None = None
    min_specificity: float | None = None
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        backbone, head = find_backbone(self.backbone), find_head(self.head)
        for name, value in {
            "backbone": backbone.name,
            "head": head.name,
            "fine_tune": self.fine_tune or head.fine_tune,
        }.items():
            object.__setattr__(self, name, value)
        _within(self, "head_epochs", 0, 10_000)
        _within(self, "epochs", 0, 10_000)
        _within(self, "batch_size", 1, 4096)
        _within(self, "head_patience", 1, 10_000)
        _within(self, "patience", 0, 10_000)
        _within(self, "views", 1, 1000)
        _within(self, "head_rate", 1e-9, 1)
        _within(self, "rate", 1e-9, 1)
        _within(self, "dropout", 0, 0.95)
        _within(self, "input_size", backbone.least_size, 1024)
        _within(self, "seed", 0, 2**31 - 1)
        for name in ("threshold", "min_sensitivity", "min_specificity"):
            if getattr(self, name) is not None:
                _within(self, name, 0, 1)
        if (self.min_sensitivity is None) != (self.min_specificity is None):
            raise UsageError("a referral band needs both a minimum sensitivity and a minimum specificity")
        if not self.head_epochs + self.epochs:
            raise UsageError("0 epochs of the head and 0 of fine-tuning: give one of them more")
        if self.calibration not in CALIBRATIONS:
            raise unknown_name("calibration", self.calibration, CALIBRATIONS)
        if self.schedule not in get_args(Schedule):
            raise unknown_name("schedule", self.schedule, get_args(Schedule))
        if self.weights not in (IMAGENET, RANDOM) and not Path(self.weights).is_file():
            raise UsageError(
                f"weights '{self.weights}': no such file; give '{IMAGENET}', '{RANDOM}' or a weights file"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with defaults."""
        return dataclasses.asdict(self) | {"fractions": list(self.fractions)}


def _within(settings: TrainingSettings, name: str, least: float, most: float) -> None:
    value = getattr(settings, name)
    if not (math.isfinite(value) and least <= value <= most):
        raise UsageError(f"{name.replace('_', ' ')} {value} is not between {least} and {most}")
