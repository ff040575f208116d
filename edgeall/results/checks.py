"""What fields of results have in common: keys that may be missing, and limits of numbers."""

import math
from typing import Any

from msgspec import UNSET

from edgeall.statistics import Estimate

ABSENT: Any = UNSET
"""Default of a key that may be missing and may be null. Only keys that nothing but the file reads have it."""

SOMETIMES = {"sometimes": True}
"""Metadata of a field that is left out of the JSON while it has its default."""


def check_limits(value: object, low: float, high: float, *names: str, of: str = "") -> None:
    """Raise ValueError where an attribute is a number outside [low, high]. `of` precedes its name."""
    for name in names:
        number = getattr(value, name)
        if isinstance(number, int | float) and not low <= number <= high:
            limits = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise ValueError(f"{of}{name} is {str(number)[:20]}, not {limits}")


def check_interval(name: str, estimate: Estimate, low: float, high: float) -> None:
    """Raise ValueError unless low <= estimate.low <= estimate.value <= estimate.high <= high."""
    check_limits(estimate, low, high, "value", of=f"{name}.")
    check_limits(estimate, low, estimate.value, "low", of=f"{name}.")
    check_limits(estimate, estimate.value, high, "high", of=f"{name}.")


def check_share(name: str, estimate: Estimate | None) -> None:
    """Raise ValueError unless a share and its interval are in [0, 1] and in order."""
    if estimate is not None:
        check_interval(name, estimate, 0, 1)
