"""A JSON value that knows where it stands in its file, so that what is wrong with it can be said in one line."""

import json
import math
import sys
from dataclasses import dataclass
from typing import Any

from edgeall.errors import MeasurementError


@dataclass(frozen=True)
class At:
    """A value and the way to it, for messages: `laptop.json: results[3].accuracy.low`."""

    path: str
    value: Any

    def wrong(self, wanted: str) -> MeasurementError:
        shown = json.dumps(self.value)[:40] if self.value is not None else "nothing"
        return MeasurementError(
            f"{self.path}: expected {wanted}, found {shown}; not a result of this edgeall's bench"
        )

    def get(self, key: str) -> "At":
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        colon = "." if ": " in self.path else ": "
        return At(f"{self.path}{colon}{key}", self.value.get(key))

    def maybe(self, key: str) -> "At | None":
        inner = self.get(key)
        return None if inner.value is None else inner

    def items(self) -> "list[At]":
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [At(f"{self.path}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        # A name may come from a stranger's file: no control characters reach the terminal.
        return "".join(char for char in self.value if char.isprintable())

    def one_of(self, allowed: Any) -> Any:
        if self.value not in allowed:
            raise self.wrong(" or ".join(allowed))
        return self.value

    def number(self, least: float = -math.inf, most: float = math.inf) -> float:
        value = self.value
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not max(least, -sys.float_info.max) <= value <= min(most, sys.float_info.max)
        ):
            limits = (
                ""
                if math.isinf(least)
                else f" from {least:g}" + ("" if math.isinf(most) else f" to {most:g}")
            )
            raise self.wrong(f"a number{limits}")
        return float(value)

    def count(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.wrong("a whole number")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value
