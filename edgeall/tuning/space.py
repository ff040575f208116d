"""The search space as a table with one row for each hyper-parameter. Imports no engine."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from edgeall.training.heads import HEADS
from edgeall.training.settings import TrainingSettings

DEPTHS: dict[str, tuple[str, str]] = {
    "vgg16": ("block5_conv1", "block3_pool"),
    "vgg19": ("block5_conv2", "block3_pool"),
    "resnet101v2": ("conv5_block1_out", "conv4_block12_out"),
    "densenet201": ("conv5_block16_concat", "pool3_pool"),
    "mobilenetv2": ("block_14_add", "block_9_add"),
    "inceptionv3": ("mixed9", "mixed6"),
}
"""Layers above which to fine-tune, by backbone: one above its `upper`, one below. All paths run through each."""


class Sampler(Protocol):
    """Proposes values: an Optuna trial, or an object with the same methods."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any: ...
    def suggest_float(self, name: str, low: float, high: float, /, *, log: bool) -> float: ...
    def suggest_int(self, name: str, low: int, high: int, /, *, log: bool) -> int: ...


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def suggest(self, trial: Sampler, name: str) -> Any:
        return trial.suggest_categorical(name, self.values)


@dataclass(frozen=True)
class Rate:
    """A number, uniform on a logarithmic scale, rounded to three digits so that it is short enough to retype."""

    low: float
    high: float

    def suggest(self, trial: Sampler, name: str) -> float:
        return float(f"{trial.suggest_float(name, self.low, self.high, log=True):.3g}")


@dataclass(frozen=True)
class Count:
    """A whole number, uniform on a logarithmic scale."""

    low: int
    high: int

    def suggest(self, trial: Sampler, name: str) -> int:
        return trial.suggest_int(name, self.low, self.high, log=True)


def _trains_head_first(settings: TrainingSettings) -> bool:
    return settings.head_epochs > 0


def _fine_tunes(settings: TrainingSettings) -> bool:
    return settings.epochs > 0


def _has_second_phase(settings: TrainingSettings) -> bool:
    return settings.epochs > 0 and (settings.fine_tune != "none" or not settings.head_epochs)


def _always(settings: TrainingSettings) -> bool:
    return True


Range = Choice | Rate | Count


def ranges(backbone: str) -> dict[str, tuple[Range, Callable[[TrainingSettings], bool]]]:
    """Searched fields of `TrainingSettings`, in the order of proposing.

    Each has its range, and whether it has an effect given the values proposed before it.
    """
    return {
        "head": (Choice(tuple(HEADS)), _always),
        "fine_tune": (Choice(("none", "upper", "all", *DEPTHS[backbone])), _fine_tunes),
        "batch_size": (Choice((8, 16, 32, 64)), _always),
        "head_rate": (Rate(1e-4, 3e-2), _trains_head_first),
        "rate": (Rate(1e-6, 1e-3), _has_second_phase),
        # Most epochs of fine-tuning. Early stopping ends the head's phase, and can end this one.
        "epochs": (Count(3, 40), _has_second_phase),
    }


def searched(settings: TrainingSettings, fixed: Collection[str]) -> list[str]:
    """Names of the fields that are searched while `fixed` ones stay as in `settings`."""
    return [
        name
        for name, (_, matters) in ranges(settings.backbone).items()
        if name not in fixed and matters(settings)
    ]


def propose(trial: Sampler, settings: TrainingSettings, fixed: Collection[str]) -> TrainingSettings:
    """`settings` with the values that `trial` suggests for the searched fields."""
    for name, (values, matters) in ranges(settings.backbone).items():
        if name not in fixed and matters(settings):
            value: Any = values.suggest(trial, name)
            settings = dataclasses.replace(settings, **{name: value})
    return settings
